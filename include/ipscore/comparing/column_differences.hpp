// What the differences of one column add up to.
#pragma once

#include "ipscore/comparing/difference.hpp"

#include <cstdint>
#include <map>

namespace ipscore::comparing {

/// How many differences there are of each size: the power of ten that is at most as large.
class DecadeHistogram {
public:
    /// `size` is above 0 and not infinite.
    void add(double size) { ++counts_[decade_of(size)]; }
    void add(int decade, std::uint64_t count) { counts_[decade] += count; }
    /// By exponent: from 10^exponent, inclusive, to the next power of ten.
    [[nodiscard]] const std::map<int, std::uint64_t>& counts() const noexcept { return counts_; }

private:
    [[nodiscard]] static int decade_of(double size) noexcept;
    std::map<int, std::uint64_t> counts_;
};

/// Of rows that both sides have once.
struct ColumnDifferences {
    std::uint64_t rows = 0;                  ///< that differ by more than the tolerance
    std::uint64_t rows_within_tolerance = 0; ///< that differ, but are taken as equal
    // Of all that differ, also within the tolerance:
    std::uint64_t rows_unmeasured = 0; ///< there is no distance; see Difference
    std::uint64_t rows_infinite = 0;
    double absolute_max = 0; ///< of the finite ones
    double relative_max = 0;
    DecadeHistogram absolute;
    DecadeHistogram relative;

    void add(const Difference& difference);
    void add(const ColumnDifferences& other);
};

} // namespace ipscore::comparing
