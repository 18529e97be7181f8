// Company evidence that is kept in memory: what it adds up to, and what becomes of it where there is no
// room.
#include "kept_evidence.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"
#include "random_evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace ipscore::stages {
namespace {

using scoring::CompanyEvidence;

bool same(const CompanyEvidence& a, const CompanyEvidence& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

constexpr std::uint64_t plenty = std::numeric_limits<std::uint64_t>::max();

SortedRun sums_of(const KeptEvidence& kept, int threads, std::size_t stretch_rows) {
    const StopFlag stop;
    SortedRun sums;
    kept.add_up(
        threads, stop, [&](const CompanyEvidence& sum) { sums.push_back(sum); }, stretch_rows);
    return sums;
}

TEST(KeptEvidence, adds_up_to_the_same_however_it_is_cut) {
    std::mt19937_64 random(1);
    for (const std::size_t parts : {1U, 2U, 7U, 40U}) {
        std::vector<SortedRun> runs;
        KeptEvidence kept(plenty);
        for (std::size_t part = 0; part < parts; ++part) {
            runs.push_back(random_run(random, random() % 400));
            kept.keep(runs.back());
        }
        ASSERT_TRUE(kept.has_all());
        const SortedRun expected = sum_of(runs);
        for (const std::size_t stretch_rows :
             {std::size_t{1}, std::size_t{10}, std::size_t{300}, KeptEvidence::stretch_rows_default}) {
            for (const int threads : {1, 3}) {
                ASSERT_TRUE(std::ranges::equal(sums_of(kept, threads, stretch_rows), expected, same))
                    << parts << " parts, stretches of " << stretch_rows;
            }
        }
    }
}

TEST(KeptEvidence, of_parts_without_any_is_empty) {
    KeptEvidence kept(plenty);
    kept.keep({});
    kept.keep({});
    EXPECT_TRUE(kept.has_all());
    EXPECT_TRUE(sums_of(kept, 2, 10).empty());
}

TEST(KeptEvidence, is_dropped_where_there_is_no_room_for_all) {
    std::mt19937_64 random(2);
    const SortedRun run = random_run(random, 100);
    KeptEvidence kept(3 * run.size() * sizeof(CompanyEvidence));
    for (int part = 0; part < 3; ++part) kept.keep(run);
    EXPECT_TRUE(kept.has_all());
    kept.keep(run);
    EXPECT_FALSE(kept.has_all());
    // Nor does it begin anew.
    kept.keep({});
    EXPECT_FALSE(kept.has_all());
}

TEST(KeptEvidence, that_was_given_up_is_not_all) {
    std::mt19937_64 random(5);
    KeptEvidence kept(plenty);
    kept.keep(random_run(random, 100));
    kept.give_up();
    kept.keep(random_run(random, 100));
    EXPECT_FALSE(kept.has_all());
}

TEST(KeptEvidence, without_room_is_not_all) {
    KeptEvidence kept(0);
    kept.keep({});
    EXPECT_FALSE(kept.has_all());
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
    ASSERT_TRUE(kept.has_all());
    EXPECT_TRUE(std::ranges::equal(sums_of(kept, 4, 20), sum_of(runs), same));
}

TEST(KeptEvidence, stops_when_asked) {
    std::mt19937_64 random(4);
    KeptEvidence kept(plenty);
    kept.keep(random_run(random, 100));
    StopFlag stop;
    stop.request();
    EXPECT_THROW(kept.add_up(2, stop, [](const CompanyEvidence&) {}), Interrupted);
}

} // namespace
} // namespace ipscore::stages
