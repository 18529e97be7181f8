#include "ipscore/core/day.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace ipscore {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the word-wise parsing reads text as little-endian words");

constexpr Day not_a_day = INT32_MIN;

struct Month {
    std::uint16_t days_before; ///< of a common year
    std::uint8_t days;
};
// Month 0 is none, and so has no days.
constexpr std::array<Month, 13> months = {{{0, 0},
                                           {0, 31},
                                           {31, 28},
                                           {59, 31},
                                           {90, 30},
                                           {120, 31},
                                           {151, 30},
                                           {181, 31},
                                           {212, 31},
                                           {243, 30},
                                           {273, 31},
                                           {304, 30},
                                           {334, 31}}};

/// 1 or 0.
constexpr std::uint32_t leap_days(std::uint32_t century, std::uint32_t year_of_century) {
    return ((year_of_century != 0 ? year_of_century : century) & 3) == 0 ? 1 : 0;
}

/// Years from 0 on; `leap_day` is that of the year itself.
constexpr Day day_of_civil(std::uint32_t year, std::uint32_t month, std::uint32_t day,
                           std::uint32_t leap_day) {
    // The years before this one, counted from -399 so that nothing is negative: 96 leap days precede year 0.
    const std::uint32_t y = year + 399;
    constexpr std::uint32_t days_to_1970 = 719'528 + 96;
    const std::uint32_t days_before_year = 365 * year + y / 4 - y / 100 + y / 400;
    const std::uint32_t leap_day_before = leap_day & (month > 2 ? 1U : 0U);
    return static_cast<Day>(days_before_year + months[month].days_before + leap_day_before + day - 1 -
                            days_to_1970);
}

static_assert(day_of_civil(1970, 1, 1, 0) == 0 && day_of_civil(0, 3, 1, 1) == -719'468);
static_assert(day_of_civil(2000, 1, 1, 1) == first_valid_day &&
              day_of_civil(2099, 12, 31, 0) == last_valid_day);

/// The day that the 10 bytes at `text` write, whatever its year, or not_a_day.
Day day_of_text(const char* text) noexcept {
    std::uint64_t year_and_month; // YYYY-MM-
    std::uint16_t day_of_month;
    std::memcpy(&year_and_month, text, sizeof year_and_month);
    std::memcpy(&day_of_month, text + sizeof year_and_month, sizeof day_of_month);

    const std::uint64_t hyphens = std::uint64_t{'-'} << 32 | std::uint64_t{'-'} << 56;
    const std::uint64_t without_hyphens = (year_and_month & 0xffffffff) |
                                          (year_and_month >> 8 & 0x0000ffff00000000) |
                                          std::uint64_t{day_of_month} << 48;
    const std::uint64_t digits = without_hyphens ^ 0x3030303030303030;
    const std::uint64_t not_digits = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
    if (not_digits != 0 || (year_and_month & 0xff0000ff00000000) != hyphens) return not_a_day;

    const std::uint64_t pairs = 10 * digits + (digits >> 8); // every second byte: what two digits write
    const auto century = static_cast<std::uint32_t>(pairs & 0xff);
    const auto year_of_century = static_cast<std::uint32_t>(pairs >> 16 & 0xff);
    const auto month = static_cast<std::uint32_t>(pairs >> 32 & 0xff);
    const auto day = static_cast<std::uint32_t>(pairs >> 48 & 0xff);

    if (month > 12) return not_a_day;
    const std::uint32_t leap_day = leap_days(century, year_of_century);
    const std::uint32_t days_of_month = months[month].days + (leap_day & (month == 2 ? 1U : 0U));
    if (day - 1 >= days_of_month) return not_a_day; // day 0 wraps around
    return day_of_civil(100 * century + year_of_century, month, day, leap_day);
}

constexpr ParsedDay checked(Day day) {
    if (day < first_valid_day || day > last_valid_day) {
        return {0, day == not_a_day ? DayFault::not_a_day : DayFault::out_of_range};
    }
    return {day, DayFault::none};
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr unsigned not_a_number = 100;

/// The number that two digits write, or not_a_number.
constexpr unsigned two_digits(const char* text) {
    if (!is_digit(text[0]) || !is_digit(text[1])) return not_a_number;
    return 10 * static_cast<unsigned>(text[0] - '0') + static_cast<unsigned>(text[1] - '0');
}

constexpr int minutes_per_day = 24 * 60;

/// Minutes that local time is ahead of UTC, of `Z` or `+hh:mm`; nothing otherwise.
std::optional<int> parse_offset_minutes(std::string_view text) noexcept {
    if (text == "Z" || text == "z") return 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
    const unsigned hours = two_digits(text.data() + 1);
    const unsigned minutes = two_digits(text.data() + 4);
    if (hours > 23 || minutes > 59) return std::nullopt;
    const int offset = static_cast<int>(60 * hours + minutes);
    return text[0] == '-' ? -offset : offset;
}

/// The UTC day of `date T time [.fraction] offset`, whatever its year, or not_a_day.
Day utc_day_of_timestamp(std::string_view text) noexcept {
    constexpr std::size_t time_end = 19; // YYYY-MM-DDThh:mm:ss
    if (text.size() <= time_end) return not_a_day;
    const Day local_day = day_of_text(text.data());
    const char separator = text[date_text_bytes];
    if (local_day == not_a_day || (separator != 'T' && separator != 't' && separator != ' '))
        return not_a_day;

    const unsigned hours = two_digits(text.data() + 11);
    const unsigned minutes = two_digits(text.data() + 14);
    const unsigned seconds = two_digits(text.data() + 17);
    if (hours > 23 || minutes > 59 || seconds > 60 || text[13] != ':' || text[16] != ':') return not_a_day;

    text.remove_prefix(time_end);
    if (text.front() == '.') {
        std::size_t fraction_end = 1;
        while (fraction_end < text.size() && is_digit(text[fraction_end])) ++fraction_end;
        if (fraction_end == 1) return not_a_day;
        text.remove_prefix(fraction_end);
    }
    const std::optional<int> offset = parse_offset_minutes(text);
    if (!offset) return not_a_day;

    int utc_minutes = static_cast<int>(60 * hours + minutes) - *offset;
    Day day = local_day;
    if (utc_minutes < 0) {
        utc_minutes += minutes_per_day;
        --day;
    } else if (utc_minutes >= minutes_per_day) {
        utc_minutes -= minutes_per_day;
        ++day;
    }
    if (seconds == 60 && utc_minutes != minutes_per_day - 1) return not_a_day; // a leap second ends a UTC day
    return day;
}

constexpr auto digit_pairs = [] {
    std::array<std::array<char, 2>, 100> pairs{};
    for (unsigned i = 0; i < 100; ++i)
        pairs[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    return pairs;
}();

} // namespace

ParsedDay parse_date(std::string_view text) noexcept {
    return checked(text.size() == date_text_bytes ? day_of_text(text.data()) : not_a_day);
}

ParsedDay parse_date_or_timestamp(std::string_view text) noexcept {
    return checked(text.size() == date_text_bytes ? day_of_text(text.data()) : utc_day_of_timestamp(text));
}

ParsedDay parse_epoch(std::string_view text, std::uint32_t units_per_second) noexcept {
    constexpr std::uint64_t seconds_per_day = std::uint64_t{60} * minutes_per_day;
    const std::uint64_t units_per_day = seconds_per_day * units_per_second;
    const std::uint64_t units_end = (static_cast<std::uint64_t>(last_valid_day) + 1) * units_per_day;
    const bool below_0 = text.starts_with('-');
    if (below_0) text.remove_prefix(1);
    const std::size_t whole_digits = std::min(text.find('.'), text.size());
    const bool has_fraction = whole_digits < text.size();
    if (whole_digits == 0 || (has_fraction && whole_digits + 1 == text.size())) return checked(not_a_day);
    std::uint64_t units = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i == whole_digits) continue; // the point
        if (!is_digit(text[i])) return checked(not_a_day);
        // Beyond the last day it only matters that it is beyond, so this never overflows.
        if (i < whole_digits && units < units_end) units = 10 * units + static_cast<unsigned>(text[i] - '0');
    }
    if (below_0 || units >= units_end) return {0, DayFault::out_of_range};
    return checked(static_cast<Day>(units / units_per_day));
}

char* format_date(char* out, Day day) noexcept {
    assert(day >= day_of_civil(0, 1, 1, 1) && day <= day_of_civil(9999, 12, 31, 0));

    // Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022):
    // divisions become multiplications by fractions that are exact for all the days that can be given. Years
    // count from March, so that the leap day is their last, and from -0400, so that nothing is negative.
    constexpr std::uint32_t days_to_1970 = 719'468 + 146'097; // from -0400-03-01
    constexpr std::uint32_t years_to_0 = 400;
    const std::uint32_t n1 = 4 * (static_cast<std::uint32_t>(day) + days_to_1970) + 3;
    const std::uint32_t century = n1 / 146'097;
    const std::uint32_t n2 = n1 % 146'097 | 3;
    const std::uint64_t p2 = std::uint64_t{2'939'745} * n2;
    const auto year_of_century = static_cast<std::uint32_t>(p2 >> 32);
    const std::uint32_t day_of_year = static_cast<std::uint32_t>(p2) / 2'939'745 / 4; // 0: March the first
    const std::uint32_t n3 = 2'141 * day_of_year + 197'913;
    const bool after_december = day_of_year >= 306;
    const std::uint32_t month = (n3 >> 16) - (after_december ? 12 : 0);
    const std::uint32_t day_of_month = (n3 & 0xffff) / 2'141 + 1;
    const std::uint32_t year = 100 * century + year_of_century - years_to_0 + (after_december ? 1 : 0);

    std::memcpy(out, digit_pairs[year / 100].data(), 2);
    std::memcpy(out + 2, digit_pairs[year % 100].data(), 2);
    out[4] = '-';
    std::memcpy(out + 5, digit_pairs[month].data(), 2);
    out[7] = '-';
    std::memcpy(out + 8, digit_pairs[day_of_month].data(), 2);
    return out + date_text_bytes;
}

std::string date_text(Day day) {
    std::array<char, date_text_bytes> text;
    return {text.data(), format_date(text.data(), day)};
}

} // namespace ipscore
