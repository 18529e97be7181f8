#include "ipscore/io/sorted_rows.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/format.hpp"

#include <algorithm>
#include <array>

namespace ipscore::io {

SortedRowsWriter::SortedRowsWriter(H5File& file)
    : hi_(file, format::address_hi, Codec::scale_offset),
      lo_(file, format::address_lo, Codec::scale_offset),
      address_rows_(file, format::address_rows, Codec::scale_offset),
      key_(file, format::row_key, Codec::scale_offset),
      day_(file, format::row_day, Codec::scale_offset),
      hits_(file, format::row_hits, Codec::scale_offset),
      buffer_key_(buffer_rows),
      buffer_day_(buffer_rows),
      buffer_hits_(buffer_rows) {}

void SortedRowsWriter::begin_address(Address address) {
    if (addresses() == 0) {
        first_ = address;
    } else {
        end_address();
    }
    last_ = address;
    hi_.append(address.hi);
    lo_.append(address.lo);
    address_begins_at_ = rows();
}

void SortedRowsWriter::end_address() { address_rows_.append(rows() - address_begins_at_); }

void SortedRowsWriter::append(const RowSpan& rows) {
    flush();
    key_.append(rows.key);
    day_.append(rows.day);
    hits_.append(rows.hits);
    rows_ += rows.size();
}

void SortedRowsWriter::flush() {
    key_.append(std::span(buffer_key_).first(buffered_));
    day_.append(std::span(buffer_day_).first(buffered_));
    hits_.append(std::span(buffer_hits_).first(buffered_));
    rows_ += buffered_;
    buffered_ = 0;
}

void SortedRowsWriter::finish() {
    if (addresses() > 0) end_address();
    flush();
    hi_.finish();
    lo_.finish();
    address_rows_.finish();
    key_.finish();
    day_.finish();
    hits_.finish();
}

std::uint64_t SortedRowsWriter::checksum() const {
    const std::array columns{hi_.checksum(),  lo_.checksum(),  address_rows_.checksum(),
                             key_.checksum(), day_.checksum(), hits_.checksum()};
    return checksum64(std::as_bytes(std::span(columns)));
}

std::uint64_t SortedRowsWriter::stored_bytes() const noexcept {
    return hi_.stored_bytes() + lo_.stored_bytes() + address_rows_.stored_bytes() + key_.stored_bytes() +
           day_.stored_bytes() + hits_.stored_bytes();
}

SortedRowsReader::SortedRowsReader(const H5File& file, std::uint64_t keys, bool with_sources)
    : file_(&file),
      keys_(keys),
      hi_(file, format::address_hi),
      lo_(file, format::address_lo),
      address_rows_(file, format::address_rows),
      key_(file, format::row_key),
      day_(file, format::row_day),
      hits_(file, format::row_hits) {
    if (with_sources) source_.emplace(file, format::row_source);
    if (lo_.size() != hi_.size() || address_rows_.size() != hi_.size()) {
        file.damaged("the columns of addresses differ in length");
    }
    if (day_.size() != key_.size() || hits_.size() != key_.size() ||
        (source_ && source_->size() != key_.size())) {
        file.damaged("the columns of rows differ in length");
    }
}

void SortedRowsReader::seek_row(std::uint64_t row) {
    key_.seek(row);
    day_.seek(row);
    hits_.seek(row);
    if (source_) source_->seek(row);
    rows_left_ = 0;
}

bool SortedRowsReader::next_address() {
    if (rows_left_ > 0) seek_row(key_.position() + rows_left_);
    if (!load_addresses()) {
        if (key_.position() != key_.size()) file_->damaged("there are rows without an address");
        return false;
    }
    address_ = {hi_left_.front(), lo_left_.front()};
    rows_left_ = address_rows_left_.front();
    skip_addresses(1);
    if (rows_left_ == 0 || rows_left_ > key_.size() - key_.position()) impossible_row_count(address_);
    return true;
}

bool SortedRowsReader::load_addresses() {
    if (hi_left_.empty()) hi_left_ = hi_.next();
    if (hi_left_.empty()) return false;
    if (lo_left_.empty()) lo_left_ = lo_.next();
    if (address_rows_left_.empty()) address_rows_left_ = address_rows_.next();
    return true;
}

void SortedRowsReader::skip_addresses(std::size_t count) {
    hi_left_ = hi_left_.subspan(count);
    lo_left_ = lo_left_.subspan(count);
    address_rows_left_ = address_rows_left_.subspan(count);
}

void SortedRowsReader::impossible_row_count(Address address) const {
    file_->damaged("address " + to_string(address) + " has an impossible number of rows");
}

AddressRun SortedRowsReader::next_whole_addresses(std::size_t addresses_max, std::uint64_t rows_max) {
    if (rows_left_ > 0 || !load_addresses()) return {};
    addresses_max = std::min({addresses_max, hi_left_.size(), lo_left_.size(), address_rows_left_.size()});
    rows_max = std::min(rows_max, key_.next_size());
    std::size_t addresses = 0;
    std::uint64_t rows = 0;
    for (; addresses < addresses_max && address_rows_left_[addresses] <= rows_max - rows; ++addresses) {
        if (address_rows_left_[addresses] == 0)
            impossible_row_count({hi_left_[addresses], lo_left_[addresses]});
        rows += address_rows_left_[addresses];
    }
    if (addresses == 0) return {};
    AddressRun run{
        hi_left_.first(addresses), lo_left_.first(addresses), address_rows_left_.first(addresses), {}};
    address_ = {run.hi.back(), run.lo.back()};
    skip_addresses(addresses);
    rows_left_ = rows;
    run.rows = next_rows();
    return run;
}

RowSpan SortedRowsReader::next_rows(std::uint64_t at_most) {
    RowSpan rows;
    rows.key = key_.next(std::min(at_most, rows_left_));
    rows.day = day_.next(rows.key.size());
    rows.hits = hits_.next(rows.key.size());
    if (source_) rows.source = source_->next(rows.key.size());
    if (rows.day.size() != rows.size() || rows.hits.size() != rows.size() ||
        (source_ && rows.source.size() != rows.size())) {
        file_->damaged("the columns of rows are cut into different chunks");
    }
    if (rows.empty()) return rows;
    rows.keys_ahead = key_.left_in_chunk();
    check_keys(rows);
    rows_left_ -= rows.size();
    return rows;
}

/// Key ids index the postings, so a wrong one must not get there. Checks what is in memory, once.
void SortedRowsReader::check_keys(const RowSpan& rows) {
    const std::uint64_t end = key_.position();
    const std::uint64_t begin = end - rows.size();
    if (begin >= keys_checked_from_ && end <= keys_checked_to_) return;
    const std::span<const std::uint32_t> keys(rows.key.data(), rows.size() + rows.keys_ahead);
    if (std::ranges::max(keys) >= keys_) file_->damaged("a key id is not in the dictionary");
    keys_checked_from_ = begin;
    keys_checked_to_ = end + rows.keys_ahead;
}

void SortedRowsReader::seek(const SeekPoint& point) {
    if (point.address_index > addresses() || point.row > rows())
        file_->damaged("a seek point lies behind the end");
    hi_.seek(point.address_index);
    lo_.seek(point.address_index);
    address_rows_.seek(point.address_index);
    hi_left_ = lo_left_ = address_rows_left_ = {};
    seek_row(point.row);
}

} // namespace ipscore::io
