// Parsing observations, beside a bare walk over the same text: lines found by memchr, and nothing done.
#include "ipscore/io/byte_source.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/observations.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <unistd.h>

namespace ipscore::io {
namespace {

/// Rows such as those of a bid stream, without a header.
const std::string& text() {
    static const std::string made = [] {
        std::mt19937_64 random(1);
        std::string rows;
        constexpr std::size_t bytes = 8U << 20U;
        while (rows.size() < bytes) {
            const auto ip = static_cast<std::uint32_t>(random() % 600'000 * 7919 + 0x0b00'0000);
            const auto key = random() % 200'000;
            rows += std::to_string(ip >> 24U) + '.' + std::to_string(ip >> 16U & 255U) + '.' +
                    std::to_string(ip >> 8U & 255U) + '.' + std::to_string(ip & 255U) + ",2026-" +
                    (random() % 2 == 0 ? "09-1" : "10-2") + std::to_string(random() % 9) + ",site" +
                    std::to_string(key % 5000) + ".example/articles/" + std::to_string(key) + ',' +
                    std::to_string(1 + random() % 5) + '\n';
        }
        return rows;
    }();
    return made;
}

void count(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text().size()));
}

void memchr_finds_lines(benchmark::State& state) {
    for (auto _ : state) {
        const char* at = text().data();
        const char* const end = at + text().size();
        std::uint64_t lines = 0;
        while (at != end) {
            at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
            ++lines;
        }
        benchmark::DoNotOptimize(lines);
    }
    count(state);
}

void csv_splits_rows(benchmark::State& state) {
    CsvRow row;
    for (auto _ : state) {
        CsvRows rows(text(), 1);
        while (rows.next(row)) benchmark::DoNotOptimize(row.fields.data());
    }
    count(state);
}

/// From a file in memory: blocks, rows, values, and the keys of each block numbered.
void observations_are_parsed(benchmark::State& state) {
    const std::filesystem::path path = "/dev/shm/ipscore-parser-bench-" + std::to_string(::getpid()) + ".csv";
    std::ofstream(path) << "ip,day,key,hits\n" << text();
    constexpr std::size_t block_bytes = 1U << 20U;
    std::uint64_t rows = 0;
    for (auto _ : state) {
        ByteSource source(path);
        const auto file = open_observations(source, {}, block_bytes);
        TextBlock block;
        while (file->next(block)) {
            for (const auto parser = file->parser(block); !parser->done();)
                rows += parser->next().address.size();
        }
    }
    std::filesystem::remove(path);
    count(state);
    state.counters["rows_per_second"] =
        benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
}

BENCHMARK(memchr_finds_lines)->Unit(benchmark::kMillisecond);
BENCHMARK(csv_splits_rows)->Unit(benchmark::kMillisecond);
BENCHMARK(observations_are_parsed)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace ipscore::io

BENCHMARK_MAIN();
