// Where the address space is cut into parts.
#include "part_cut.hpp"

#include "ipscore/io/format.hpp"
#include "segment_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

TEST(PartsFor, is_a_matter_of_rows_alone) {
    EXPECT_EQ(parts_for(0, 100), 1U);
    EXPECT_EQ(parts_for(1, 100), 1U);
    EXPECT_EQ(parts_for(100, 100), 1U);
    EXPECT_EQ(parts_for(101, 100), 2U);
    EXPECT_EQ(parts_for(1000, 1), 1000U);
    EXPECT_EQ(parts_for(100ULL * 4096, 100), 4096U);
    EXPECT_EQ(parts_for(100ULL * 4096 + 1, 100), io::format::parts_max);
    EXPECT_EQ(parts_for(std::numeric_limits<std::uint64_t>::max(), 1), io::format::parts_max);
    EXPECT_EQ(parts_for(1, std::numeric_limits<std::uint64_t>::max()), 1U);
}

TEST(PartRowsFor, grow_with_the_rows_within_bounds) {
    EXPECT_EQ(part_rows_for(0), 262'144U);
    EXPECT_EQ(part_rows_for(16ULL * 262'144), 262'144U);
    EXPECT_EQ(part_rows_for(8'000'000), 500'000U);
    EXPECT_EQ(part_rows_for(100'000'000), 1'048'576U);
    EXPECT_EQ(part_rows_for(std::numeric_limits<std::uint64_t>::max()), 1'048'576U);
    EXPECT_EQ(parts_for(262'145, part_rows_for(262'145)), 2U);
    for (const std::uint64_t rows : {8'000'000U, 8'000'001U, 8'000'015U})
        EXPECT_EQ(parts_for(rows, part_rows_for(rows)), 16U) << rows;
}

using RowsByAddress = std::map<Address, std::uint64_t>;

class PartCut : public SegmentFiles {
protected:
    /// A segment of addresses with so many rows each.
    void add(const RowsByAddress& rows) {
        SortedRows sorted;
        for (const auto& [address, count] : rows) {
            total_[address] += count;
            for (std::uint64_t i = 0; i < count; ++i)
                sorted[{address, "k", static_cast<Day>(first_valid_day + static_cast<Day>(i % 30000))}] += 1;
        }
        segments_.push_back(write_segment(sorted));
    }
    [[nodiscard]] std::vector<Address> cut(std::uint64_t parts) const {
        stages::PartCut cut(segments_.size());
        for (const auto& segment : segments_) cut.add(*segment);
        std::vector<Address> first = cut.first_addresses(parts);
        EXPECT_FALSE(first.empty());
        EXPECT_EQ(first.front(), lowest_address);
        EXPECT_LE(first.size(), parts);
        EXPECT_TRUE(std::ranges::is_sorted(first));
        EXPECT_EQ(std::ranges::adjacent_find(first), first.end());
        return first;
    }
    /// Rows of every part.
    [[nodiscard]] std::vector<std::uint64_t> rows_of(const std::vector<Address>& first) const {
        std::vector<std::uint64_t> rows(first.size());
        for (const auto& [address, count] : total_) {
            const auto after = std::ranges::upper_bound(first, address);
            rows[static_cast<std::size_t>(after - first.begin()) - 1] += count;
        }
        return rows;
    }

    std::vector<std::unique_ptr<io::Segment>> segments_;
    RowsByAddress total_;
};

RowsByAddress even(std::uint32_t addresses, std::uint64_t rows, std::uint32_t step = 7) {
    RowsByAddress even;
    for (std::uint32_t n = 0; n < addresses; ++n) even[address_of_ipv4(n * step)] = rows;
    return even;
}

TEST_F(PartCut, is_one_part_without_segments_or_rows) {
    EXPECT_EQ(cut(1), std::vector{lowest_address});
    EXPECT_EQ(cut(5), std::vector{lowest_address});
    add({});
    EXPECT_EQ(cut(1), std::vector{lowest_address});
    EXPECT_EQ(cut(5), std::vector{lowest_address});
}

TEST_F(PartCut, is_one_part_when_asked_for_one) {
    add(even(1000, 3));
    EXPECT_EQ(cut(1), std::vector{lowest_address});
}

TEST_F(PartCut, makes_parts_of_about_the_same_size) {
    add(even(20'000, 5));
    for (const std::uint64_t parts : {2U, 3U, 7U, 16U}) {
        const auto rows = rows_of(cut(parts));
        ASSERT_EQ(rows.size(), parts);
        const auto [least, most] = std::ranges::minmax(rows);
        EXPECT_LE(most - least, 2 * 256 * 5) << parts; // seek points are 256 addresses apart
    }
}

TEST_F(PartCut, weighs_all_segments) {
    // The second half of the addresses is in ten segments, the first half in one.
    add(even(10'000, 2));
    for (int i = 0; i < 9; ++i) {
        RowsByAddress upper;
        for (std::uint32_t n = 5000; n < 10'000; ++n) upper[address_of_ipv4(n * 7)] = 2;
        add(upper);
    }
    const auto rows = rows_of(cut(8));
    ASSERT_EQ(rows.size(), 8U);
    const auto [least, most] = std::ranges::minmax(rows);
    constexpr std::uint64_t fair = 110'000 / 8;
    constexpr std::uint64_t between_seek_points = 10 * 256 * 2; // of all segments
    EXPECT_LE(most, fair + between_seek_points);
    EXPECT_GE(least, fair - between_seek_points);
}

TEST_F(PartCut, never_splits_a_heavy_address_nor_makes_crumbs_behind_it) {
    // The heavy address has half of all rows, three of six shares.
    RowsByAddress rows = even(12'000, 2);
    const Address heavy = address_of_ipv4(4000 * 7 + 1);
    rows[heavy] = 24'000;
    add(rows);
    const auto first = cut(6);
    const auto sizes = rows_of(first);
    EXPECT_GE(sizes.size(), 3U);
    EXPECT_LE(sizes.size(), 4U);
    // Parts without it are whole shares.
    EXPECT_GT(std::ranges::min(sizes), 7000U);
    std::vector<std::uint64_t> sorted = sizes;
    std::ranges::sort(sorted);
    EXPECT_LE(sorted[sorted.size() - 2], 9000U);
}

TEST_F(PartCut, is_one_part_or_two_when_one_address_has_all_rows) {
    add({{address_of_ipv4(5), 20'000}});
    EXPECT_LE(cut(16).size(), 2U);
    add({{address_of_ipv4(5), 20'000}});
    EXPECT_LE(cut(16).size(), 2U);
}

TEST_F(PartCut, takes_addresses_at_both_ends_of_the_space) {
    add({{lowest_address, 5000}, {highest_address, 5000}});
    add({{lowest_address, 5000}, {address_of_ipv4(0), 5000}, {highest_address, 5000}});
    const auto first = cut(3);
    EXPECT_GE(first.size(), 2U);
    EXPECT_EQ(rows_of(first).front(), 10'000U);
}

TEST_F(PartCut, does_not_depend_on_the_order_of_segments) {
    std::mt19937_64 random(3);
    for (int segment = 0; segment < 5; ++segment) {
        RowsByAddress rows;
        for (int i = 0; i < 2000; ++i)
            rows[address_of_ipv4(static_cast<std::uint32_t>(random() % 50'000))] = 1 + random() % 20;
        add(rows);
    }
    const auto before = cut(11);
    std::ranges::reverse(segments_);
    EXPECT_EQ(cut(11), before);
}

TEST_F(PartCut, holds_for_random_segments) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        segments_.clear();
        total_.clear();
        for (std::uint64_t segment = random() % 4; segment > 0; --segment) {
            RowsByAddress rows;
            for (std::uint64_t i = random() % 1500; i > 0; --i)
                rows[{random() % 3, random() % 400}] = random() % 50 == 0 ? 5000 : 1 + random() % 10;
            add(rows);
        }
        const std::uint64_t parts = 1 + random() % 20;
        const auto sizes = rows_of(cut(parts));
        std::uint64_t total = 0;
        std::uint64_t heaviest = 0;
        for (const auto& [address, count] : total_) {
            total += count;
            heaviest = std::max(heaviest, count);
        }
        // A part is at most a fair share, a heavy address, and what lies between the seek points of each
        // segment.
        EXPECT_LE(std::ranges::max(sizes), total / parts + heaviest + 4 * 2 * (4096 + 5000));
    }
}

} // namespace
} // namespace ipscore::stages
