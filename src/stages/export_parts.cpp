#include "export_parts.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/h5.hpp"
#include "ipscore/io/strings.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::stages::exporting {

namespace {

/// Some of the strings there are, for whoever mistyped one.
std::string some_of(const ByteStrings& all) {
    constexpr std::size_t shown_max = 8;
    if (all.empty()) return "none";
    std::string text;
    for (std::size_t i = 0; i < std::min(all.size(), shown_max); ++i) {
        text += (i > 0 ? ", " : "") + io::quoted_for_message(all[i]);
    }
    return all.size() > shown_max ? fmt::format("{} and {} more", text, all.size() - shown_max) : text;
}

/// Fields that need no quotes, nor a second look, are by far the most.
bool needs_quotes(std::string_view text) noexcept {
    bool needs = false;
    for (const char c : text) needs |= c == ',' || c == '"' || c == '\r' || c == '\n';
    return needs;
}

} // namespace

CsvFields::CsvFields(const ByteStrings& strings) {
    std::vector<char> bytes;
    std::vector<std::uint64_t> offsets{0};
    bytes.reserve(strings.bytes().size());
    offsets.reserve(strings.size() + 1);
    std::string quoted;
    for (std::size_t i = 0; i < strings.size(); ++i) {
        std::string_view field = strings[i];
        if (needs_quotes(field)) {
            quoted.clear();
            io::append_csv_field(quoted, field);
            field = quoted;
        }
        bytes.insert(bytes.end(), field.begin(), field.end());
        offsets.push_back(bytes.size());
        bytes_max = std::max(bytes_max, field.size());
    }
    fields = ByteStrings(std::move(bytes), std::move(offsets));
}

AddressFilter::AddressFilter(const std::vector<Network>& networks) {
    for (const Network& network : networks) ranges_.push_back({network.first, network.last()});
    // Networks are nested or disjoint, so what follows one in this order lies in it or behind it.
    std::ranges::sort(ranges_, [](const Range& a, const Range& b) {
        return a.first != b.first ? a.first < b.first : b.last < a.last;
    });
    std::size_t kept = 0;
    for (const Range range : ranges_) {
        if (kept == 0 || ranges_[kept - 1].last < range.first) ranges_[kept++] = range;
    }
    ranges_.resize(kept);
}

bool AddressFilter::passes_any(Address first, Address last) const noexcept {
    if (passes_all()) return true;
    const auto range = std::ranges::lower_bound(ranges_, first, {}, &Range::last);
    return range != ranges_.end() && range->first <= last;
}

std::vector<bool> choose(const ByteStrings& all, const std::vector<std::string>& names, std::string_view what,
                         const std::filesystem::path& where) {
    if (names.empty()) return {};
    std::vector<bool> chosen(all.size());
    for (const std::string& name : names) {
        const auto found = all.find_sorted(name);
        if (!found) {
            throw InputError(fmt::format("{}: there is no {} {}; there are {}", where.string(), what,
                                         io::quoted_for_message(name), some_of(all)));
        }
        chosen[*found] = true;
    }
    return chosen;
}

PartWalk::PartWalk(std::filesystem::path directory, const std::vector<io::PartRecord>& parts,
                   const char* format)
    : directory_(std::move(directory)), parts_(&parts), format_(format) {}

std::optional<std::filesystem::path> PartWalk::next() {
    const auto is_wanted = [&](const io::PartRecord& part) {
        return filter_ == nullptr || filter_->passes_all() ||
               (part.addresses > 0 && filter_->passes_any(part.first_address, part.last_address));
    };
    while (next_ < parts_->size() && !is_wanted((*parts_)[next_])) ++next_;
    if (next_ == parts_->size()) return std::nullopt;
    const std::size_t part = next_++;
    return io::open_listed_part(directory_, format_, part, record()).path();
}

} // namespace ipscore::stages::exporting
