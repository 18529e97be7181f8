// Which of many are the heaviest, and tables of text.
// tests/cli/inspect_test.py compares its figures with the files.
#include "heaviest.hpp"
#include "text_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

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
