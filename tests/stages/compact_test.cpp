// Which segments are merged: few remain, and each row is rewritten seldom.
#include "ipscore/stages/compact.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

io::SegmentInfo segment_of(std::uint64_t rows, std::uint64_t rows_that_count) {
    io::SegmentInfo segment;
    segment.id = "s" + std::to_string(rows);
    segment.rows = rows;
    segment.days[20'000] = rows_that_count;
    return segment;
}

io::SegmentInfo segment_of(std::uint64_t rows) { return segment_of(rows, rows); }

TEST(PlanCompaction, seven_of_a_size_are_left_alone_and_eight_are_merged) {
    std::vector<io::SegmentInfo> segments(7, segment_of(1000));
    EXPECT_TRUE(plan_compaction(segments, 256).empty());
    segments.push_back(segment_of(200'000));
    const auto plan = plan_compaction(segments, 256);
    ASSERT_EQ(plan.size(), 1U);
    EXPECT_EQ(plan.front().size(), 8U);
}

TEST(PlanCompaction, sizes_of_other_tiers_do_not_count) {
    std::vector<io::SegmentInfo> segments(7, segment_of(1000));
    for (int i = 0; i < 7; ++i) segments.push_back(segment_of(1'000'000));
    for (int i = 0; i < 7; ++i) segments.push_back(segment_of(100'000'000));
    EXPECT_TRUE(plan_compaction(segments, 256).empty());
}

TEST(PlanCompaction, a_worn_segment_is_rewritten_by_itself) {
    const std::vector<io::SegmentInfo> segments{segment_of(1000, 751), segment_of(1000, 750),
                                                segment_of(1000)};
    const auto plan = plan_compaction(segments, 256);
    ASSERT_EQ(plan.size(), 1U);
    EXPECT_EQ(plan.front(), std::vector<std::size_t>{1});
}

TEST(PlanCompaction, groups_are_no_larger_than_the_fan_in) {
    const std::vector<io::SegmentInfo> segments(1003, segment_of(10));
    for (const std::uint64_t fan_in : {2U, 3U, 8U, 100U, 256U}) {
        const auto plan = plan_compaction(segments, fan_in);
        std::vector<std::size_t> all;
        for (const auto& group : plan) {
            EXPECT_LE(group.size(), fan_in);
            EXPECT_GE(group.size(), 2U);
            all.insert(all.end(), group.begin(), group.end());
        }
        std::ranges::sort(all);
        EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
        EXPECT_GE(all.size() + 8, segments.size());
    }
}

TEST(PlanCompaction, a_store_that_grows_for_years_stays_small) {
    // A segment of some size comes day by day, and the store is compacted now and then.
    std::mt19937_64 random(7);
    std::vector<io::SegmentInfo> segments;
    std::uint64_t rows = 0;
    std::uint64_t rewritten = 0;
    std::size_t most = 0;
    for (int day = 0; day < 3000; ++day) {
        segments.push_back(segment_of(std::uint64_t{1} << (10 + random() % 14)));
        rows += segments.back().rows;
        if (random() % 3 != 0) continue;
        for (auto plan = plan_compaction(segments, 64); !plan.empty(); plan = plan_compaction(segments, 64)) {
            std::vector<io::SegmentInfo> next;
            std::vector<bool> merged(segments.size());
            for (const auto& group : plan) {
                std::uint64_t sum = 0;
                for (const std::size_t i : group) {
                    merged[i] = true;
                    sum += segments[i].rows;
                }
                rewritten += sum;
                next.push_back(segment_of(sum));
            }
            for (std::size_t i = 0; i < segments.size(); ++i) {
                if (!merged[i]) next.push_back(segments[i]);
            }
            segments = std::move(next);
        }
        most = std::max(most, segments.size());
    }
    EXPECT_LE(most, 64U);
    EXPECT_LE(static_cast<double>(rewritten) / static_cast<double>(rows), 5.0);
}

} // namespace
} // namespace ipscore::stages
