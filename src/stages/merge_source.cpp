#include "merge_source.hpp"

#include "ipscore/io/format.hpp"
#include "seek_address.hpp"

#include <algorithm>

namespace ipscore::stages {

Dictionary OpenTable::dictionary() const {
    auto index_file = std::make_shared<io::H5File>(io::H5File::open(path / io::format::index_name));
    return {[index_file] { return io::StringsReader(*index_file, io::format::dictionary); }, keys};
}

std::unique_ptr<OpenTable> open_table(const std::filesystem::path& path) {
    return std::make_unique<OpenTable>(
        OpenTable{.path = path, .index = io::read_table_index(path, false), .keys = io::table_keys(path)});
}

MergeSource::MergeSource(const MergeInput& input)
    : segment_(input.segment), table_(input.table), keys_(input.table_key.size()), filter_(input.filter) {
    if (segment_ == nullptr) return;
    const bool with_sources = !input.sources.empty() && segment_->has_sources();
    reader_.emplace(segment_->reader(keys_, filter_, with_sources));
}

bool MergeSource::seek(Address first) {
    if (segment_ != nullptr) return seek_address(*segment_, *reader_, first);
    const auto& parts = table_->index.parts;
    const auto part = std::ranges::lower_bound(parts, first, {}, &io::PartRecord::last_address);
    if (!open_part(static_cast<std::size_t>(part - parts.begin()))) return false;
    while (address() < first) {
        if (!next_address()) return false;
    }
    return true;
}

bool MergeSource::next_address() {
    if (reader_->next_address()) return true;
    return table_ != nullptr && open_part(part_ + 1);
}

bool MergeSource::open_part(std::size_t part) {
    const auto& parts = table_->index.parts;
    for (; part < parts.size(); ++part) {
        if (parts[part].rows == 0) continue;
        reader_.reset(); // it points into the file
        file_.reset();
        file_.emplace(io::open_listed_part(table_->path, io::format::table_part, part, parts[part]));
        reader_.emplace(*file_, keys_, filter_);
        part_ = part;
        if (reader_->next_address()) return true;
    }
    return false;
}

} // namespace ipscore::stages
