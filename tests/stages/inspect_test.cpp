// What `inspect` goes by: which segments are worth compacting, and which of many are the heaviest.
// tests/cli/inspect_test.py compares its figures with the files.
#include "compaction_tiers.hpp"
#include "heaviest.hpp"
#include "text_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t mebi = 1U << 20U;

TEST(CompactionTiers, EightOfSimilarSize) {
    std::vector<std::uint64_t> bytes(7, 5 * mebi);
    EXPECT_TRUE(tiers_to_compact(bytes).empty());
    bytes.push_back(16 * mebi - 1);
    const auto tiers = tiers_to_compact(bytes);
    ASSERT_EQ(tiers.size(), 1U);
    EXPECT_EQ(tiers[0].from_bytes, 4 * mebi);
    EXPECT_EQ(tiers[0].below_bytes, 16 * mebi);
    EXPECT_THAT(tiers[0].segments, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
    bytes.back() = 16 * mebi; // of the next tier
    EXPECT_TRUE(tiers_to_compact(bytes).empty());
}

TEST(CompactionTiers, SmallOnesAreOneTier) {
    const auto tiers = tiers_to_compact({1, 10, 100, 1000, 10'000, 100'000, mebi - 1, 0, mebi});
    ASSERT_EQ(tiers.size(), 1U);
    EXPECT_EQ(tiers[0].from_bytes, 0U);
    EXPECT_EQ(tiers[0].below_bytes, mebi);
    EXPECT_THAT(tiers[0].segments, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(CompactionTiers, SmallestFirstAndOfAnySize) {
    std::vector<std::uint64_t> bytes(8, ~std::uint64_t{0});
    bytes.insert(bytes.end(), 9, 2 * mebi);
    bytes.insert(bytes.end(), 7, 100 * mebi);
    const auto tiers = tiers_to_compact(bytes);
    ASSERT_EQ(tiers.size(), 2U);
    EXPECT_EQ(tiers[0].from_bytes, mebi);
    EXPECT_EQ(tiers[0].segments.size(), 9U);
    EXPECT_EQ(tiers[1].below_bytes, ~std::uint64_t{0});
    EXPECT_EQ(tiers[1].segments.size(), 8U);
    EXPECT_TRUE(tiers_to_compact({}).empty());
}

TEST(Heaviest, AsSortingWouldHaveIt) {
    std::mt19937 random(7);
    for (const std::size_t top : {1U, 2U, 10U, 1000U}) {
        HeaviestOf<int> heaviest(top);
        std::vector<std::pair<std::uint64_t, int>> all;
        for (int i = 0; i < 300; ++i) {
            all.emplace_back(random() % 20, i);
            heaviest.offer(i, all.back().first, 0, 0);
        }
        std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.first > b.first; });
        all.resize(std::min(top, all.size()));
        std::vector<std::pair<std::uint64_t, int>> found;
        for (const auto& entry : heaviest.sorted()) found.emplace_back(entry.weight, entry.name);
        EXPECT_EQ(found, all) << top;
    }
}

TEST(TextTable, Layout) {
    TextTable table({"rows", "type", "name"}, {1, 2});
    EXPECT_TRUE(table.empty());
    table.add({"7", "u64", "a long name"});
    table.add({"12 345", "scale", "b"});
    EXPECT_FALSE(table.empty());
    EXPECT_EQ(table.text(), "    rows  type   name\n"
                            "       7  u64    a long name\n"
                            "  12 345  scale  b\n");
}

} // namespace
} // namespace ipscore::stages
