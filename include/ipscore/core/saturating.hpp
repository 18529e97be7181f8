// Sums that stop at the largest value of their type, so that their order cannot matter.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

namespace ipscore {

template <std::unsigned_integral T>
[[nodiscard]] constexpr T add_saturating(T a, T b) noexcept {
    T sum{};
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<T>::max() : sum;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr T multiply_saturating(T a, T b) noexcept {
    T product{};
    return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<T>::max() : product;
}

} // namespace ipscore
