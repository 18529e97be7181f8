// Rows that are in the file of a segment and count no more: files are never changed in place.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/network_set.hpp"
#include "ipscore/io/sorted_rows.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ipscore::io {

/// Which rows of one segment count.
struct RowFilter {
    Day keep_from = 0; ///< earlier days were pruned; 0: none were
    /// Sources that were replaced: numbers of `rows/source`, rising.
    std::vector<std::uint32_t> removed_sources;
    NetworkSet forgotten; ///< addresses that are to be as if they had never been seen

    [[nodiscard]] bool keeps_all() const noexcept {
        return keep_from == 0 && removed_sources.empty() && forgotten.empty();
    }
    /// Empty where it keeps all. Filters with equal texts keep the same.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const RowFilter&, const RowFilter&) = default;
};

/// An object with those of `keep_from`, `removed_sources` and `forgotten` that drop anything.
[[nodiscard]] nlohmann::ordered_json to_json(const RowFilter& filter);
/// Of an object that may have other members as well. Throws nlohmann::json::exception and
/// std::invalid_argument.
[[nodiscard]] RowFilter row_filter_of(const nlohmann::ordered_json& json);

/// Reads the rows of a segment that count. Throws InputError on what is damaged.
class FilteredRowsReader {
public:
    /// Key ids must be below `keys`. Rows have their sources where `with_sources` asks for them, or
    /// where the filter needs them; the file must have them then.
    FilteredRowsReader(const H5File& file, std::uint64_t keys, RowFilter filter, bool with_sources = false);

    /// Goes to the next address, past what is left of the current one. It may have no row that counts.
    /// False at the end.
    bool next_address();
    [[nodiscard]] Address address() const noexcept { return reader_.address(); }
    /// At most so many rows of the current address are still to come.
    [[nodiscard]] std::uint64_t rows_left() const noexcept { return reader_.rows_left(); }
    /// The next rows of the current address, at most `at_most`; empty when there are none left. Valid until
    /// the next call.
    RowSpan next_rows(std::uint64_t at_most = ~std::uint64_t{0});
    /// As of SortedRowsReader; none where the filter may drop rows.
    AddressRun next_whole_addresses(std::size_t addresses_max, std::uint64_t rows_max) {
        return filter_.keeps_all() ? reader_.next_whole_addresses(addresses_max, rows_max) : AddressRun{};
    }
    /// Makes the seek point's address the one that next_address() goes to, if it counts.
    void seek(const SeekPoint& point) { reader_.seek(point); }

private:
    [[nodiscard]] RowSpan kept(const RowSpan& all);

    SortedRowsReader reader_;
    RowFilter filter_;
    std::vector<std::uint32_t> key_;
    std::vector<std::uint16_t> day_;
    std::vector<std::uint32_t> hits_;
    std::vector<std::uint32_t> source_;
};

} // namespace ipscore::io
