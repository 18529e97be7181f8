// Byte strings and JSON texts in HDF5. Never HDF5 strings: keys may hold any byte, also zero.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/format.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ipscore::io {

/// Writes columns `name`/bytes (u8) and `name`/offsets (u64, one more than there are strings); returns their
/// checksum.
std::uint64_t write_strings(H5File& file, const std::string& name, const ByteStrings& strings);

/// Throws InputError when the offsets do not fit the bytes.
[[nodiscard]] ByteStrings read_strings(const H5File& file, const std::string& name);

/// Writes the same columns string by string, with a chunk of them in memory.
class StringsWriter {
public:
    StringsWriter(H5File& file, const std::string& name);

    void append(std::string_view text);
    /// Writes what is left; to be called once, before the file is closed.
    void finish();
    [[nodiscard]] std::uint64_t size() const noexcept { return offsets_.size() - 1; }
    /// As write_strings() returns it; after finish().
    [[nodiscard]] std::uint64_t checksum() const;

private:
    ColumnWriter<std::uint8_t> bytes_;
    ColumnWriter<std::uint64_t> offsets_;
};

/// Reads strings front to back, with a chunk of them in memory. Throws InputError on what is damaged.
class StringsReader {
public:
    StringsReader(const H5File& file, const std::string& name);

    [[nodiscard]] std::uint64_t size() const noexcept { return offsets_.size() - 1; }
    /// The next string, valid until the next call; false at the end.
    bool next(std::string_view& text);

private:
    [[nodiscard]] std::uint64_t next_offset();

    const H5File* file_;
    std::string name_;
    ColumnReader<std::uint8_t> bytes_;
    ColumnReader<std::uint64_t> offsets_;
    std::span<const std::uint64_t> offsets_left_;
    std::uint64_t offset_ = 0;
    std::string joined_; ///< a string that lies in more than one chunk
};

/// One text as a column of bytes; returns its checksum.
std::uint64_t write_text(H5File& file, const std::string& name, std::string_view text);
[[nodiscard]] std::string read_text(const H5File& file, const std::string& name);

/// Sets the attributes that tell what a file is.
void write_format(H5File& file, const char* format, std::uint64_t version = format::version);
/// Throws InputError, naming what was found, when the file is something else or of a newer version.
void check_format(const H5File& file, const char* format);

} // namespace ipscore::io
