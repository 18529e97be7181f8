// The steps of scoring, each alone, on a real table: decode, kernel, encode. And the bare kernel that the one
// of the program is held against: the same rows from columns in memory, by the plainest loops.
//
// score_bench DIR [options of google-benchmark]: DIR holds table/ and data/ as tests/bench/performance.sh
// makes them.
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/scoring/formula.hpp"
#include "score_inputs.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

namespace ipscore {
namespace {

using Clock = std::chrono::steady_clock;
using scoring::Posting;

/// One part of a table as columns in memory.
struct Part {
    std::vector<Address> address;
    std::vector<std::uint32_t> address_rows;
    std::vector<std::uint32_t> key;
    std::vector<std::uint16_t> day;
    std::vector<std::uint32_t> hits;
};

/// What the kernel makes of a part, as columns in memory.
struct Scores {
    std::vector<scoring::ScoreBatch> batches;
    std::vector<scoring::CompanyEvidence> evidence;
};

// As the program has them.
constexpr std::size_t batch_rows = 4096;

struct Bench {
    std::filesystem::path table;
    stages::SharedInputs inputs;
    std::uint64_t rows = 0;

    explicit Bench(const std::filesystem::path& dir) : table(dir / "table") {
        stages::ScoreArgs args;
        args.table = table;
        args.classification = dir / "data/classification.csv";
        args.companies = dir / "data/companies.csv";
        args.model = dir / "data/model.toml";
        args.output = dir;
        stages::MemoryBudget budget(std::uint64_t{8} << 30U);
        stages::ScoreFiles files = stages::read_score_files(args, budget, 1, {});
        inputs = stages::share_inputs(files, stages::score_job(args, files));
        for (const std::uint64_t part : inputs.part_rows) rows += part;
    }

    /// Reads a part: `see_address(reader)`, then `see_rows(rows)` any number of times, for each address.
    template <class SeeAddress, class SeeRows>
    void walk(std::uint64_t part, SeeAddress see_address, SeeRows see_rows) const {
        const io::H5File file = io::H5File::open(table / io::format::part_name(part));
        io::SortedRowsReader reader(file, inputs.keys);
        while (reader.next_address()) {
            see_address(reader);
            for (auto span = reader.next_rows(); !span.empty(); span = reader.next_rows()) see_rows(span);
        }
    }

    [[nodiscard]] Part decode(std::uint64_t part) const {
        Part columns;
        columns.key.reserve(inputs.part_rows[part]);
        columns.day.reserve(inputs.part_rows[part]);
        columns.hits.reserve(inputs.part_rows[part]);
        walk(
            part,
            [&](const io::SortedRowsReader& reader) {
                columns.address.push_back(reader.address());
                columns.address_rows.push_back(static_cast<std::uint32_t>(reader.rows_left()));
            },
            [&](const io::RowSpan& span) {
                columns.key.insert(columns.key.end(), span.key.begin(), span.key.end());
                columns.day.insert(columns.day.end(), span.day.begin(), span.day.end());
                columns.hits.insert(columns.hits.end(), span.hits.begin(), span.hits.end());
            });
        return columns;
    }

    template <class Sink>
    std::vector<scoring::CompanyEvidence> score(const Part& part, Sink sink) const {
        scoring::Scorer scorer(inputs.scoring, batch_rows);
        std::size_t row = 0;
        for (std::size_t a = 0; a < part.address.size(); ++a) {
            scorer.begin_address(part.address[a]);
            const std::size_t count = part.address_rows[a];
            scorer.rows(std::span(part.key).subspan(row, count), std::span(part.day).subspan(row, count),
                        std::span(part.hits).subspan(row, count), part.key.size() - row - count);
            row += count;
            scorer.end_address();
            if (!scorer.wants_drain()) continue;
            sink(scorer.batch());
            scorer.clear_batch();
        }
        sink(scorer.batch());
        const auto evidence = scorer.take_company_evidence();
        return {evidence.begin(), evidence.end()};
    }

    void encode(const Scores& scores, const std::filesystem::path& path) const {
        io::ScoresPartWriter writer(path);
        for (const scoring::ScoreBatch& batch : scores.batches) writer.append(batch);
        for (const scoring::CompanyEvidence& evidence : scores.evidence) writer.append(evidence);
        io::PartRecord record;
        writer.finish("", 0, record);
    }
};

/// The sums of one tag, and the columns, of the bare kernel.
struct BareSums {
    std::uint64_t raw, hits, recent, base, days_lo, days_hi;
    std::uint32_t keys, last_key;
};
struct BareColumns {
    std::vector<std::uint32_t> tag, keys;
    std::vector<float> score, surge;
    std::vector<std::uint8_t> confident, days;
    std::vector<std::uint64_t> hits, raw;
    std::vector<std::int32_t> first_day, last_day;

    void clear() noexcept {
        for (auto* column : {&tag, &keys}) column->clear();
        for (auto* column : {&score, &surge}) column->clear();
        for (auto* column : {&confident, &days}) column->clear();
        for (auto* column : {&hits, &raw}) column->clear();
        for (auto* column : {&first_day, &last_day}) column->clear();
    }
};

/// The scoring join without companies, in the plainest loops that give the same rows: for each observation,
/// for each tag of its key.
void bare_kernel(const Part& part, const scoring::ScoringInputs& inputs, BareColumns& out) {
    const scoring::TagRules& rules = inputs.rules;
    constexpr std::uint32_t no_key = 0xffff'ffff;
    const BareSums none{0, 0, 0, 0, 0, 0, 0, no_key};
    std::vector<BareSums> sums(rules.tags.size(), none);
    std::size_t row = 0;
    for (const std::uint32_t rows : part.address_rows) {
        for (const std::size_t end = row + rows; row < end; ++row) {
            const auto age = static_cast<unsigned>(rules.as_of - static_cast<Day>(part.day[row]));
            const std::uint32_t key = part.key[row];
            const std::uint64_t hits = part.hits[row];
            for (const Posting& posting : inputs.postings.of(key)) {
                const scoring::Profile& profile = rules.profiles[rules.tags[posting.tag].profile];
                if (age >= static_cast<unsigned>(profile.lookback_days)) continue;
                BareSums& sum = sums[posting.tag];
                sum.raw += hits * profile.decay[age] * posting.weight;
                sum.hits += hits;
                (age < static_cast<unsigned>(rules.recent_ages) ? sum.recent : sum.base) +=
                    hits * posting.weight;
                (age < 64 ? sum.days_lo : sum.days_hi) |= std::uint64_t{1} << (age & 63U);
                if (sum.last_key != key) ++sum.keys;
                sum.last_key = key;
            }
        }
        for (std::size_t tag = 0; tag < sums.size(); ++tag) {
            BareSums& sum = sums[tag];
            if (sum.hits == 0) continue;
            const scoring::TagRule& rule = rules.tags[tag];
            const AgeSet days{sum.days_lo, sum.days_hi};
            const float score = scoring::score_of(sum.raw, rule.saturation_raw);
            if (score >= rules.min_score) {
                out.tag.push_back(static_cast<std::uint32_t>(tag));
                out.score.push_back(score);
                out.surge.push_back(
                    scoring::surge_of(sum.recent, sum.base, rules.recent_days, rule.base_days));
                out.confident.push_back(score >= rules.confident_min_score &&
                                        sum.keys >= rules.confident_min_keys &&
                                        static_cast<std::uint64_t>(days.size()) >= rules.confident_min_days);
                out.hits.push_back(sum.hits);
                out.keys.push_back(sum.keys);
                out.days.push_back(static_cast<std::uint8_t>(days.size()));
                out.first_day.push_back(rules.as_of - days.oldest());
                out.last_day.push_back(rules.as_of - days.youngest());
                out.raw.push_back(sum.raw);
            }
            sum = none;
        }
    }
}

/// Runs `work(i, worker)` for each i below `count` with `threads` threads and returns the seconds.
template <class Work>
double run(std::size_t count, int threads, Work work) {
    std::atomic<std::size_t> next = 0;
    std::barrier ready(threads + 1);
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&, worker] {
            ready.arrive_and_wait();
            for (std::size_t i = next++; i < count; i = next++) work(i, static_cast<std::size_t>(worker));
            ready.arrive_and_wait();
        });
    }
    ready.arrive_and_wait();
    const auto began = Clock::now();
    ready.arrive_and_wait();
    return std::chrono::duration<double>(Clock::now() - began).count();
}

enum class Step { decode, kernel, bare, encode };

/// Seconds of the step for `count` parts from `first` on, which are in memory meanwhile.
double seconds_of(Step step, const Bench& bench, std::size_t first, std::size_t count, int threads) {
    if (step == Step::decode) {
        return run(count, threads, [&](std::size_t i, std::size_t) {
            bench.walk(
                first + i, [](const io::SortedRowsReader&) {},
                [](const io::RowSpan& span) { benchmark::DoNotOptimize(span.hits.data()); });
        });
    }
    std::vector<Part> parts(count);
    run(count, threads, [&](std::size_t i, std::size_t) { parts[i] = bench.decode(first + i); });
    if (step == Step::bare) {
        std::vector<BareColumns> columns(static_cast<std::size_t>(threads));
        return run(count, threads, [&](std::size_t i, std::size_t worker) {
            columns[worker].clear();
            bare_kernel(parts[i], bench.inputs.scoring, columns[worker]);
        });
    }
    if (step == Step::kernel) {
        return run(count, threads, [&](std::size_t i, std::size_t) {
            benchmark::DoNotOptimize(bench.score(parts[i], [](const scoring::ScoreBatch& batch) {
                benchmark::DoNotOptimize(batch.raw.data());
            }));
        });
    }
    std::vector<Scores> scores(count);
    run(count, threads, [&](std::size_t i, std::size_t) {
        scores[i].evidence = bench.score(
            parts[i], [&](const scoring::ScoreBatch& batch) { scores[i].batches.push_back(batch); });
        parts[i] = {};
    });
    const std::filesystem::path scratch = bench.table.parent_path() / "bench-parts";
    std::filesystem::create_directories(scratch);
    const double seconds = run(count, threads, [&](std::size_t i, std::size_t) {
        bench.encode(scores[i], scratch / io::format::part_name(first + i));
    });
    std::filesystem::remove_all(scratch);
    return seconds;
}

void measure(benchmark::State& state, const Bench& bench, Step step) {
    constexpr std::size_t group = 32; // parts that are in memory at a time
    const std::size_t parts = bench.inputs.part_rows.size();
    for (auto _ : state) {
        double seconds = 0;
        for (std::size_t first = 0; first < parts; first += group)
            seconds += seconds_of(step, bench, first, std::min(group, parts - first),
                                  static_cast<int>(state.range(0)));
        state.SetIterationTime(seconds);
    }
    state.counters["observations_per_second"] =
        benchmark::Counter(static_cast<double>(bench.rows), benchmark::Counter::kIsIterationInvariantRate);
}

} // namespace
} // namespace ipscore

int main(int argc, char** argv) {
    using namespace ipscore;
    if (argc < 2 || argv[1][0] == '-') {
        std::fprintf(stderr, "usage: %s DIR [options of google-benchmark]\n", argv[0]);
        return 2;
    }
    std::unique_ptr<Bench> bench;
    try {
        bench = std::make_unique<Bench>(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "score_bench: %s\n", error.what());
        return 2;
    }
    argv[1] = argv[0];
    --argc;
    benchmark::Initialize(&argc, argv + 1);
    for (const auto& [name, step] : {std::pair{"decode", Step::decode},
                                     {"bare_kernel", Step::bare},
                                     {"kernel", Step::kernel},
                                     {"encode", Step::encode}}) {
        benchmark::RegisterBenchmark(
            name, [&bench, step = step](benchmark::State& state) { measure(state, *bench, step); })
            ->Arg(1)
            ->Arg(2)
            ->ArgName("threads")
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->MeasureProcessCPUTime();
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
