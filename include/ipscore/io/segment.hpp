// Segments: the sorted runs of the store.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/row_filter.hpp"
#include "ipscore/io/rows_per_day.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/io/strings.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::io {

/// Rows of one source in a segment that has rows of several.
struct SegmentSource {
    std::string id;
    RowsPerDay days; ///< of rows that count
};

/// What the manifest says of a segment.
struct SegmentInfo {
    std::string id; ///< the file is segments/<id>.h5
    std::uint64_t rows = 0;
    std::uint64_t addresses = 0;
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;    ///< of the file
    std::uint64_t checksum = 0; ///< of the columns
    RowsPerDay days;            ///< of rows that count
    RowFilter filter = {};      ///< of rows that are in the file
    /// In the order of `rows/source`; empty where all rows are of one source. Their days add up to `days`.
    std::vector<SegmentSource> sources = {};

    // What counts no more from now on.
    void prune(Day first_day_kept);
    /// A source of `sources`.
    void remove_source(std::string_view source_id);
    /// `row_days`: how many rows of these addresses count so far, by number of their source.
    void forget(const NetworkSet& networks, const std::vector<RowsPerDay>& row_days);
};

/// Writes one segment: the dictionary (sorted, distinct) first, then sorted observations whose key ids index
/// it.
class SegmentWriter {
public:
    /// With `with_sources`, rows have the number of their source.
    explicit SegmentWriter(const std::filesystem::path& path, bool with_sources = false);

    void add_key(std::string_view key) { dictionary_.append(key); }
    /// After the last key.
    void begin_address(Address address);
    /// Rows of the address begun last, in order of (key, day).
    void append(std::uint32_t key, std::uint16_t day, std::uint32_t hits, std::uint32_t source = 0) {
        rows_.append(key, day, hits);
        if (source_) source_->append(source);
        ++day_rows_[day];
    }
    /// Finishes and closes the file; the id is left to the caller.
    [[nodiscard]] SegmentInfo finish();

private:
    void end_dictionary();
    void add_seek_point(const SeekPoint& point);

    std::filesystem::path path_;
    H5File file_;
    StringsWriter dictionary_;
    bool dictionary_ended_ = false;
    SortedRowsWriter rows_;
    std::optional<ColumnWriter<std::uint32_t>> source_;
    std::vector<std::uint64_t> day_rows_;
    ColumnWriter<std::uint64_t> seek_hi_, seek_lo_, seek_address_, seek_row_;
    SeekPoint last_seek_point_; ///< of those, where there are any
};

/// An open segment. Throws InputError on what is damaged.
class Segment {
public:
    static constexpr std::uint64_t seek_points_unlimited = ~std::uint64_t{0};
    /// Keeps at most `seek_points_max` of the file's places to start at, evenly spread: fewer of them take
    /// less memory and more reading.
    explicit Segment(const std::filesystem::path& path,
                     std::uint64_t seek_points_max = seek_points_unlimited);
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    [[nodiscard]] const H5File& file() const noexcept { return file_; }
    /// Sorted by address; all that the file has are one at least every few thousand rows, except inside an
    /// address.
    [[nodiscard]] const std::vector<SeekPoint>& seek_points() const noexcept { return seek_points_; }
    /// The keys front to back.
    [[nodiscard]] StringsReader dictionary() const { return {file_, format::dictionary}; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::uint64_t keys() const noexcept { return keys_; } ///< of the dictionary
    /// A reader of its own for every worker; `keys`: size of the dictionary.
    [[nodiscard]] SortedRowsReader reader(std::uint64_t keys) const { return {file_, keys}; }
    /// The same of the rows that count.
    [[nodiscard]] FilteredRowsReader reader(std::uint64_t keys, const RowFilter& filter,
                                            bool with_sources = false) const {
        return {file_, keys, filter, with_sources};
    }
    /// Rows have the number of their source.
    [[nodiscard]] bool has_sources() const { return file_.has(format::row_source); }

private:
    H5File file_;
    std::vector<SeekPoint> seek_points_;
    std::uint64_t rows_ = 0;
    std::uint64_t keys_ = 0;
};

/// True when there is a segment whose every chunk matches its checksum.
[[nodiscard]] bool segment_is_whole(const std::filesystem::path& path);

} // namespace ipscore::io
