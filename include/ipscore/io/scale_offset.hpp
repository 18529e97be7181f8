#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

// HDF5's built-in scale-offset filter (id 6) on our own threads, bit for bit, for little-endian integers. Our
// chunks go through H5Dwrite_chunk and plain H5Dread reads them; what H5Dwrite made is read here after
// H5Dread_chunk. Scale-offset is the only filter of the dataset, which must be created with
//     H5Pset_fill_value(dcpl, type, nullptr)          undefined, so that no code is reserved for it
//     H5Pset_scaleoffset(dcpl, H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT)          a width for each chunk
//
// A chunk of n values, as H5Zscaleoffset.c of HDF5 1.10.8 writes it:
//     byte  0   u32, minbits: the bits that max - min needs, 0 if all values are equal
//     byte  4   u8, 8: the size of minval
//     byte  5   u64, minval: min, sign-extended; but 0 (and not used) where max - min >= 2^width - 2
//     byte 13   8 zero bytes
//     byte 21   minbits = 0: one byte that the library does not initialise; we write 0
//               minbits = width of the type: the values as they are
//               else: n * minbits bits, each value minus min, most significant bit first, then zero bits up
//               to n * minbits / 8 + 1 bytes (so a whole zero byte where the bits end with a byte)
//
// HDF5 stores the last chunk of a column whole: pad it to the chunk length before encoding, with a value that
// is already in it (the last one), so that the padding does not widen it. (H5Dwrite itself pads with 0.)
namespace ipscore::io {

// A chunk that is not the scale-offset coding of so many values of that type.
struct BadScaleOffsetChunk : std::runtime_error {
    BadScaleOffsetChunk(const char* what, std::size_t bytes, std::size_t value_count)
        : std::runtime_error(what), chunk_bytes(bytes), values(value_count) {}
    std::size_t chunk_bytes;
    std::size_t values;
};

// `best` takes what the processor has, `portable` the plain path. The results are the same.
enum class Simd { best, portable };

// Bytes of room that the encoder needs for so many values: more than it returns, as it writes whole words.
template <class T>
constexpr std::size_t scale_offset_bytes_max(std::size_t values) {
    constexpr std::size_t header_bytes = 21, overrun_bytes = 32;
    return header_bytes + (values + 7) / 8 * 8 * sizeof(T) + overrun_bytes;
}

// Codes a whole chunk into `out` (scale_offset_bytes_max bytes) and returns the bytes of the chunk.
// T: uint8_t, uint16_t, uint32_t, uint64_t, int32_t.
template <class T>
std::size_t scale_offset_encode(std::span<const T> values, std::byte* out, Simd simd = Simd::best);

// Decodes a chunk that holds exactly values.size() values. Throws BadScaleOffsetChunk, with `values`
// untouched, if its size or header is not what the filter writes for them; never reads or writes out of
// bounds.
template <class T>
void scale_offset_decode(std::span<const std::byte> chunk, std::span<T> values, Simd simd = Simd::best);

} // namespace ipscore::io
