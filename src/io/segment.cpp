#include "ipscore/io/segment.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"

#include <algorithm>

namespace ipscore::io {

namespace {

// Seek points are what parts are cut by and what a reader of a part starts from: fine enough that parts come
// out even when many segments are merged, coarse enough to cost nothing.
constexpr std::uint64_t seek_every_addresses = 256;
constexpr std::uint64_t seek_every_rows = 4096;
constexpr std::size_t days_max = 1U << 16U;

void subtract(RowsPerDay& from, const RowsPerDay& rows) {
    for (const auto& [day, count] : rows) {
        const auto found = from.find(day);
        if (found == from.end()) continue;
        found->second -= std::min(found->second, count);
        if (found->second == 0) from.erase(found);
    }
}

} // namespace

void SegmentInfo::prune(Day first_day_kept) {
    // Also where it has no earlier row: a merge of it with others would not know that it has none.
    filter.keep_from = std::max(filter.keep_from, first_day_kept);
    days.erase(days.begin(), days.lower_bound(first_day_kept));
    for (SegmentSource& source : sources)
        source.days.erase(source.days.begin(), source.days.lower_bound(first_day_kept));
}

void SegmentInfo::remove_source(std::string_view source_id) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto number = static_cast<std::uint32_t>(i);
        const auto at = std::ranges::lower_bound(filter.removed_sources, number);
        const bool counts = at == filter.removed_sources.end() || *at != number;
        if (sources[i].id != source_id || !counts) continue;
        filter.removed_sources.insert(at, number);
        subtract(days, sources[i].days);
        sources[i].days.clear();
    }
}

void SegmentInfo::forget(const NetworkSet& networks, const std::vector<RowsPerDay>& row_days) {
    filter.forgotten.add(networks.networks());
    for (std::size_t i = 0; i < row_days.size(); ++i) {
        subtract(days, row_days[i]);
        if (i < sources.size()) subtract(sources[i].days, row_days[i]);
    }
}

SegmentWriter::SegmentWriter(const std::filesystem::path& path, bool with_sources)
    : path_(path),
      file_(H5File::create(path)),
      dictionary_(file_, format::dictionary),
      rows_(file_),
      day_rows_(days_max),
      seek_hi_(file_, format::seek_address_hi, Codec::scale_offset),
      seek_lo_(file_, format::seek_address_lo, Codec::scale_offset),
      seek_address_(file_, format::seek_address, Codec::scale_offset),
      seek_row_(file_, format::seek_row, Codec::scale_offset) {
    if (with_sources) source_.emplace(file_, format::row_source, Codec::scale_offset);
}

void SegmentWriter::end_dictionary() {
    if (!dictionary_ended_) dictionary_.finish();
    dictionary_ended_ = true;
}

void SegmentWriter::begin_address(Address address) {
    end_dictionary();
    const SeekPoint here{address, rows_.addresses(), rows_.rows()};
    if (seek_row_.size() == 0 ||
        here.address_index - last_seek_point_.address_index >= seek_every_addresses ||
        here.row - last_seek_point_.row >= seek_every_rows) {
        add_seek_point(here);
    }
    rows_.begin_address(address);
}

void SegmentWriter::add_seek_point(const SeekPoint& point) {
    seek_hi_.append(point.address.hi);
    seek_lo_.append(point.address.lo);
    seek_address_.append(point.address_index);
    seek_row_.append(point.row);
    last_seek_point_ = point;
}

SegmentInfo SegmentWriter::finish() {
    end_dictionary();
    SegmentInfo info;
    info.rows = rows_.rows();
    info.addresses = rows_.addresses();
    info.keys = dictionary_.size();
    for (std::size_t day = 0; day < day_rows_.size(); ++day) {
        if (day_rows_[day] > 0) info.days[static_cast<Day>(day)] = day_rows_[day];
    }
    rows_.finish();
    for (ColumnWriter<std::uint64_t>* column : {&seek_hi_, &seek_lo_, &seek_address_, &seek_row_})
        column->finish();
    if (source_) source_->finish();
    write_format(file_, format::segment);
    file_.close();
    std::vector<std::uint64_t> checksums{dictionary_.checksum(), rows_.checksum()};
    if (source_) checksums.push_back(source_->checksum());
    info.checksum = checksum64(std::as_bytes(std::span(checksums)));
    info.bytes = std::filesystem::file_size(path_);
    return info;
}

Segment::Segment(const std::filesystem::path& path, std::uint64_t seek_points_max)
    : file_(H5File::open(path)) {
    check_format(file_, format::segment);
    ColumnReader<std::uint64_t> hi(file_, format::seek_address_hi);
    ColumnReader<std::uint64_t> lo(file_, format::seek_address_lo);
    ColumnReader<std::uint64_t> address(file_, format::seek_address);
    ColumnReader<std::uint64_t> row(file_, format::seek_row);
    const std::uint64_t points = hi.size();
    if (lo.size() != points || address.size() != points || row.size() != points) {
        file_.damaged("the columns of seek points differ in length");
    }
    const std::uint64_t stride =
        std::max<std::uint64_t>(1, points / seek_points_max + (points % seek_points_max == 0 ? 0 : 1));
    const auto value_at = [&](ColumnReader<std::uint64_t>& column, std::uint64_t at) {
        column.seek(at);
        return column.next(1).front();
    };
    seek_points_.reserve((points + stride - 1) / stride);
    for (std::uint64_t at = 0; at < points; at += stride) {
        seek_points_.push_back(
            {{value_at(hi, at), value_at(lo, at)}, value_at(address, at), value_at(row, at)});
    }
    rows_ = file_.open_dataset(format::row_key, ElementType::u32).size();
    keys_ = dictionary().size();
}

bool segment_is_whole(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return false;
    try {
        const H5File file = H5File::open(path);
        check_format(file, format::segment);
        const std::string dictionary = format::dictionary;
        verify_column(file, dictionary + "/bytes", ElementType::u8);
        verify_column(file, dictionary + "/offsets", ElementType::u64);
        for (const char* column :
             {format::address_hi, format::address_lo, format::address_rows, format::seek_address_hi,
              format::seek_address_lo, format::seek_address, format::seek_row})
            verify_column(file, column, ElementType::u64);
        verify_column(file, format::row_key, ElementType::u32);
        verify_column(file, format::row_day, ElementType::u16);
        verify_column(file, format::row_hits, ElementType::u32);
        if (file.has(format::row_source)) verify_column(file, format::row_source, ElementType::u32);
        return true;
    } catch (const InputError&) {
        return false;
    }
}

} // namespace ipscore::io
