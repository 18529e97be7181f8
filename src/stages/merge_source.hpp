// Where a merge reads from: a segment of the store, or a table made before.
#pragma once

#include "dictionary_merge.hpp"
#include "ipscore/core/day_set.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/io/table.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace ipscore::stages {

/// A finished table, whose parts hold its addresses in order.
struct OpenTable {
    std::filesystem::path path;
    io::TableIndex index; ///< without the dictionary
    std::uint64_t keys = 0;

    [[nodiscard]] Dictionary dictionary() const;
};
/// Throws InputError when it is no finished table.
[[nodiscard]] std::unique_ptr<OpenTable> open_table(const std::filesystem::path& path);

/// A segment or a table with the ids that its keys have in what is written. One of the two is there.
struct MergeInput {
    const io::Segment* segment = nullptr;
    std::span<const std::uint32_t> table_key; ///< by key id of the segment; rising, but for io::no_key
    io::RowFilter filter = {};                ///< rows that it drops are as if they were not there
    /// Numbers that the segment's sources have in what is written, where that has sources; by number in the
    /// segment, and one where its rows have none.
    std::vector<std::uint32_t> sources = {};
    bool leaves_out = false;           ///< rows of keys that have io::no_key; else no row has one
    const OpenTable* table = nullptr;  ///< has no sources
    const DaySet* only_days = nullptr; ///< rows of other days count as outside the days; nullptr: of all days
};

/// Reads the rows of an input that its filter keeps. Throws InputError on what is damaged.
class MergeSource {
public:
    explicit MergeSource(const MergeInput& input);
    MergeSource(const MergeSource&) = delete;
    MergeSource& operator=(const MergeSource&) = delete;

    /// Makes the first address from `first` on the current one. False where there is none.
    bool seek(Address first);
    /// Goes to the next address, past what is left of the current one. False at the end.
    bool next_address();
    [[nodiscard]] Address address() const noexcept { return reader_->address(); }
    /// At most so many rows of the current address are still to come.
    [[nodiscard]] std::uint64_t rows_left() const noexcept { return reader_->rows_left(); }
    /// As of io::FilteredRowsReader.
    io::RowSpan next_rows(std::uint64_t at_most = ~std::uint64_t{0}) { return reader_->next_rows(at_most); }
    io::AddressRun next_whole_addresses(std::size_t addresses_max, std::uint64_t rows_max) {
        return reader_->next_whole_addresses(addresses_max, rows_max);
    }

private:
    /// Opens part after part from `part` on until one has an address that counts.
    bool open_part(std::size_t part);

    const io::Segment* segment_;
    const OpenTable* table_;
    std::uint64_t keys_;
    io::RowFilter filter_;
    std::size_t part_ = 0;           ///< of the table, that is open
    std::optional<io::H5File> file_; ///< of that part
    std::optional<io::FilteredRowsReader> reader_;
};

} // namespace ipscore::stages
