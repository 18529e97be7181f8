// Company evidence: its sums, by tag and in order, against a map.
#include "ipscore/scoring/company_evidence.hpp"

#include "random_evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace ipscore::scoring {
namespace {

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t tags = 25; // of random evidence

TEST(CompanyEvidence, saturates_every_sum) {
    CompanyEvidence sum{
        .addresses = u64_max, .hits = u64_max - 1, .days = {}, .raw = u64_max, .recent = 3, .base = 5};
    sum.add(
        {.addresses = 1, .hits = 2, .days = AgeSet::below(2), .raw = 1, .recent = u64_max, .base = u64_max});
    EXPECT_EQ(sum.addresses, u64_max);
    EXPECT_EQ(sum.hits, u64_max);
    EXPECT_EQ(sum.raw, u64_max);
    EXPECT_EQ(sum.recent, u64_max);
    EXPECT_EQ(sum.base, u64_max);
    EXPECT_EQ(sum.days, AgeSet::below(2));
}

TEST(CompanySums, bring_what_was_added_by_rising_tag_and_forget_it) {
    std::mt19937_64 random(7);
    CompanySums sums(3);
    sums.make_room(tags);
    for (const std::size_t rows : {0U, 1U, 40U, 3U}) {
        SortedRun added = random_evidence(random, rows);
        for (CompanyEvidence& row : added) {
            row.company = 6;
            sums.add(row);
        }
        SortedRun brought;
        sums.drain(6, [&](const CompanyEvidence& sum) { brought.push_back(sum); });
        EXPECT_TRUE(std::ranges::equal(brought, sum_of({added}), same_bytes));
    }
    (void)sums.of(4);
    sums.clear();
    sums.drain(6, [](const CompanyEvidence&) { ADD_FAILURE() << "it was cleared"; });
}

/// Of companies one after the other, some of them again.
SortedRun stretches(std::mt19937_64& random, std::size_t count) {
    SortedRun evidence;
    for (std::size_t i = 0; i < count; ++i) {
        const auto company = static_cast<std::uint32_t>(random() % 30);
        for (CompanyEvidence& row : random_run(random, random() % 12)) {
            row.company = company;
            evidence.push_back(row);
        }
    }
    return evidence;
}

TEST(CompanyEvidence, is_sorted_and_merged_whatever_its_order) {
    std::mt19937_64 random(5);
    CompanySums sums(tags);
    for (int i = 0; i < 600; ++i) {
        SortedRun evidence;
        switch (i % 3) {
        case 0:
            evidence = random_evidence(random, random() % 500);
            break;
        case 1:
            evidence = stretches(random, random() % 60);
            break;
        default: // what was sorted before, and more behind it
            evidence = random_run(random, random() % 500);
            for (const CompanyEvidence& row : stretches(random, random() % 4)) evidence.push_back(row);
        }
        const SortedRun expected = sum_of({evidence});
        sort_and_merge(evidence, sums);
        ASSERT_TRUE(std::ranges::equal(evidence, expected, same_bytes)) << i;
    }
    SortedRun none;
    sort_and_merge(none, sums);
    EXPECT_TRUE(none.empty());
}

} // namespace
} // namespace ipscore::scoring
