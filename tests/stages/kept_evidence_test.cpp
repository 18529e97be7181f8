// Company evidence that is kept in memory: the rows it adds up to, and what becomes of it where there is no
// room.
#include "kept_evidence.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"
#include "random_evidence.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

namespace ipscore::stages {
namespace {

using scoring::CompanyEvidence;
using scoring::CompanyRow;

constexpr std::uint64_t plenty = std::numeric_limits<std::uint64_t>::max();

scoring::TagRules rules() {
    scoring::Model model;
    model.as_of = parse_date("2026-11-22").day;
    std::vector<std::string> names;
    for (int tag = 0; tag < 25; ++tag) names.push_back("tag " + std::to_string(100 + tag));
    return {model, {names.begin(), names.end()}};
}

auto fields(const CompanyRow& row) {
    return std::tuple(row.company, row.tag, row.score, row.surge, row.addresses, row.hits, row.days, row.raw);
}

std::vector<CompanyRow> rows_of(const KeptEvidence& kept, int threads, std::size_t stretch_rows) {
    const StopFlag stop;
    std::vector<CompanyRow> rows;
    kept.add_up(
        rules(), threads, stop, [&](const CompanyRow& row) { rows.push_back(row); }, stretch_rows);
    return rows;
}

TEST(KeptEvidence, adds_up_to_the_same_rows_however_it_is_cut) {
    std::mt19937_64 random(1);
    for (const std::size_t parts : {1U, 2U, 7U, 40U}) {
        std::vector<SortedRun> runs;
        KeptEvidence kept(plenty);
        for (std::size_t part = 0; part < parts; ++part) {
            runs.push_back(random_run(random, random() % 400));
            kept.keep(runs.back());
        }
        ASSERT_TRUE(kept.is_of(parts));
        const SortedRun expected = sum_of(runs);
        for (const std::size_t stretch_rows :
             {std::size_t{1}, std::size_t{10}, std::size_t{300}, KeptEvidence::stretch_rows_default}) {
            for (const int threads : {1, 3}) {
                const std::vector<CompanyRow> rows = rows_of(kept, threads, stretch_rows);
                ASSERT_EQ(rows.size(), expected.size()) << parts << " parts, stretches of " << stretch_rows;
                for (std::size_t i = 0; i < rows.size(); ++i)
                    ASSERT_EQ(fields(rows[i]), fields(scoring::company_row(expected[i], rules()))) << i;
            }
        }
    }
}

TEST(KeptEvidence, of_parts_without_any_has_no_rows) {
    KeptEvidence kept(plenty);
    kept.keep({});
    kept.keep({});
    EXPECT_TRUE(kept.is_of(2));
    EXPECT_TRUE(rows_of(kept, 2, 10).empty());
}

TEST(KeptEvidence, is_dropped_where_there_is_no_room_for_all) {
    std::mt19937_64 random(2);
    const SortedRun run = random_run(random, 100);
    KeptEvidence kept(3 * run.size() * sizeof(CompanyEvidence));
    for (int part = 0; part < 3; ++part) kept.keep(run);
    EXPECT_TRUE(kept.is_of(3));
    kept.keep(run);
    EXPECT_FALSE(kept.is_of(4));
    // Nor does it begin anew.
    for (int part = 0; part < 4; ++part) kept.keep({});
    EXPECT_FALSE(kept.is_of(4));
}

TEST(KeptEvidence, that_was_given_up_is_of_no_parts) {
    std::mt19937_64 random(5);
    KeptEvidence kept(plenty);
    kept.keep(random_run(random, 100));
    kept.give_up();
    kept.keep(random_run(random, 100));
    EXPECT_FALSE(kept.is_of(1));
    EXPECT_FALSE(kept.is_of(2));
}

TEST(KeptEvidence, without_room_is_of_no_parts) {
    KeptEvidence kept(0);
    kept.keep({});
    EXPECT_FALSE(kept.is_of(1));
}

TEST(KeptEvidence, is_kept_by_many_threads_at_a_time) {
    std::mt19937_64 random(3);
    std::vector<SortedRun> runs;
    for (int part = 0; part < 64; ++part) runs.push_back(random_run(random, 50));
    KeptEvidence kept(plenty);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            for (std::size_t part = thread; part < runs.size(); part += 4) kept.keep(runs[part]);
        });
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(kept.is_of(runs.size()));
    EXPECT_EQ(rows_of(kept, 4, 20).size(), sum_of(runs).size());
}

TEST(KeptEvidence, stops_when_asked) {
    std::mt19937_64 random(4);
    KeptEvidence kept(plenty);
    kept.keep(random_run(random, 100));
    StopFlag stop;
    stop.request();
    EXPECT_THROW(kept.add_up(rules(), 2, stop, [](const CompanyRow&) {}), Interrupted);
}

} // namespace
} // namespace ipscore::stages
