// Counts as the numbers that a plan computes with, and back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ipscore::stages::planning {

[[nodiscard]] inline double whole(std::uint64_t value) { return static_cast<double>(value); }

/// To the nearest count; what no count can be, to the least or the most that is one.
[[nodiscard]] inline std::uint64_t rounded(double value) {
    constexpr double most = 9e18;
    return static_cast<std::uint64_t>(std::llround(std::clamp(value, 0.0, most)));
}

} // namespace ipscore::stages::planning
