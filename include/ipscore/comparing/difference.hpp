// How much two values differ, and whether that is too much.
#pragma once

#include "ipscore/comparing/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace ipscore::comparing {

/// What is allowed of a column. A difference is within it when it is within either.
struct Tolerance {
    double absolute = 0;
    double relative = 0;
};

/// Of two values that are not equal.
struct Difference {
    bool within_tolerance = false;
    /// False: there is no distance between them. They are names or other texts, or one of them is missing or
    /// NaN.
    bool is_measured = false;
    double absolute = 0; ///< |new - old|; infinite where one of them is
    double relative = 0; ///< |new - old| / max(|old|, |new|), 0 to 2; infinite where one of them is
};

/// A value of one side.
struct Cell {
    std::uint64_t value = 0;
    std::string_view text; ///< of ValueKind::text
    bool is_missing = false;
};

/// Nothing when the two are equal. Equal are: two missing ones; two NaN; 0 and -0; infinities of one sign;
/// texts of equal bytes, and those that are the same number. NaN and missing values differ from all others by
/// more than any tolerance allows, and an infinite value from all others.
[[nodiscard]] std::optional<Difference> difference_of(ValueKind kind, const Cell& before, const Cell& now,
                                                      const Tolerance& tolerance) noexcept;

} // namespace ipscore::comparing
