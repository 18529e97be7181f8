// Which days are meant, of all that are valid.
#pragma once

#include "ipscore/core/day.hpp"

#include <algorithm>
#include <bitset>
#include <cstddef>

namespace ipscore {

/// Days as the rows of tables and segments have them.
class DaySet {
public:
    DaySet() = default;
    /// All valid days from `first` to `last`.
    DaySet(Day first, Day last) {
        for (Day day = std::max(first, first_valid_day); day <= std::min(last, last_valid_day); ++day)
            insert(day);
    }
    void insert(Day day) { days_.set(static_cast<std::size_t>(day)); }
    void erase(Day day) { days_.reset(static_cast<std::size_t>(day)); }
    /// `day`: 0 to 65535.
    [[nodiscard]] bool contains(Day day) const noexcept { return days_[static_cast<std::size_t>(day)]; }
    [[nodiscard]] bool empty() const noexcept { return days_.none(); }
    [[nodiscard]] DaySet without(const DaySet& others) const noexcept {
        return DaySet(days_ & ~others.days_);
    }
    [[nodiscard]] friend DaySet operator&(const DaySet& a, const DaySet& b) noexcept {
        return DaySet(a.days_ & b.days_);
    }

private:
    using Days = std::bitset<1U << 16U>;
    explicit DaySet(const Days& days) : days_(days) {}
    Days days_;
};

} // namespace ipscore
