// Segments: the sorted runs of the store.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/io/sorted_rows.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ipscore::io {

using RowsPerDay = std::map<Day, std::uint64_t>;

/// What the manifest says of a segment.
struct SegmentInfo {
    std::string id; ///< the file is segments/<id>.h5
    std::uint64_t rows = 0;
    std::uint64_t addresses = 0;
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;    ///< of the file
    std::uint64_t checksum = 0; ///< of the columns
    RowsPerDay days;
};

/// Writes one segment: sorted observations, and the dictionary that their key ids index (sorted, distinct).
class SegmentWriter {
public:
    SegmentWriter(const std::filesystem::path& path, const ByteStrings& dictionary);

    void begin_address(Address address);
    void append(std::uint32_t key, std::uint16_t day, std::uint32_t hits) {
        rows_.append(key, day, hits);
        ++day_rows_[day];
    }
    /// Finishes and closes the file; the id is left to the caller.
    [[nodiscard]] SegmentInfo finish();

private:
    std::filesystem::path path_;
    H5File file_;
    std::uint64_t keys_;
    std::uint64_t dictionary_checksum_;
    SortedRowsWriter rows_;
    std::vector<std::uint64_t> day_rows_;
    std::vector<SeekPoint> seek_points_;
};

/// An open segment. Throws InputError on what is damaged.
class Segment {
public:
    explicit Segment(const std::filesystem::path& path);
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    [[nodiscard]] const H5File& file() const noexcept { return file_; }
    /// Sorted by address; one at least every few thousand rows, except inside an address.
    [[nodiscard]] const std::vector<SeekPoint>& seek_points() const noexcept { return seek_points_; }
    [[nodiscard]] ByteStrings read_dictionary() const;
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// A reader of its own for every worker; `keys`: size of the dictionary.
    [[nodiscard]] SortedRowsReader reader(std::uint64_t keys) const { return {file_, keys}; }

private:
    H5File file_;
    std::vector<SeekPoint> seek_points_;
    std::uint64_t rows_ = 0;
};

} // namespace ipscore::io
