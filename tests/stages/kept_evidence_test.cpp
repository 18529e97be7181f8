// Company evidence that is kept in memory, and what becomes of it where there is no room.
#include "kept_evidence.hpp"

#include "../scoring/random_evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace ipscore::stages {
namespace {

constexpr std::uint64_t plenty = std::numeric_limits<std::uint64_t>::max();

TEST(KeptEvidence, has_the_evidence_of_each_part) {
    std::mt19937_64 random(1);
    KeptEvidence kept(plenty);
    std::vector<SortedRun> runs;
    for (const std::size_t rows : {100U, 0U, 30U}) {
        runs.push_back(random_run(random, rows));
        kept.keep(runs.back());
    }
    ASSERT_TRUE(kept.has_all());
    const auto all = kept.runs();
    ASSERT_EQ(all.size(), runs.size());
    for (std::size_t part = 0; part < runs.size(); ++part) {
        EXPECT_TRUE(std::ranges::equal(all[part], runs[part], same_bytes));
        EXPECT_TRUE(runs[part].empty() || all[part].data() != runs[part].data()) << "a copy";
    }
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
    EXPECT_EQ(kept.runs().size(), runs.size());
    std::vector<SortedRun> copies;
    for (const EvidenceRun& run : kept.runs()) copies.emplace_back(run.begin(), run.end());
    EXPECT_TRUE(std::ranges::equal(sum_of(copies), sum_of(runs), same_bytes));
}

} // namespace
} // namespace ipscore::stages
