// Observations sorted by (address, key, day), as segments and table parts hold them.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/io/column.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ipscore::io {

/// Rows of one address, as columns of equal length: key id, day since 1970-01-01, hits.
struct RowSpan {
    std::span<const std::uint32_t> key;
    std::span<const std::uint16_t> day;
    std::span<const std::uint32_t> hits;
    std::span<const std::uint32_t> source = {}; ///< empty where nobody asked for it
    std::size_t keys_ahead = 0; ///< keys of the rows to come that lie behind `key` in memory; valid ids

    [[nodiscard]] std::size_t size() const noexcept { return key.size(); }
    [[nodiscard]] bool empty() const noexcept { return key.empty(); }
};

/// Consecutive addresses, each with all of its rows.
struct AddressRun {
    std::span<const std::uint64_t> hi;
    std::span<const std::uint64_t> lo;
    std::span<const std::uint64_t> row_counts; ///< by address; at least 1
    RowSpan rows;                              ///< of all of them
};

/// Where to begin reading: `row` is the first row of address number `address_index`.
struct SeekPoint {
    Address address;
    std::uint64_t address_index = 0;
    std::uint64_t row = 0;
};

/// Writes addresses in rising order, each with its rows in order of (key, day).
class SortedRowsWriter {
public:
    explicit SortedRowsWriter(H5File& file);

    void begin_address(Address address);
    /// Rows of the address begun last.
    void append(const RowSpan& rows);
    void append(std::uint32_t key, std::uint16_t day, std::uint32_t hits) {
        buffer_key_[buffered_] = key;
        buffer_day_[buffered_] = day;
        buffer_hits_[buffered_] = hits;
        if (++buffered_ == buffer_rows) flush();
    }
    void finish();

    [[nodiscard]] std::uint64_t addresses() const noexcept { return hi_.size(); }
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_ + buffered_; }
    [[nodiscard]] Address first_address() const noexcept { return first_; }
    [[nodiscard]] Address last_address() const noexcept { return last_; }
    /// Of all columns; after finish().
    [[nodiscard]] std::uint64_t checksum() const;
    [[nodiscard]] std::uint64_t stored_bytes() const noexcept;

private:
    static constexpr std::size_t buffer_rows = 4096;
    void flush();
    void end_address();

    ColumnWriter<std::uint64_t> hi_;
    ColumnWriter<std::uint64_t> lo_;
    ColumnWriter<std::uint64_t> address_rows_;
    ColumnWriter<std::uint32_t> key_;
    ColumnWriter<std::uint16_t> day_;
    ColumnWriter<std::uint32_t> hits_;
    std::vector<std::uint32_t> buffer_key_;
    std::vector<std::uint16_t> buffer_day_;
    std::vector<std::uint32_t> buffer_hits_;
    std::size_t buffered_ = 0;
    std::uint64_t rows_ = 0;              ///< without the buffer
    std::uint64_t address_begins_at_ = 0; ///< row
    Address first_;
    Address last_;
};

/// Reads addresses in order. Throws InputError on what is damaged.
class SortedRowsReader {
public:
    /// Key ids must be below `keys`. `with_sources`: the file must have the source of each row.
    SortedRowsReader(const H5File& file, std::uint64_t keys, bool with_sources = false);

    [[nodiscard]] std::uint64_t addresses() const noexcept { return hi_.size(); }
    [[nodiscard]] std::uint64_t rows() const noexcept { return key_.size(); }

    /// Goes to the next address, past what is left of the current one. False at the end.
    bool next_address();
    [[nodiscard]] Address address() const noexcept { return address_; }
    /// Rows of the current address that next_rows() has not given yet.
    [[nodiscard]] std::uint64_t rows_left() const noexcept { return rows_left_; }
    /// The next rows of the current address, at most `at_most`; empty when there are none left. Valid until
    /// the next call.
    RowSpan next_rows(std::uint64_t at_most = ~std::uint64_t{0});
    /// Goes past as many of the next addresses as are in memory whole, within these bounds; the last one is
    /// the current one then. None when rows of the current address are left, or when the next one is not in
    /// memory whole. Valid until the next call.
    AddressRun next_whole_addresses(std::size_t addresses_max, std::uint64_t rows_max);
    /// Makes the seek point's address the one that next_address() goes to.
    void seek(const SeekPoint& point);

private:
    void seek_row(std::uint64_t row);
    /// False when there are no more addresses.
    bool load_addresses();
    void skip_addresses(std::size_t count);
    [[noreturn]] void impossible_row_count(Address address) const;
    void check_keys(const RowSpan& rows);

    const H5File* file_;
    std::uint64_t keys_;
    ColumnReader<std::uint64_t> hi_;
    ColumnReader<std::uint64_t> lo_;
    ColumnReader<std::uint64_t> address_rows_;
    ColumnReader<std::uint32_t> key_;
    ColumnReader<std::uint16_t> day_;
    ColumnReader<std::uint32_t> hits_;
    std::optional<ColumnReader<std::uint32_t>> source_;
    std::span<const std::uint64_t> hi_left_;
    std::span<const std::uint64_t> lo_left_;
    std::span<const std::uint64_t> address_rows_left_;
    Address address_;
    std::uint64_t rows_left_ = 0;
    std::uint64_t keys_checked_from_ = 0; ///< rows of the chunk whose keys have been checked
    std::uint64_t keys_checked_to_ = 0;
};

} // namespace ipscore::io
