#include "ipscore/cli/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace ipscore::cli {

namespace {

/// value = 10 * value + digit; false when it does not fit.
bool append_digit(std::uint64_t& value, unsigned digit) {
    return !__builtin_mul_overflow(value, std::uint64_t{10}, &value) &&
           !__builtin_add_overflow(value, std::uint64_t{digit}, &value);
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Digits, at least one, with at most one point.
bool is_decimal(std::string_view text) {
    return std::ranges::any_of(text, is_digit) && std::ranges::count(text, '.') <= 1 &&
           std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; });
}

} // namespace

std::optional<std::uint64_t> parse_quantity(std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    unsigned zeros = 0; // still to append
    switch (text.back()) {
    case 'k':
        zeros = 3;
        break;
    case 'M':
        zeros = 6;
        break;
    case 'G':
        zeros = 9;
        break;
    default:
        break;
    }
    if (zeros > 0) text.remove_suffix(1);
    if (!is_decimal(text)) return std::nullopt;

    std::uint64_t value = 0;
    bool behind_point = false;
    for (const char c : text) {
        if (c == '.') {
            behind_point = true;
            continue;
        }
        if (behind_point && zeros == 0) {
            if (c != '0') return std::nullopt; // not whole
            continue;
        }
        if (behind_point) --zeros;
        if (!append_digit(value, static_cast<unsigned>(c - '0'))) return std::nullopt;
    }
    for (; zeros > 0; --zeros) {
        if (!append_digit(value, 0)) return std::nullopt;
    }
    return value;
}

std::optional<double> parse_decimal(std::string_view text) noexcept {
    if (!is_decimal(text)) return std::nullopt;
    double value = 0;
    const auto [end, fault] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 4> units{"KiB", "MiB", "GiB", "TiB"};
    double bytes_per_unit = 1;
    for (const std::string_view unit : units) {
        bytes_per_unit *= 1024;
        if (!text.ends_with(unit)) continue;
        const auto count = parse_decimal(text.substr(0, text.size() - unit.size()));
        constexpr double bytes_max = 0x1p63;
        if (!count || *count * bytes_per_unit > bytes_max) return std::nullopt;
        return static_cast<std::uint64_t>(*count * bytes_per_unit);
    }
    return std::nullopt;
}

} // namespace ipscore::cli
