// Which of the up to 128 days of a look-back were seen.
#pragma once

#include <bit>
#include <cstdint>

namespace ipscore {

inline constexpr int lookback_days_max = 128;

/// A set of ages (days before as_of), each 0 to 127; bit `age` of the 128-bit number hi:lo.
struct AgeSet {
    std::uint64_t lo = 0;
    std::uint64_t hi = 0;

    /// All ages below `days` (0 to 128).
    [[nodiscard]] static constexpr AgeSet below(int days) noexcept {
        if (days >= 128) return {~std::uint64_t{0}, ~std::uint64_t{0}};
        if (days >= 64) return {~std::uint64_t{0}, (std::uint64_t{1} << (days - 64)) - 1};
        return {(std::uint64_t{1} << days) - 1, 0};
    }
    constexpr void insert(unsigned age) noexcept {
        const std::uint64_t bit = std::uint64_t{1} << (age & 63U);
        lo |= age < 64 ? bit : 0;
        hi |= age < 64 ? 0 : bit;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return (lo | hi) == 0; }
    [[nodiscard]] constexpr int size() const noexcept { return std::popcount(lo) + std::popcount(hi); }
    /// The smallest age, which is the last day; the set must not be empty.
    [[nodiscard]] constexpr int youngest() const noexcept {
        return std::countr_zero(lo) + (std::countr_zero(hi) & mask_if_zero(lo));
    }
    /// The largest age, which is the first day; the set must not be empty.
    [[nodiscard]] constexpr int oldest() const noexcept {
        return 127 - std::countl_zero(hi) - (std::countl_zero(lo) & mask_if_zero(hi));
    }
    /// All ones or nothing: whether a half is empty is as good as random, so a branch would be.
    [[nodiscard]] static constexpr int mask_if_zero(std::uint64_t half) noexcept {
        return -static_cast<int>(half == 0);
    }
    constexpr AgeSet& operator|=(AgeSet other) noexcept {
        lo |= other.lo;
        hi |= other.hi;
        return *this;
    }
    [[nodiscard]] friend constexpr AgeSet operator&(AgeSet a, AgeSet b) noexcept {
        return {a.lo & b.lo, a.hi & b.hi};
    }
    friend constexpr bool operator==(AgeSet, AgeSet) = default;
};

} // namespace ipscore
