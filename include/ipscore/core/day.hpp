// Calendar days in UTC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipscore {

/// Days since 1970-01-01 (UTC).
using Day = std::int32_t;

inline constexpr Day first_valid_day = 10957; ///< 2000-01-01
inline constexpr Day last_valid_day = 47481;  ///< 2099-12-31

enum class DayFault { none, not_a_day, out_of_range };

struct ParsedDay {
    Day day = 0;
    DayFault fault = DayFault::none;
};

/// `YYYY-MM-DD`, a day of the Gregorian calendar between first_valid_day and last_valid_day.
[[nodiscard]] ParsedDay parse_date(std::string_view text) noexcept;

/// `YYYY-MM-DD`, or an RFC 3339 timestamp, whose UTC date counts (so an offset can move the day).
[[nodiscard]] ParsedDay parse_date_or_timestamp(std::string_view text) noexcept;

/// The UTC day of a number of seconds since 1970-01-01T00:00:00Z, or of `units_per_second` times as many:
/// digits, perhaps with a point and further digits, which do not count. A number below 0 is out of range.
[[nodiscard]] ParsedDay parse_epoch(std::string_view text, std::uint32_t units_per_second) noexcept;

inline constexpr std::size_t date_text_bytes = 10;

/// Writes `YYYY-MM-DD`; `out` has room for date_text_bytes. Days outside 0000-01-01 to 9999-12-31 must not be
/// given. Returns the end of the text.
char* format_date(char* out, Day day) noexcept;

[[nodiscard]] std::string date_text(Day day);

} // namespace ipscore
