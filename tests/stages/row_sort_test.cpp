// Rows sorted byte by byte, against sorting by comparison.
#include "row_sort.hpp"

#include "ipscore/core/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

namespace ipscore::stages {
namespace {

auto fields(const ObservationRow& row) {
    return std::tuple(row.address.hi, row.address.lo, row.key, row.day, row.hits);
}

/// Hits number the rows, so that a row that was lost or doubled shows.
std::vector<ObservationRow> random_rows(std::size_t count, std::uint64_t hi_mask, std::uint64_t lo_mask,
                                        std::uint32_t key_mask, std::uint16_t day_mask,
                                        std::mt19937_64& random) {
    std::vector<ObservationRow> rows(count);
    for (std::size_t i = 0; i < count; ++i) {
        rows[i] = {.address = {random() & hi_mask, random() & lo_mask},
                   .key = static_cast<std::uint32_t>(random()) & key_mask,
                   .hits = static_cast<std::uint32_t>(i),
                   .day = static_cast<std::uint16_t>(random() & day_mask)};
    }
    return rows;
}

/// Equal rows may come in any order.
void expect_sorted(std::vector<ObservationRow> rows) {
    std::vector<ObservationRow> expected = rows;
    std::ranges::sort(expected, {}, fields);
    sort_rows(rows, {});
    const auto order = [](const ObservationRow& row) {
        return std::tuple(row.address.hi, row.address.lo, row.key, row.day);
    };
    ASSERT_TRUE(std::ranges::is_sorted(rows, {}, order));
    std::ranges::sort(rows, {}, fields);
    ASSERT_TRUE(std::ranges::equal(rows, expected, {}, fields, fields));
}

TEST(RowSort, sorts_whatever_the_rows_differ_in) {
    constexpr auto all = ~std::uint64_t{0};
    std::mt19937_64 random(211);
    for (const std::size_t count : {0UL, 1UL, 2UL, 511UL, 512UL, 513UL, 5000UL, 200000UL}) {
        expect_sorted(random_rows(count, all, all, ~0U, 0xffff, random));
        expect_sorted(random_rows(count, 0, 0xffff'ffff, 0xff, 0xff, random));       // IPv4
        expect_sorted(random_rows(count, 0, 0x7, 0x3, 0x3, random));                 // hardly any distinct
        expect_sorted(random_rows(count, 0, 0, 0xff'ffff, 0xffff, random));          // one address
        expect_sorted(random_rows(count, 0, 0, 0, 0xff00, random));                  // one address, one key
        expect_sorted(random_rows(count, 0, 0, 0, 0, random));                       // all the same
        expect_sorted(random_rows(count, 0xff00'0000'0000'0000, 0x1, 1, 1, random)); // first and last bytes
    }
}

TEST(RowSort, sorts_what_is_nearly_all_of_one_address) {
    std::mt19937_64 random(3);
    auto rows = random_rows(100000, 0, 0, ~0U, 0xff, random);
    for (std::size_t i = 0; i < rows.size(); i += 97) rows[i].address = {random(), random()};
    expect_sorted(std::move(rows));
}

TEST(RowSort, stops_when_asked) {
    std::mt19937_64 random(5);
    auto rows = random_rows(100000, 0, ~std::uint64_t{0}, 1, 1, random);
    StopFlag stop;
    stop.request();
    EXPECT_THROW(sort_rows(rows, stop), Interrupted);
}

} // namespace
} // namespace ipscore::stages
