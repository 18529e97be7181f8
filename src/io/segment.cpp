#include "ipscore/io/segment.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"

#include <array>

namespace ipscore::io {

namespace {

// Seek points are what parts are cut by and what a reader of a part starts from: fine enough that parts come
// out even when many segments are merged, coarse enough to cost nothing.
constexpr std::uint64_t seek_every_addresses = 256;
constexpr std::uint64_t seek_every_rows = 4096;
constexpr std::size_t days_max = 1U << 16U;

} // namespace

SegmentWriter::SegmentWriter(const std::filesystem::path& path, const ByteStrings& dictionary)
    : path_(path),
      file_(H5File::create(path)),
      keys_(dictionary.size()),
      dictionary_checksum_(write_strings(file_, format::dictionary, dictionary)),
      rows_(file_),
      day_rows_(days_max) {}

void SegmentWriter::begin_address(Address address) {
    const SeekPoint here{address, rows_.addresses(), rows_.rows()};
    if (seek_points_.empty() ||
        here.address_index - seek_points_.back().address_index >= seek_every_addresses ||
        here.row - seek_points_.back().row >= seek_every_rows) {
        seek_points_.push_back(here);
    }
    rows_.begin_address(address);
}

SegmentInfo SegmentWriter::finish() {
    SegmentInfo info;
    info.rows = rows_.rows();
    info.addresses = rows_.addresses();
    info.keys = keys_;
    for (std::size_t day = 0; day < day_rows_.size(); ++day) {
        if (day_rows_[day] > 0) info.days[static_cast<Day>(day)] = day_rows_[day];
    }
    rows_.finish();
    std::vector<std::uint64_t> hi;
    std::vector<std::uint64_t> lo;
    std::vector<std::uint64_t> address;
    std::vector<std::uint64_t> row;
    for (const SeekPoint& point : seek_points_) {
        hi.push_back(point.address.hi);
        lo.push_back(point.address.lo);
        address.push_back(point.address_index);
        row.push_back(point.row);
    }
    write_column<std::uint64_t>(file_, format::seek_address_hi, Codec::scale_offset, hi);
    write_column<std::uint64_t>(file_, format::seek_address_lo, Codec::scale_offset, lo);
    write_column<std::uint64_t>(file_, format::seek_address, Codec::scale_offset, address);
    write_column<std::uint64_t>(file_, format::seek_row, Codec::scale_offset, row);
    write_format(file_, format::segment);
    file_.close();
    const std::array checksums{dictionary_checksum_, rows_.checksum()};
    info.checksum = checksum64(std::as_bytes(std::span(checksums)));
    info.bytes = std::filesystem::file_size(path_);
    return info;
}

Segment::Segment(const std::filesystem::path& path) : file_(H5File::open(path)) {
    check_format(file_, format::segment);
    const auto hi = read_column<std::uint64_t>(file_, format::seek_address_hi);
    const auto lo = read_column<std::uint64_t>(file_, format::seek_address_lo);
    const auto address = read_column<std::uint64_t>(file_, format::seek_address);
    const auto row = read_column<std::uint64_t>(file_, format::seek_row);
    if (lo.size() != hi.size() || address.size() != hi.size() || row.size() != hi.size()) {
        file_.damaged("the columns of seek points differ in length");
    }
    for (std::size_t i = 0; i < hi.size(); ++i) seek_points_.push_back({{hi[i], lo[i]}, address[i], row[i]});
    rows_ = file_.open_dataset(format::row_key, ElementType::u32).size();
}

ByteStrings Segment::read_dictionary() const { return read_strings(file_, format::dictionary); }

} // namespace ipscore::io
