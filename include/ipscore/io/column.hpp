// Columns: one-dimensional arrays in an HDF5 file, written and read chunk by chunk.
//
// Beside each column `name` lies `checksums/name`: the XXH3-64 of every chunk as it is coded. A reader checks
// each chunk that it reads. The checksum of a column is the XXH3-64 of that list followed by the number of
// values, so columns of one type, codec and chunk size with equal checksums hold equal values. The reverse
// holds too, except that another version of libdeflate may code equal bytes differently.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/h5.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ipscore::io {

/// Values a chunk: small enough that the open chunks of a dozen columns stay in the second-level cache.
inline constexpr std::size_t chunk_values_default = 32768;

/// Writes a column front to back.
template <class T>
class ColumnWriter {
public:
    ColumnWriter(H5File& file, std::string name, Codec codec,
                 std::size_t chunk_values = chunk_values_default);

    /// Throws EnvironmentError when the disk is full.
    void append(std::span<const T> values);
    void append(T value) {
        buffer_.push_back(value);
        ++size_;
        if (buffer_.size() == chunk_values_) write_buffer();
    }
    /// Writes what is left; to be called once, before the file is closed. A column without values has one
    /// chunk of room and none stored.
    void finish();

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// Of the whole column; after finish().
    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }
    /// Bytes of the coded chunks so far.
    [[nodiscard]] std::uint64_t stored_bytes() const noexcept { return stored_bytes_; }

private:
    void make_dataset(Growth growth);
    void write_chunk(std::span<const T> values);
    void write_buffer();

    H5File* file_;
    std::string name_;
    Codec codec_;
    std::size_t chunk_values_;
    std::optional<H5Dataset> dataset_; ///< made with the first chunk: a short column gets a short chunk
    std::vector<T> buffer_;
    std::vector<std::byte> coded_;
    std::vector<std::uint64_t> chunk_checksums_;
    std::uint64_t size_ = 0;
    std::uint64_t checksum_ = 0;
    std::uint64_t stored_bytes_ = 0;
};

/// Reads a column chunk by chunk, or from any place on.
template <class T>
class ColumnReader {
public:
    /// Throws InputError when the column is missing or of another type.
    ColumnReader(const H5File& file, const std::string& name);

    [[nodiscard]] std::uint64_t size() const noexcept { return dataset_.size(); }
    /// The next values, up to the end of their chunk, and never more than `at_most`; empty at the end of the
    /// column. Valid until the next call. Throws InputError when a chunk does not match its checksum.
    [[nodiscard]] std::span<const T> next(std::uint64_t at_most = ~std::uint64_t{0});
    /// How many values of the chunk lie behind those that next() gave last, in memory.
    [[nodiscard]] std::size_t left_in_chunk() const noexcept;
    /// How many values next() gives at most.
    [[nodiscard]] std::uint64_t next_size() const noexcept;
    /// Makes `value` (0 to size()) the next one.
    void seek(std::uint64_t value);
    [[nodiscard]] std::size_t chunk_values() const noexcept { return dataset_.chunk_values(); }
    /// Of each chunk as it is coded.
    [[nodiscard]] std::span<const std::uint64_t> chunk_checksums() const noexcept { return chunk_checksums_; }
    /// Index of the value that next() begins with.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

private:
    static constexpr std::uint64_t no_chunk = ~std::uint64_t{0};
    void load(std::uint64_t chunk);

    const H5File* file_;
    H5Dataset dataset_;
    std::vector<std::uint64_t> chunk_checksums_;
    std::vector<std::byte> coded_;
    std::vector<T> values_; ///< of chunk loaded_
    std::uint64_t loaded_ = no_chunk;
    std::uint64_t position_ = 0;
};

/// A whole column. For what is known to be small beside the rows.
template <class T>
[[nodiscard]] std::vector<T> read_column(const H5File& file, const std::string& name);

/// Writes a whole column and returns its checksum.
template <class T>
std::uint64_t write_column(H5File& file, const std::string& name, Codec codec, std::span<const T> values);

/// Checks every stored chunk of `name` against its checksum, without decoding, and returns the checksum of
/// the column. Throws InputError when one does not match, and Interrupted when `halt` was requested
/// meanwhile.
std::uint64_t verify_column(const H5File& file, const std::string& name, ElementType type,
                            const StopFlag& halt = {});

} // namespace ipscore::io
