#include "ipscore/comparing/column_differences.hpp"
#include "ipscore/comparing/difference.hpp"
#include "ipscore/comparing/rows.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace ipscore::comparing {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::optional<Difference> numbers(float before, float now, Tolerance tolerance = {}) {
    return difference_of(ValueKind::number, {.value = value_of(before), .text = {}},
                         {.value = value_of(now), .text = {}}, tolerance);
}

std::optional<Difference> counts(std::uint64_t before, std::uint64_t now, Tolerance tolerance = {}) {
    return difference_of(ValueKind::count, {.value = before, .text = {}}, {.value = now, .text = {}},
                         tolerance);
}

std::optional<Difference> texts(std::string_view before, std::string_view now, Tolerance tolerance = {}) {
    return difference_of(ValueKind::text, {.text = before}, {.text = now}, tolerance);
}

TEST(Difference, EqualNumbers) {
    EXPECT_FALSE(numbers(1.5F, 1.5F));
    EXPECT_FALSE(numbers(0.0F, -0.0F));
    EXPECT_FALSE(numbers(nan, -nan));
    EXPECT_FALSE(numbers(infinity, infinity));
}

TEST(Difference, OneUlpIsADifference) {
    const auto difference = numbers(1.0F, std::nextafter(1.0F, 2.0F));
    ASSERT_TRUE(difference);
    EXPECT_FALSE(difference->within_tolerance);
    EXPECT_EQ(difference->absolute, std::ldexp(1.0, -23));
    EXPECT_TRUE(numbers(0.0F, std::numeric_limits<float>::denorm_min()));
}

TEST(Difference, WhatNoToleranceAllows) {
    const Tolerance all{1e300, 1e300};
    EXPECT_FALSE(numbers(nan, 1, all)->within_tolerance);
    EXPECT_FALSE(numbers(nan, 1, all)->is_measured);
    EXPECT_FALSE(numbers(infinity, 1, all)->within_tolerance);
    EXPECT_FALSE(numbers(infinity, -infinity, all)->within_tolerance);
    const auto missing = difference_of(ValueKind::count, {.text = {}, .is_missing = true}, {.text = {}}, all);
    ASSERT_TRUE(missing);
    EXPECT_FALSE(missing->within_tolerance);
    EXPECT_FALSE(difference_of(ValueKind::count, {.value = 1, .text = {}, .is_missing = true},
                               {.text = {}, .is_missing = true}, {}));
}

TEST(Difference, RelativeIsToTheLarger) {
    EXPECT_DOUBLE_EQ(numbers(50, 100)->relative, 0.5);
    EXPECT_DOUBLE_EQ(numbers(100, 50)->relative, 0.5);
    EXPECT_DOUBLE_EQ(numbers(-1, 1)->relative, 2);
    EXPECT_TRUE(numbers(100, 101, {0, 0.01})->within_tolerance);
    EXPECT_FALSE(numbers(100, 102, {0, 0.01})->within_tolerance);
    EXPECT_TRUE(numbers(100, 102, {2, 0.01})->within_tolerance); // either will do
}

TEST(Difference, CountsBeyondTheIntegersOfF64) {
    constexpr std::uint64_t large = std::uint64_t{1} << 60U;
    EXPECT_EQ(counts(large, large + 1)->absolute, 1);
    EXPECT_EQ(counts(large + 1, large)->absolute, 1);
    EXPECT_EQ(counts(0, ~std::uint64_t{0})->relative, 1);
}

TEST(Difference, DaysHaveADistanceInDays) {
    const auto days = [](Day before, Day now, Tolerance tolerance) {
        return difference_of(ValueKind::day, {.value = value_of(before), .text = {}},
                             {.value = value_of(now), .text = {}}, tolerance);
    };
    EXPECT_EQ(days(20000, 20003, {})->absolute, 3);
    EXPECT_TRUE(days(20000, 20003, {3, 0})->within_tolerance);
    EXPECT_FALSE(days(20000, 20003, {0, 0.5})->within_tolerance);
}

TEST(Difference, TextsThatAreNumbers) {
    EXPECT_FALSE(texts("abc", "abc"));
    EXPECT_FALSE(texts("1.0", "1"));
    EXPECT_FALSE(texts("1e3", "1000"));
    EXPECT_EQ(texts("18446744073709551615", "18446744073709551614")->absolute, 1);
    EXPECT_DOUBLE_EQ(texts("0.5", "0.25")->absolute, 0.25);
    EXPECT_FALSE(texts("abc", "abd")->is_measured);
    EXPECT_FALSE(texts("", "0")->is_measured);
    EXPECT_FALSE(texts("1 ", "1")->is_measured);
}

TEST(DecadeHistogram, PowersOfTenBeginTheirOwn) {
    DecadeHistogram histogram;
    for (const double size : {1e-6, 9.99e-6, 1e-5, 1.0, 9.999999, 10.0, 1000.0, 999.0}) histogram.add(size);
    EXPECT_THAT(histogram.counts(),
                ElementsAre(Pair(-6, 2), Pair(-5, 1), Pair(0, 2), Pair(1, 1), Pair(2, 1), Pair(3, 1)));
}

TEST(ColumnDifferences, AddUp) {
    ColumnDifferences all;
    ColumnDifferences one;
    ColumnDifferences other;
    const auto add = [&](ColumnDifferences& part, const std::optional<Difference>& difference) {
        part.add(*difference);
        all.add(*difference);
    };
    add(one, numbers(1, 2));
    add(one, numbers(nan, 2));
    add(other, numbers(1, 1.5F, {1, 0}));
    add(other, numbers(1, infinity));
    one.add(other);
    EXPECT_EQ(one.rows, 3U);
    EXPECT_EQ(one.rows_within_tolerance, 1U);
    EXPECT_EQ(one.rows_unmeasured, 1U);
    EXPECT_EQ(one.rows_infinite, 1U);
    EXPECT_EQ(one.absolute_max, 1);
    EXPECT_EQ(one.relative_max, 0.5);
    EXPECT_EQ(one.absolute.counts(), all.absolute.counts());
    EXPECT_EQ(one.relative.counts(), all.relative.counts());
}

} // namespace
} // namespace ipscore::comparing
