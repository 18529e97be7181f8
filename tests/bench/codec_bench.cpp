// What coding and decoding a chunk takes, by type and width: what decides the codec of a column. Bytes are
// those of the values.
#include "ipscore/core/checksum.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/scale_offset.hpp"

#include <benchmark/benchmark.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

namespace ipscore::io {
namespace {

/// A chunk of values of `bits` random bits.
template <class T>
std::vector<T> chunk_of(std::int64_t bits) {
    std::mt19937_64 random(1);
    std::vector<T> values(chunk_values_default);
    for (T& value : values) value = static_cast<T>(random() >> (64 - bits));
    return values;
}

void count(benchmark::State& state, std::size_t bytes, std::size_t coded_bytes) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
    state.counters["coded_share"] = static_cast<double>(coded_bytes) / static_cast<double>(bytes);
}

template <class T>
void scale_offset_encodes(benchmark::State& state) {
    const std::vector<T> values = chunk_of<T>(state.range(0));
    std::vector<std::byte> coded(scale_offset_bytes_max<T>(values.size()));
    std::size_t bytes = 0;
    for (auto _ : state) benchmark::DoNotOptimize(bytes = scale_offset_encode<T>(values, coded.data()));
    count(state, values.size() * sizeof(T), bytes);
}

template <class T>
void scale_offset_decodes(benchmark::State& state) {
    std::vector<T> values = chunk_of<T>(state.range(0));
    std::vector<std::byte> coded(scale_offset_bytes_max<T>(values.size()));
    const std::size_t bytes = scale_offset_encode<T>(values, coded.data());
    for (auto _ : state) {
        scale_offset_decode<T>(std::span<const std::byte>(coded).first(bytes), values);
        benchmark::DoNotOptimize(values.data());
    }
    count(state, values.size() * sizeof(T), bytes);
}

// Level 1, as keys are coded, on values of `bits` random bits with their bytes shuffled (as HDF5's own filter
// would): what the columns of numbers would take.
void deflate_encodes_u32(benchmark::State& state) {
    const std::vector<std::uint32_t> values = chunk_of<std::uint32_t>(state.range(0));
    std::vector<unsigned char> shuffled(values.size() * sizeof(std::uint32_t));
    std::vector<unsigned char> coded(2 * shuffled.size());
    libdeflate_compressor* const compressor = libdeflate_alloc_compressor(1);
    std::size_t bytes = 0;
    for (auto _ : state) {
        for (std::size_t byte = 0; byte < sizeof(std::uint32_t); ++byte) {
            for (std::size_t i = 0; i < values.size(); ++i)
                shuffled[byte * values.size() + i] = static_cast<unsigned char>(values[i] >> (8 * byte));
        }
        bytes = libdeflate_zlib_compress(compressor, shuffled.data(), shuffled.size(), coded.data(),
                                         coded.size());
        benchmark::DoNotOptimize(coded.data());
    }
    libdeflate_free_compressor(compressor);
    count(state, shuffled.size(), bytes);
}

void deflate_decodes_u32(benchmark::State& state) {
    const std::vector<std::uint32_t> values = chunk_of<std::uint32_t>(state.range(0));
    std::vector<std::uint32_t> decoded(values.size());
    std::vector<unsigned char> coded(8 * values.size());
    libdeflate_compressor* const compressor = libdeflate_alloc_compressor(1);
    const std::size_t bytes = libdeflate_zlib_compress(
        compressor, values.data(), values.size() * sizeof values[0], coded.data(), coded.size());
    libdeflate_free_compressor(compressor);
    libdeflate_decompressor* const decompressor = libdeflate_alloc_decompressor();
    for (auto _ : state) {
        libdeflate_zlib_decompress(decompressor, coded.data(), bytes, decoded.data(),
                                   decoded.size() * sizeof decoded[0], nullptr);
        benchmark::DoNotOptimize(decoded.data());
    }
    libdeflate_free_decompressor(decompressor);
    count(state, values.size() * sizeof values[0], bytes);
}

void copies(benchmark::State& state) {
    const std::vector<std::uint32_t> values = chunk_of<std::uint32_t>(32);
    std::vector<std::uint32_t> to(values.size());
    for (auto _ : state) {
        std::memcpy(to.data(), values.data(), values.size() * sizeof values[0]);
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    count(state, values.size() * sizeof values[0], values.size() * sizeof values[0]);
}

void checksums(benchmark::State& state) {
    const std::vector<std::uint32_t> values = chunk_of<std::uint32_t>(32);
    for (auto _ : state) benchmark::DoNotOptimize(checksum64(std::as_bytes(std::span(values))));
    count(state, values.size() * sizeof values[0], sizeof(std::uint64_t));
}

BENCHMARK(scale_offset_encodes<std::uint8_t>)->Arg(1)->Arg(7);
BENCHMARK(scale_offset_encodes<std::uint16_t>)->Arg(7);
BENCHMARK(scale_offset_encodes<std::uint32_t>)->Arg(7)->Arg(18);
BENCHMARK(scale_offset_encodes<std::uint64_t>)->Arg(13)->Arg(42);
BENCHMARK(scale_offset_decodes<std::uint8_t>)->Arg(1)->Arg(7);
BENCHMARK(scale_offset_decodes<std::uint16_t>)->Arg(7);
BENCHMARK(scale_offset_decodes<std::uint32_t>)->Arg(7)->Arg(18);
BENCHMARK(scale_offset_decodes<std::uint64_t>)->Arg(13)->Arg(42);
BENCHMARK(deflate_encodes_u32)->Arg(7)->Arg(18);
BENCHMARK(deflate_decodes_u32)->Arg(7)->Arg(18);
BENCHMARK(copies);
BENCHMARK(checksums);

} // namespace
} // namespace ipscore::io

BENCHMARK_MAIN();
