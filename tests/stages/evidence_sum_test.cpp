// Runs of company evidence added up by many threads, against a map.
#include "evidence_sum.hpp"

#include "../scoring/random_evidence.hpp"
#include "ipscore/core/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ipscore::stages {
namespace {

SortedRun added_up(const std::vector<SortedRun>& runs, int threads, std::size_t stretch_rows) {
    SortedRun sums;
    const auto as_it_is = [](const CompanyEvidence& sum) { return sum; };
    for (const SortedRun& piece :
         add_up_runs({runs.begin(), runs.end()}, threads, {}, as_it_is, stretch_rows))
        sums.insert(sums.end(), piece.begin(), piece.end());
    return sums;
}

TEST(EvidenceSum, is_the_same_however_it_is_cut) {
    std::mt19937_64 random(1);
    for (const std::size_t count : {0U, 1U, 2U, 7U, 40U}) {
        std::vector<SortedRun> runs;
        for (std::size_t run = 0; run < count; ++run) runs.push_back(random_run(random, random() % 400));
        const SortedRun expected = sum_of(runs);
        for (const std::size_t stretch_rows :
             {std::size_t{1}, std::size_t{10}, std::size_t{300}, EvidenceSum::stretch_rows_default}) {
            for (const int threads : {1, 3}) {
                ASSERT_TRUE(std::ranges::equal(added_up(runs, threads, stretch_rows), expected, same_bytes))
                    << count << " runs, stretches of " << stretch_rows;
            }
        }
    }
}

TEST(EvidenceSum, of_runs_without_any_is_empty) { EXPECT_TRUE(added_up({{}, {}}, 2, 10).empty()); }

TEST(EvidenceSum, is_cut_into_as_many_stretches_as_it_has_rows_for) {
    std::mt19937_64 random(2);
    const std::vector<SortedRun> runs{random_run(random, 600), random_run(random, 600)};
    const auto stretches = EvidenceSum({runs.begin(), runs.end()}, 100).stretches();
    EXPECT_GE(stretches, 5U);
    EXPECT_LE(stretches, 12U);
}

TEST(EvidenceSum, stops_when_asked) {
    std::mt19937_64 random(4);
    const SortedRun run = random_run(random, 100);
    StopFlag stop;
    stop.request();
    EXPECT_THROW(add_up_runs({run}, 2, stop, [](const CompanyEvidence& sum) { return sum.hits; }),
                 Interrupted);
}

} // namespace
} // namespace ipscore::stages
