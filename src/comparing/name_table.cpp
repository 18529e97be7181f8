#include "ipscore/comparing/name_table.hpp"

#include "ipscore/core/error.hpp"

namespace ipscore::comparing {

std::uint32_t NameTable::insert(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    if (index_.bytes_with(1, name.size()) > bytes_max_) {
        throw InputError(
            "the names of tags and companies do not fit into the memory; give a larger --memory");
    }
    return index_.insert(name, StringIndex::hash_of(name));
}

std::uint64_t NameTable::bytes() const {
    const std::scoped_lock lock(mutex_);
    return index_.bytes_with(0, 0);
}

void NameTable::allow_more(std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    bytes_max_ = index_.bytes_with(0, 0) + bytes;
}

std::size_t NameTable::size() const {
    const std::scoped_lock lock(mutex_);
    return index_.strings().size();
}

std::string NameTable::text(std::uint32_t name) const {
    const std::scoped_lock lock(mutex_);
    return std::string(index_.strings()[name]);
}

std::uint32_t NameCache::find(std::string_view name) {
    // Rows of one company lie together.
    if (has_last_ && last_text_ == name) return last_;
    const auto known = known_.find(name);
    if (known != known_.end()) {
        last_ = known->second;
    } else {
        last_ = table_->insert(name);
        if (known_.size() >= names_max) known_.clear();
        known_.emplace(name, last_);
    }
    last_text_ = name;
    has_last_ = true;
    return last_;
}

} // namespace ipscore::comparing
