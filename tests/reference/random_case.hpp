#pragma once

#include "reference_scorer.hpp"

#include <cstdint>

namespace ipscore::reference {

enum class Size {
    tiny, ///< 0 to 60 rows of observations
    small ///< 61 to about 2000
};

/// Inputs that a run accepts; the same seed and size always give the same text. Over many seeds every feature
/// of SPEC.md occurs.
Inputs random_case(std::uint64_t seed, Size size);

} // namespace ipscore::reference
