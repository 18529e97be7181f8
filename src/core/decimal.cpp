#include "ipscore/core/decimal.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace ipscore {

namespace {

/// The value of a digit; 10 or more for any other character.
constexpr unsigned digit_value(char c) { return static_cast<unsigned char>(c) - unsigned{'0'}; }

} // namespace

ParsedMillionths parse_millionths(std::string_view text) noexcept {
    constexpr unsigned decimals_max = 6;
    std::uint32_t whole = 0; // held at 2 once it is above 1, so that no text is too long for it
    std::uint32_t fraction = 0;
    std::size_t decimals = 0;
    bool has_point = false;
    bool has_digit = false;
    bool has_rest = false; // something but zeros behind the sixth decimal
    for (const char c : text) {
        if (const unsigned digit = digit_value(c); digit <= 9) {
            has_digit = true;
            if (!has_point) {
                whole = 10 * whole + digit;
                if (whole > 1) whole = 2;
            } else if (++decimals <= decimals_max) {
                fraction = 10 * fraction + digit;
            } else {
                has_rest = has_rest || digit != 0;
            }
        } else if (c == '.' && !has_point) {
            has_point = true;
        } else {
            return {0, DecimalFault::not_a_decimal};
        }
    }
    if (!has_digit) return {0, DecimalFault::not_a_decimal};
    if (has_rest) return {0, DecimalFault::too_many_decimals};

    for (; decimals < decimals_max; ++decimals) fraction *= 10;
    const std::uint32_t millionths = whole * one_in_millionths + fraction;
    if (millionths == 0 || millionths > one_in_millionths) return {0, DecimalFault::out_of_range};
    return {millionths, DecimalFault::none};
}

std::optional<std::uint32_t> parse_hits(std::string_view text) noexcept {
    constexpr std::size_t digits_max = 19; // any number of so many digits fits 64 bits
    while (text.size() > digits_max) {
        if (text.front() != '0') return std::nullopt;
        text.remove_prefix(1);
    }
    std::uint64_t hits = 0;
    for (const char c : text) {
        const unsigned digit = digit_value(c);
        if (digit > 9) return std::nullopt;
        hits = 10 * hits + digit;
    }
    if (hits == 0 || hits > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(hits);
}

char* format_score(char* out, float value) noexcept {
    assert(!(value < 0));
    const auto literally = [out](std::string_view text) {
        std::memcpy(out, text.data(), text.size());
        return out + text.size();
    };
    if (value == 0) return literally("0");
    if (std::isnan(value)) return literally("nan");
    if (std::isinf(value)) return literally("inf");

    // The scientific form, d[.ddd]e+dd, has the fewest digits; the fixed one writes large values out in full.
    constexpr std::size_t significant_max = 9; // an f32 never needs more
    std::array<char, significant_max + 6> scientific{};
    const char* const end = std::to_chars(scientific.data(), scientific.data() + scientific.size(), value,
                                          std::chars_format::scientific)
                                .ptr;
    const std::size_t mantissa_bytes = static_cast<std::size_t>(end - scientific.data()) - 4;
    const std::size_t significant = mantissa_bytes == 1 ? 1 : mantissa_bytes - 1;
    const std::size_t exponent = 10 * digit_value(end[-2]) + digit_value(end[-1]);
    const bool below_one = end[-3] == '-';

    // Blocks of fixed size move faster than what is needed to the byte: what is too much lies behind the end.
    std::array<char, 2 * significant_max> digits{};
    digits[0] = scientific[0];
    std::memcpy(digits.data() + 1, scientific.data() + 2, significant_max - 1);

    if (below_one) {
        std::memcpy(out, "0.", 2);
        std::memset(out + 2, '0', exponent - 1);
        std::memcpy(out + 1 + exponent, digits.data(), significant_max);
        return out + 1 + exponent + significant;
    }
    std::memcpy(out, digits.data(), significant_max);
    const std::size_t whole_digits = exponent + 1;
    if (significant <= whole_digits) {
        std::memset(out + significant, '0', whole_digits - significant);
        return out + whole_digits;
    }
    out[whole_digits] = '.';
    std::memcpy(out + whole_digits + 1, digits.data() + whole_digits, significant_max);
    return out + significant + 1;
}

} // namespace ipscore
