// The two formulas in which floating point appears (SPEC "Per (address, tag)"): in f64, each rounded once to
// f32. And what of an address its company gets.
#pragma once

#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <limits>

namespace ipscore::scoring {

// Of sums that are f64 already; inlined by force, into loops that become vector instructions.

/// (100 r) / (r + k); `saturation_raw` is k, in units of raw.
[[nodiscard, gnu::always_inline]] inline float score_of_f64(double r, double saturation_raw) noexcept {
    return static_cast<float>((100.0 * r) / (r + saturation_raw));
}

/// (recent / R) / (base / (L - R)); where there is any evidence, +inf without base, and 0 without recent.
[[nodiscard, gnu::always_inline]] inline float surge_of_f64(double recent, double base, double recent_days,
                                                            double base_days) noexcept {
    return static_cast<float>((recent / recent_days) / (base / base_days));
}

/// The score of `raw`.
[[nodiscard]] inline float score_of(std::uint64_t raw, double saturation_raw) noexcept {
    return score_of_f64(static_cast<double>(raw), saturation_raw);
}

/// The surge of these sums; +inf without base, 0 without recent.
[[nodiscard]] inline float surge_of(std::uint64_t recent, std::uint64_t base, double recent_days,
                                    double base_days) noexcept {
    if (base == 0) return std::numeric_limits<float>::infinity();
    return surge_of_f64(static_cast<double>(recent), static_cast<double>(base), recent_days, base_days);
}

/// floor(raw * confidence / 10^6). The 128-bit division is slow, so it is kept for where it is needed.
[[nodiscard]] inline std::uint64_t weigh_by_confidence(std::uint64_t raw, Millionths confidence) noexcept {
    if (confidence == one_in_millionths) return raw;
    std::uint64_t product = 0;
    if (!__builtin_mul_overflow(raw, std::uint64_t{confidence}, &product)) return product / one_in_millionths;
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(raw) * confidence / one_in_millionths);
}

} // namespace ipscore::scoring
