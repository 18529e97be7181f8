// How many segments are merged at a time, and which.
#include "merge_plan.hpp"

#include "ipscore/core/error.hpp"
#include "memory_needs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace ipscore::stages {
namespace {

using Rows = std::vector<std::uint64_t>;
using Groups = std::vector<std::vector<std::size_t>>;

/// What is left after a level; checks that the plan is one.
Rows after_level(const Rows& rows, std::uint64_t fan_in) {
    const Groups groups = plan_level(rows, fan_in);
    std::vector<bool> merged(rows.size());
    Rows left;
    for (const auto& group : groups) {
        EXPECT_GE(group.size(), 2U) << "a merge of one is a copy";
        EXPECT_LE(group.size(), fan_in);
        std::uint64_t sum = 0;
        for (const std::size_t input : group) {
            EXPECT_FALSE(merged.at(input)) << input << " is merged twice";
            merged.at(input) = true;
            sum += rows[input];
        }
        left.push_back(sum);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (merged[i]) continue;
        left.push_back(rows[i]);
        for (std::size_t other = 0; other < rows.size(); ++other)
            EXPECT_TRUE(!merged[other] || rows[other] <= rows[i]) << "a larger one is merged instead";
    }
    return left;
}

TEST(PlanLevel, merges_nothing_that_one_merge_can_read) {
    for (std::uint64_t inputs = 0; inputs <= 4; ++inputs) EXPECT_TRUE(plan_level(Rows(inputs, 1), 4).empty());
    EXPECT_EQ(plan_level(Rows(5, 1), 4), (Groups{{0, 1}}));
}

TEST(PlanLevel, merges_the_smallest_and_no_more_than_it_must) {
    EXPECT_EQ(plan_level({50, 1, 40, 2, 30}, 4), (Groups{{1, 3}}));
    EXPECT_EQ(plan_level({50, 1, 40, 2, 30}, 3), (Groups{{1, 3, 4}}));
    EXPECT_EQ(plan_level({1, 2, 3}, 2), (Groups{{0, 1}}));
    // Of 7 inputs two groups of two and three leave 4.
    EXPECT_EQ(plan_level({7, 6, 5, 4, 3, 2, 1}, 4), (Groups{{6, 5, 4, 3}}));
}

TEST(PlanLevel, holds_for_any_number_of_inputs) {
    std::mt19937_64 random(21);
    for (std::uint64_t fan_in : {2U, 3U, 4U, 7U, 16U, 256U}) {
        for (std::uint64_t inputs = 0; inputs < 300; ++inputs) {
            Rows rows(inputs);
            for (std::uint64_t& count : rows) count = random() % 50;
            const std::uint64_t total = std::accumulate(rows.begin(), rows.end(), std::uint64_t{0});
            std::uint64_t levels = 0;
            for (; rows.size() > fan_in; ++levels) {
                const std::size_t before = rows.size();
                rows = after_level(rows, fan_in);
                ASSERT_LT(rows.size(), before);
                if (HasFailure()) FAIL() << inputs << " inputs, fan-in " << fan_in;
            }
            EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), std::uint64_t{0}), total);
            // No more levels than a tree of that width has above its leaves, the last merge aside.
            std::uint64_t reach = fan_in;
            std::uint64_t least_levels = 0;
            for (; reach < inputs; reach *= fan_in) ++least_levels;
            EXPECT_EQ(levels, least_levels) << inputs << " inputs, fan-in " << fan_in;
        }
    }
}

constexpr std::uint64_t input_bytes = memory::segment_file_bytes + memory::row_cursor_bytes;

TEST(PlanMergeWidth, fits_the_budget) {
    for (std::uint64_t mib = 13; mib < 2000; mib += 7) {
        for (const int wanted : {1, 2, 3, 8, 64}) {
            for (const std::uint64_t inputs : {0U, 1U, 2U, 9U, 100U, 100'000U}) {
                MemoryBudget budget(mib * mebibyte);
                const MergeWidth width = plan_merge_width(budget, inputs, wanted);
                EXPECT_GE(width.fan_in, 2U);
                EXPECT_LE(width.fan_in, std::clamp<std::uint64_t>(inputs, 2, 256));
                EXPECT_GE(width.threads, 1);
                EXPECT_LE(width.threads, wanted);
                const std::uint64_t takes = static_cast<std::uint64_t>(width.threads) *
                                            (width.fan_in * input_bytes + memory::row_writer_bytes);
                EXPECT_LE(takes, mib * mebibyte);
                EXPECT_EQ(budget.left_bytes(), mib * mebibyte - takes);
                // Rather few threads than narrow merges.
                if (width.threads > 1) {
                    EXPECT_GE(width.fan_in, std::clamp<std::uint64_t>(inputs, 2, 8));
                }
                // Another rank comes to the same.
                MemoryBudget other(mib * mebibyte);
                EXPECT_EQ(threads_for_merges(other, width.fan_in, width.threads), width.threads);
            }
        }
    }
}

TEST(PlanMergeWidth, refuses_what_is_too_little_for_two) {
    MemoryBudget budget(2 * input_bytes + memory::row_writer_bytes - 1);
    EXPECT_THROW((void)plan_merge_width(budget, 100, 4), InputError);
    MemoryBudget enough(2 * input_bytes + memory::row_writer_bytes);
    EXPECT_EQ(plan_merge_width(enough, 100, 4).fan_in, 2U);
}

} // namespace
} // namespace ipscore::stages
