// Byte strings and JSON texts in HDF5. Never HDF5 strings: keys may hold any byte, also zero.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/h5.hpp"

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

/// One text as a column of bytes; returns its checksum.
std::uint64_t write_text(H5File& file, const std::string& name, std::string_view text);
[[nodiscard]] std::string read_text(const H5File& file, const std::string& name);

/// Sets the attributes that tell what a file is.
void write_format(H5File& file, const char* format);
/// Throws InputError, naming what was found, when the file is something else or of a newer version.
void check_format(const H5File& file, const char* format);

} // namespace ipscore::io
