#include "ipscore/comparing/column_differences.hpp"

#include <algorithm>
#include <cmath>

namespace ipscore::comparing {

int DecadeHistogram::decade_of(double size) noexcept {
    // The logarithm is rounded; the powers of ten themselves decide.
    auto decade = static_cast<int>(std::floor(std::log10(size)));
    const auto power = [](int exponent) { return std::pow(10.0, exponent); };
    if (size < power(decade)) --decade;
    if (size >= power(decade + 1)) ++decade;
    return decade;
}

void ColumnDifferences::add(const Difference& difference) {
    ++(difference.within_tolerance ? rows_within_tolerance : rows);
    if (!difference.is_measured) {
        ++rows_unmeasured;
    } else if (std::isinf(difference.absolute)) {
        ++rows_infinite;
    } else {
        absolute_max = std::max(absolute_max, difference.absolute);
        absolute.add(difference.absolute);
        if (difference.relative == 0) return; // of days
        relative_max = std::max(relative_max, difference.relative);
        relative.add(difference.relative);
    }
}

void ColumnDifferences::add(const ColumnDifferences& other) {
    rows += other.rows;
    rows_within_tolerance += other.rows_within_tolerance;
    rows_unmeasured += other.rows_unmeasured;
    rows_infinite += other.rows_infinite;
    absolute_max = std::max(absolute_max, other.absolute_max);
    relative_max = std::max(relative_max, other.relative_max);
    for (const auto& [decade, count] : other.absolute.counts()) absolute.add(decade, count);
    for (const auto& [decade, count] : other.relative.counts()) relative.add(decade, count);
}

} // namespace ipscore::comparing
