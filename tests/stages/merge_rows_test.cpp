// The rows of a merge in memory: sorting few of them, against sorting by comparison, and copying them.
#include "merge_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

namespace ipscore::stages {
namespace {

auto fields(const MergeRow& row) { return std::tuple(row.key_and_day, row.hits, row.source); }

/// Of few keys, so that there are equal ones; hits number the rows.
std::vector<MergeRow> random_rows(std::size_t count, std::mt19937_64& random) {
    std::vector<MergeRow> rows(count);
    for (std::size_t i = 0; i < count; ++i) {
        rows[i] = {.key_and_day = random() % 20 << 40U,
                   .hits = static_cast<std::uint32_t>(i),
                   .source = static_cast<std::uint32_t>(random() % 3)};
    }
    return rows;
}

TEST(MergeRows, few_are_sorted_and_equal_ones_stay_in_order) {
    std::mt19937_64 random(311);
    for (std::size_t count = 0; count <= few_rows; ++count) {
        for (int i = 0; i < 20; ++i) {
            std::vector<MergeRow> rows = random_rows(count, random);
            std::vector<MergeRow> sorted(count);
            sort_few(rows, sorted);
            std::ranges::stable_sort(rows, {}, &MergeRow::key_and_day);
            ASSERT_TRUE(std::ranges::equal(sorted, rows, {}, fields, fields)) << count;
        }
    }
}

TEST(MergeRows, copies_stretches_of_any_length) {
    std::mt19937_64 random(313);
    const std::vector<MergeRow> rows = random_rows(100, random);
    MergeRows from;
    std::ranges::copy(rows, from.add(rows.size()).begin());
    for (std::size_t count = 0; count <= rows.size(); ++count) {
        MergeRows to;
        std::vector<MergeRow> expected;
        for (const std::size_t begin : {std::size_t{0}, (rows.size() - count) / 2, rows.size() - count}) {
            to.add(from, begin, count);
            const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
            expected.insert(expected.end(), first, first + static_cast<std::ptrdiff_t>(count));
        }
        ASSERT_TRUE(std::ranges::equal(to.rows(), expected, {}, fields, fields)) << count;
    }
}

TEST(MergeRows, copies_nothing_of_none) {
    const MergeRows none;
    MergeRows to;
    to.add(none, 0, 0);
    EXPECT_TRUE(to.empty());
}

TEST(MergeRows, are_removed_by_a_predicate_or_all_at_once) {
    MergeRows rows;
    for (std::uint32_t hits = 0; hits < 20; ++hits) rows.add(1).front() = {.hits = hits};
    rows.remove_if([](const MergeRow& row) { return row.hits % 2 == 0; });
    ASSERT_EQ(rows.size(), 10U);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows.rows()[i].hits, 2 * i + 1);
    rows.clear();
    EXPECT_TRUE(rows.empty());
}

} // namespace
} // namespace ipscore::stages
