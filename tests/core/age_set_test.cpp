// Age sets against std::bitset, and sums that stop at the largest value.
#include "ipscore/core/age_set.hpp"
#include "ipscore/core/saturating.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <limits>
#include <random>

namespace ipscore {
namespace {

using Bits = std::bitset<lookback_days_max>;

Bits bits_of(AgeSet set) { return (Bits(set.hi) << 64) | Bits(set.lo); }

AgeSet set_of(const Bits& bits) {
    AgeSet set;
    for (unsigned age = 0; age < bits.size(); ++age) {
        if (bits[age]) set.insert(age);
    }
    return set;
}

/// Any number of members, from few to many.
Bits random_bits(std::mt19937_64& random) {
    const std::uint64_t members_in_64 = random() % 65;
    Bits bits;
    for (unsigned age = 0; age < bits.size(); ++age) bits[age] = random() % 64 < members_in_64;
    return bits;
}

TEST(AgeSet, every_age_alone) {
    EXPECT_TRUE(AgeSet{}.empty());
    EXPECT_EQ(AgeSet{}.size(), 0);
    for (int age = 0; age < lookback_days_max; ++age) {
        AgeSet set;
        set.insert(static_cast<unsigned>(age));
        EXPECT_EQ(bits_of(set), Bits{}.set(static_cast<std::size_t>(age)));
        EXPECT_FALSE(set.empty());
        EXPECT_EQ(set.size(), 1);
        EXPECT_EQ(set.youngest(), age);
        EXPECT_EQ(set.oldest(), age);
        set.insert(static_cast<unsigned>(age));
        EXPECT_EQ(set.size(), 1) << "inserted twice";
    }
}

TEST(AgeSet, below_holds_all_smaller_ages) {
    for (int days = 0; days <= lookback_days_max; ++days) {
        Bits bits;
        for (int age = 0; age < days; ++age) bits.set(static_cast<std::size_t>(age));
        EXPECT_EQ(bits_of(AgeSet::below(days)), bits) << days;
    }
}

TEST(AgeSet, agrees_with_a_bitset) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        const Bits a = random_bits(random);
        const Bits b = random_bits(random);
        const AgeSet set = set_of(a);
        EXPECT_EQ(bits_of(set), a);
        EXPECT_EQ(set.size(), static_cast<int>(a.count()));
        EXPECT_EQ(set.empty(), a.none());
        EXPECT_EQ(bits_of(set & set_of(b)), a & b);
        AgeSet either = set;
        either |= set_of(b);
        EXPECT_EQ(bits_of(either), a | b);
        EXPECT_EQ(set == set_of(b), a == b);
        if (a.none()) continue;
        std::size_t youngest = 0;
        while (!a[youngest]) ++youngest;
        std::size_t oldest = a.size() - 1;
        while (!a[oldest]) --oldest;
        EXPECT_EQ(set.youngest(), static_cast<int>(youngest));
        EXPECT_EQ(set.oldest(), static_cast<int>(oldest));
    }
}

TEST(Saturating, sums_and_products_stop_at_the_largest_value) {
    std::mt19937_64 random(2);
    const auto number = [&]<class T>(T) { return static_cast<T>(random() >> (random() % 64)); };
    const auto check = [&]<class T>(T type) {
        constexpr T max = std::numeric_limits<T>::max();
        EXPECT_EQ(add_saturating<T>(max, 0), max);
        EXPECT_EQ(add_saturating<T>(max, 1), max);
        EXPECT_EQ(add_saturating<T>(max, max), max);
        EXPECT_EQ(add_saturating<T>(max - 1, 1), max);
        EXPECT_EQ(multiply_saturating<T>(max, 0), T{0});
        EXPECT_EQ(multiply_saturating<T>(max, 1), max);
        EXPECT_EQ(multiply_saturating<T>(max, 2), max);
        EXPECT_EQ(multiply_saturating<T>(max, max), max);
        for (int i = 0; i < 20'000; ++i) {
            const T a = number(type);
            const T b = number(type);
            __extension__ using Wide = unsigned __int128;
            const Wide sum = Wide{a} + b;
            const Wide product = Wide{a} * b;
            ASSERT_EQ(add_saturating<T>(a, b), sum > max ? max : static_cast<T>(sum)) << +a << ' ' << +b;
            ASSERT_EQ(multiply_saturating<T>(a, b), product > max ? max : static_cast<T>(product))
                << +a << ' ' << +b;
        }
    };
    check(std::uint8_t{});
    check(std::uint32_t{});
    check(std::uint64_t{});
}

} // namespace
} // namespace ipscore
