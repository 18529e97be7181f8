// Merging segments, beside a merge of the same rows from arrays in memory: the same fan-in, a tournament of
// rows, the same sums, and no files, filters or maps of keys.
#include "ipscore/core/saturating.hpp"
#include "ipscore/io/durable_file.hpp"
#include "loser_tree.hpp"
#include "merge.hpp"
#include "row_sort.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace ipscore::stages {
namespace {

constexpr std::size_t rows_of_all = 4'000'000;
constexpr std::size_t addresses = rows_of_all / 14;
constexpr std::uint32_t keys = 100'000;
constexpr Day first_day = 20700;
constexpr Day days = 90;

/// Sorted segments, in memory and as files.
class Segments {
public:
    explicit Segments(std::size_t count) : rows_(count) {
        directory_ = "/dev/shm/ipscore-merge-bench-" + std::to_string(::getpid());
        std::filesystem::create_directories(directory_);
        std::mt19937_64 random(1);
        for (std::size_t s = 0; s < count; ++s) {
            rows_[s].resize(rows_of_all / count);
            for (ObservationRow& row : rows_[s]) {
                row = {.address = address_of_ipv4(static_cast<std::uint32_t>(random() % addresses * 5003)),
                       .key = static_cast<std::uint32_t>(random() % keys),
                       .hits = static_cast<std::uint32_t>(1 + random() % 5),
                       .day = static_cast<std::uint16_t>(first_day + static_cast<Day>(random() % days))};
            }
            std::ranges::sort(rows_[s], {}, [](const ObservationRow& row) { return sort_words(row); });
            write(directory_ / ("segment-" + std::to_string(s) + ".h5"), rows_[s]);
        }
        std::iota(table_key_.begin(), table_key_.end(), 0U);
    }
    Segments(const Segments&) = delete;
    Segments& operator=(const Segments&) = delete;
    ~Segments() { std::filesystem::remove_all(directory_); }

    [[nodiscard]] const std::vector<std::vector<ObservationRow>>& rows() const { return rows_; }
    [[nodiscard]] std::vector<MergeInput> inputs() const {
        std::vector<MergeInput> inputs;
        for (const auto& file : files_) inputs.push_back({.segment = file.get(), .table_key = table_key_});
        return inputs;
    }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

private:
    void write(const std::filesystem::path& path, const std::vector<ObservationRow>& rows) {
        io::SegmentWriter writer(path);
        for (std::uint32_t key = 0; key < keys; ++key)
            writer.add_key("key " + std::to_string(1'000'000 + key));
        const ObservationRow* before = nullptr;
        for (const ObservationRow& row : rows) {
            if (before == nullptr || before->address != row.address) writer.begin_address(row.address);
            writer.append(row.key, row.day, row.hits);
            before = &row;
        }
        (void)writer.finish();
        files_.push_back(std::make_unique<io::Segment>(path));
    }

    std::filesystem::path directory_;
    std::vector<std::vector<ObservationRow>> rows_;
    std::vector<std::unique_ptr<io::Segment>> files_;
    std::vector<std::uint32_t> table_key_ = std::vector<std::uint32_t>(keys);
};

void count(benchmark::State& state) {
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows_of_all));
}

struct RowKey {
    Address address;
    std::uint64_t key_and_day = 0;
    friend bool operator<(const RowKey& a, const RowKey& b) noexcept {
        return a.address != b.address ? a.address < b.address : a.key_and_day < b.key_and_day;
    }
};

void rows_in_memory(benchmark::State& state) {
    const Segments segments(static_cast<std::size_t>(state.range(0)));
    const auto& rows = segments.rows();
    constexpr RowKey last{{~std::uint64_t{0}, ~std::uint64_t{0}}, ~std::uint64_t{0}};
    std::vector<Address> address(rows_of_all);
    std::vector<std::uint32_t> key(rows_of_all);
    std::vector<std::uint16_t> day(rows_of_all);
    std::vector<std::uint32_t> hits(rows_of_all);
    for (auto _ : state) {
        std::vector<std::size_t> at(rows.size());
        const auto key_of = [&](std::size_t source) {
            if (at[source] == rows[source].size()) return last;
            const ObservationRow& row = rows[source][at[source]];
            return RowKey{row.address, std::uint64_t{row.key} << 16U | row.day};
        };
        std::vector<RowKey> first;
        for (std::size_t s = 0; s < rows.size(); ++s) first.push_back(key_of(s));
        LoserTree<RowKey> tree(rows.size(), last);
        tree.begin(first);
        std::size_t out = 0;
        RowKey before = last;
        while (!tree.at_end()) {
            const std::size_t source = tree.source();
            const RowKey here = tree.key();
            const std::uint32_t more = rows[source][at[source]].hits;
            if (!(before < here) && !(here < before)) {
                hits[out - 1] = add_saturating(hits[out - 1], more);
            } else {
                address[out] = here.address;
                key[out] = static_cast<std::uint32_t>(here.key_and_day >> 16U);
                day[out] = static_cast<std::uint16_t>(here.key_and_day);
                hits[out++] = more;
                before = here;
            }
            ++at[source];
            tree.replace(key_of(source));
        }
        benchmark::DoNotOptimize(out);
    }
    count(state);
}

void segments_are_merged(benchmark::State& state) {
    const Segments segments(static_cast<std::size_t>(state.range(0)));
    const std::vector<MergeInput> inputs = segments.inputs();
    for (auto _ : state) {
        io::H5File file = io::H5File::create(segments.directory() / "part.h5");
        io::SortedRowsWriter out(file);
        std::vector<std::uint64_t> rows_per_day(1U << 16U);
        SegmentMerge merge(inputs, first_day, first_day + days);
        benchmark::DoNotOptimize(merge.merge(lowest_address, std::nullopt, out, rows_per_day, {}));
        out.finish();
        file.close();
    }
    count(state);
}

BENCHMARK(rows_in_memory)->Arg(4)->Arg(16)->Arg(40)->ArgName("fan_in")->Unit(benchmark::kMillisecond);
BENCHMARK(segments_are_merged)->Arg(4)->Arg(16)->Arg(40)->ArgName("fan_in")->Unit(benchmark::kMillisecond);

} // namespace
} // namespace ipscore::stages

BENCHMARK_MAIN();
