#include "ipscore/io/column.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/scale_offset.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <fmt/format.h>
#include <libdeflate.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace ipscore::io {

namespace {

std::string checksums_of(const std::string& name) { return "checksums/" + name; }

// Level 1 shrinks sorted keys about as well as the higher ones and codes several times faster.
constexpr int deflate_level = 1;

struct FreeCompressor {
    void operator()(libdeflate_compressor* compressor) const noexcept {
        libdeflate_free_compressor(compressor);
    }
};
struct FreeDecompressor {
    void operator()(libdeflate_decompressor* decompressor) const noexcept {
        libdeflate_free_decompressor(decompressor);
    }
};

std::size_t deflate(std::span<const std::byte> bytes, std::vector<std::byte>& coded) {
    const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
        libdeflate_alloc_compressor(deflate_level));
    if (!compressor) throw std::bad_alloc();
    coded.resize(std::max(coded.size(), libdeflate_zlib_compress_bound(compressor.get(), bytes.size())));
    return libdeflate_zlib_compress(compressor.get(), bytes.data(), bytes.size(), coded.data(), coded.size());
}

bool inflate(std::span<const std::byte> coded, std::span<std::byte> bytes) {
    const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
        libdeflate_alloc_decompressor());
    if (!decompressor) throw std::bad_alloc();
    return libdeflate_zlib_decompress(decompressor.get(), coded.data(), coded.size(), bytes.data(),
                                      bytes.size(), nullptr) == LIBDEFLATE_SUCCESS;
}

/// The coded form of `values`, in `coded` (which only grows, for the next chunk) or in the values themselves.
template <class T>
std::span<const std::byte> encode(Codec codec, std::span<const T> values, std::vector<std::byte>& coded) {
    switch (codec) {
    case Codec::none:
        break;
    case Codec::deflate: {
        const std::size_t bytes = deflate(std::as_bytes(values), coded);
        return std::span(coded).first(bytes);
    }
    case Codec::scale_offset:
        if constexpr (std::integral<T>) {
            coded.resize(std::max(coded.size(), scale_offset_bytes_max<T>(values.size())));
            return std::span(coded).first(scale_offset_encode<T>(values, coded.data()));
        } else {
            throw std::logic_error("scale-offset codes integers only");
        }
    }
    return std::as_bytes(values);
}

/// False when `coded` is not a coded chunk of that many values.
template <class T>
bool decode(Codec codec, std::span<const std::byte> coded, std::span<T> values) {
    switch (codec) {
    case Codec::none:
        if (coded.size() != values.size_bytes()) return false;
        std::memcpy(values.data(), coded.data(), coded.size());
        return true;
    case Codec::deflate:
        return inflate(coded, std::as_writable_bytes(values));
    case Codec::scale_offset:
        if constexpr (std::integral<T>) {
            try {
                scale_offset_decode<T>(coded, values);
                return true;
            } catch (const std::runtime_error&) {
                return false;
            }
        }
        return false;
    }
    return false;
}

/// Padding hides how many values there are, so their number is part of it.
std::uint64_t column_checksum(std::vector<std::uint64_t> chunk_checksums, std::uint64_t size) {
    chunk_checksums.push_back(size);
    return checksum64(std::as_bytes(std::span(chunk_checksums)));
}

void check_chunk(const H5File& file, const std::string& name, std::uint64_t chunk,
                 std::span<const std::byte> coded, const std::vector<std::uint64_t>& checksums) {
    if (checksum64(coded) != checksums[chunk]) {
        file.damaged(fmt::format("column {}, chunk {}: the checksum does not match", name, chunk));
    }
}

} // namespace

template <class T>
ColumnWriter<T>::ColumnWriter(H5File& file, std::string name, Codec codec, std::size_t chunk_values)
    : file_(&file), name_(std::move(name)), codec_(codec), chunk_values_(chunk_values) {}

template <class T>
void ColumnWriter<T>::append(std::span<const T> values) {
    size_ += values.size();
    while (!values.empty()) {
        if (buffer_.empty() && values.size() >= chunk_values_) {
            write_chunk(values.first(chunk_values_));
            values = values.subspan(chunk_values_);
            continue;
        }
        const std::size_t taken = std::min(values.size(), chunk_values_ - buffer_.size());
        buffer_.insert(buffer_.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(taken));
        values = values.subspan(taken);
        if (buffer_.size() == chunk_values_) write_buffer();
    }
}

template <class T>
void ColumnWriter<T>::write_buffer() {
    write_chunk(buffer_);
    buffer_.clear();
}

template <class T>
void ColumnWriter<T>::make_dataset(Growth growth) {
    dataset_.emplace(file_->create_dataset(name_, element_type_of<T>(), codec_, chunk_values_, growth));
}

template <class T>
void ColumnWriter<T>::write_chunk(std::span<const T> values) {
    if (!dataset_) make_dataset(Growth::any);
    const auto coded = encode(codec_, values, coded_);
    chunk_checksums_.push_back(checksum64(coded));
    stored_bytes_ += coded.size();
    dataset_->append_chunk(coded, std::min<std::uint64_t>(values.size(), size_ - dataset_->size()));
}

template <class T>
void ColumnWriter<T>::finish() {
    if (!dataset_) {
        chunk_values_ = std::max<std::size_t>(1, buffer_.size());
        make_dataset(buffer_.empty() ? Growth::any : Growth::one_chunk);
    }
    if (!buffer_.empty()) {
        // HDF5 stores the last chunk whole. Repeating the last value keeps its span, and so its width.
        buffer_.resize(chunk_values_, buffer_.back());
        write_chunk(buffer_);
    }
    dataset_.reset();
    buffer_ = {};
    coded_ = {};
    checksum_ = column_checksum(chunk_checksums_, size_);
    const std::size_t checksums = std::max<std::size_t>(1, chunk_checksums_.size());
    H5Dataset list = file_->create_dataset(checksums_of(name_), ElementType::u64, Codec::none, checksums,
                                           chunk_checksums_.empty() ? Growth::any : Growth::one_chunk);
    if (!chunk_checksums_.empty()) list.append_chunk(std::as_bytes(std::span(chunk_checksums_)), checksums);
}

namespace {

/// The checksums of a column's chunks; one chunk, which has no checksum of its own.
std::vector<std::uint64_t> read_chunk_checksums(const H5File& file, const std::string& name,
                                                std::uint64_t chunks) {
    const H5Dataset list = file.open_dataset(checksums_of(name), ElementType::u64);
    if (list.size() != chunks)
        file.damaged("column " + name + " has another number of checksums than chunks");
    std::vector<std::uint64_t> checksums(chunks);
    if (chunks == 0) return checksums;
    std::vector<std::byte> coded;
    list.read_chunk(0, coded);
    if (coded.size() != chunks * sizeof(std::uint64_t))
        file.damaged("the checksums of column " + name + " cannot be read");
    std::memcpy(checksums.data(), coded.data(), coded.size());
    return checksums;
}

} // namespace

template <class T>
ColumnReader<T>::ColumnReader(const H5File& file, const std::string& name)
    : file_(&file),
      dataset_(file.open_dataset(name, element_type_of<T>())),
      chunk_checksums_(read_chunk_checksums(file, name, dataset_.chunks())) {}

template <class T>
void ColumnReader<T>::load(std::uint64_t chunk) {
    loaded_ = no_chunk;
    const Codec codec = dataset_.read_chunk(chunk, coded_) ? dataset_.codec() : Codec::none;
    check_chunk(*file_, dataset_.name(), chunk, coded_, chunk_checksums_);
    values_.resize(dataset_.chunk_values());
    if (!decode<T>(codec, coded_, values_)) {
        file_->damaged(fmt::format("column {}, chunk {} cannot be decoded", dataset_.name(), chunk));
    }
    loaded_ = chunk;
}

template <class T>
std::span<const T> ColumnReader<T>::next(std::uint64_t at_most) {
    if (position_ >= size() || at_most == 0) return {};
    const std::uint64_t chunk = position_ / dataset_.chunk_values();
    if (chunk != loaded_) load(chunk);
    const std::uint64_t begin = position_ - chunk * dataset_.chunk_values();
    const std::uint64_t count = std::min(next_size(), at_most);
    position_ += count;
    return std::span<const T>(values_).subspan(begin, count);
}

template <class T>
std::uint64_t ColumnReader<T>::next_size() const noexcept {
    if (position_ >= size()) return 0;
    return std::min(dataset_.chunk_values() - position_ % dataset_.chunk_values(), size() - position_);
}

template <class T>
std::size_t ColumnReader<T>::left_in_chunk() const noexcept {
    if (loaded_ == no_chunk) return 0;
    const std::uint64_t end = std::min((loaded_ + 1) * dataset_.chunk_values(), size());
    return static_cast<std::size_t>(end > position_ ? end - position_ : 0);
}

template <class T>
void ColumnReader<T>::seek(std::uint64_t value) {
    position_ = value;
}

template <class T>
std::vector<T> read_column(const H5File& file, const std::string& name) {
    ColumnReader<T> reader(file, name);
    std::vector<T> values;
    values.reserve(reader.size());
    for (auto chunk = reader.next(); !chunk.empty(); chunk = reader.next()) {
        values.insert(values.end(), chunk.begin(), chunk.end());
    }
    return values;
}

template <class T>
std::uint64_t write_column(H5File& file, const std::string& name, Codec codec, std::span<const T> values) {
    ColumnWriter<T> writer(file, name, codec);
    writer.append(values);
    writer.finish();
    return writer.checksum();
}

std::uint64_t verify_column(const H5File& file, const std::string& name, ElementType type,
                            const StopFlag& halt) {
    const H5Dataset dataset = file.open_dataset(name, type);
    const auto checksums = read_chunk_checksums(file, name, dataset.chunks());
    std::vector<std::byte> coded;
    for (std::uint64_t chunk = 0; chunk < dataset.chunks(); ++chunk) {
        if (halt.requested()) throw Interrupted("stopped on request");
        dataset.read_chunk(chunk, coded);
        check_chunk(file, name, chunk, coded, checksums);
    }
    return column_checksum(checksums, dataset.size());
}

#define IPSCORE_COLUMN(T)                                                                                    \
    template class ColumnWriter<T>;                                                                          \
    template class ColumnReader<T>;                                                                          \
    template std::vector<T> read_column<T>(const H5File&, const std::string&);                               \
    template std::uint64_t write_column<T>(H5File&, const std::string&, Codec, std::span<const T>);
IPSCORE_COLUMN(std::uint8_t)
IPSCORE_COLUMN(std::uint16_t)
IPSCORE_COLUMN(std::uint32_t)
IPSCORE_COLUMN(std::uint64_t)
IPSCORE_COLUMN(std::int32_t)
IPSCORE_COLUMN(float)
#undef IPSCORE_COLUMN

} // namespace ipscore::io
