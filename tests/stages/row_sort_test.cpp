// Rows sorted byte by byte, against sorting by comparison.
#include "row_sort.hpp"

#include "ipscore/core/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::stages {
namespace {

/// Bits of the fields that are random; the others are zero.
struct Masks {
    Address address;
    std::uint32_t key = 0;
    std::uint16_t day = 0;
};

ObservationRow row_of(Address address, const ObservationRow& /*kind*/) { return {.address = address}; }
Ipv4Row row_of(Address address, const Ipv4Row& /*kind*/) {
    return {.address = static_cast<std::uint32_t>(address.lo)};
}
auto order(const ObservationRow& row) { return std::tuple(row.address.hi, row.address.lo, row.key, row.day); }
auto order(const Ipv4Row& row) { return std::tuple(row.address, row.key, row.day); }

template <class Row>
void sort_rows(std::vector<Row>& rows, const StopFlag& stop) {
    sort_stretches<Row>(split_rows(std::span(rows), stop), stop, [](std::span<const Row>) {});
}

/// Both kinds of row.
template <class Row>
class RowSort : public testing::Test {
protected:
    /// Hits number the rows, so that a row that was lost or doubled shows.
    std::vector<Row> random_rows(std::size_t count, const Masks& masks) {
        std::vector<Row> rows(count);
        for (std::size_t i = 0; i < count; ++i) {
            rows[i] = row_of({random_() & masks.address.hi, random_() & masks.address.lo}, Row{});
            rows[i].key = static_cast<std::uint32_t>(random_()) & masks.key;
            rows[i].day = static_cast<std::uint16_t>(random_() & masks.day);
            rows[i].hits = static_cast<std::uint32_t>(i);
        }
        return rows;
    }

    /// Equal rows may come in any order.
    static void expect_sorted(std::vector<Row> rows) {
        const auto all_fields = [](const Row& row) { return std::pair(order(row), row.hits); };
        const auto order_of = [](const Row& row) { return order(row); };
        std::vector<Row> expected = rows;
        std::ranges::sort(expected, {}, all_fields);
        sort_rows(rows, {});
        ASSERT_TRUE(std::ranges::is_sorted(rows, {}, order_of));
        std::ranges::sort(rows, {}, all_fields);
        ASSERT_TRUE(std::ranges::equal(rows, expected, {}, all_fields, all_fields));
    }

    std::mt19937_64 random_{211};
};

using RowKinds = testing::Types<ObservationRow, Ipv4Row>;
TYPED_TEST_SUITE(RowSort, RowKinds);

TYPED_TEST(RowSort, sorts_whatever_the_rows_differ_in) {
    constexpr auto all = ~std::uint64_t{0};
    for (const std::size_t count : {0UL, 1UL, 2UL, 127UL, 128UL, 129UL, 5000UL, 32768UL, 32769UL, 200000UL}) {
        for (const Masks& masks : {
                 Masks{{all, all}, ~0U, 0xffff}, Masks{{0, 0xffff'ffff}, 0xff, 0xff},
                 Masks{{0, 0xff00'00ff}, 0xff00'00ff, 0xff}, // bytes in between that are all the same
                 Masks{{0, 0x7}, 0x3, 0x3},                  // hardly any distinct
                 Masks{{0, 0}, 0xff'ffff, 0xffff},           // one address
                 Masks{{0, 0}, 0, 0xff00},                   // one address, one key
                 Masks{{0, 0}, 0, 0},                        // all the same
                 Masks{{0xff00'0000'0000'0000, 0x1}, 1, 1},  // first and last bytes
             }) {
            this->expect_sorted(this->random_rows(count, masks));
        }
    }
}

TYPED_TEST(RowSort, sorts_what_is_nearly_all_of_one_address) {
    auto rows = this->random_rows(100000, {{0, 0}, ~0U, 0xff});
    for (std::size_t i = 0; i < rows.size(); i += 97)
        rows[i].address = row_of({this->random_(), this->random_()}, TypeParam{}).address;
    this->expect_sorted(std::move(rows));
}

TYPED_TEST(RowSort, hands_on_what_is_sorted_in_order_and_one_by_one) {
    using Row = TypeParam;
    auto rows = this->random_rows(200000, {{0, 0x3f00'0fff}, 0x3, 0x3});
    const Row* next = rows.data();
    std::atomic<int> at_once = 0;
    std::vector<Row> firsts;
    sort_stretches<Row>(split_rows(std::span(rows), {}), {}, [&](std::span<const Row> stretch) {
        EXPECT_EQ(++at_once, 1);
        EXPECT_EQ(stretch.data(), next);
        EXPECT_TRUE(std::ranges::is_sorted(stretch, {}, [](const Row& row) { return order(row); }));
        // Whoever adds up equal rows has them all.
        if (next != rows.data()) {
            EXPECT_LT(order(next[-1]), order(stretch.front()));
        }
        firsts.push_back(stretch.front());
        next = stretch.data() + stretch.size();
        --at_once;
    });
    EXPECT_EQ(next, rows.data() + rows.size());
    EXPECT_EQ(firsts.size(), 0x40);
}

TYPED_TEST(RowSort, what_takes_the_rows_may_throw) {
    using Row = TypeParam;
    auto rows = this->random_rows(100000, {{0, ~std::uint64_t{0}}, 1, 1});
    const auto refuse = [](std::span<const Row>) { throw EnvironmentError("no room"); };
    EXPECT_THROW(sort_stretches<Row>(split_rows(std::span(rows), {}), {}, refuse), EnvironmentError);
}

TYPED_TEST(RowSort, stops_when_asked) {
    auto rows = this->random_rows(100000, {{0, ~std::uint64_t{0}}, 1, 1});
    StopFlag stop;
    stop.request();
    EXPECT_THROW(sort_rows(rows, stop), Interrupted);
    const auto stretches = split_rows(std::span(rows), {});
    EXPECT_THROW(sort_stretches<TypeParam>(stretches, stop, [](std::span<const TypeParam>) {}), Interrupted);
}

} // namespace
} // namespace ipscore::stages
