#include "ipscore/core/decimal.hpp"

#include "texts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipscore {

static bool operator==(const ParsedMillionths& a, const ParsedMillionths& b) {
    return a.value == b.value && a.fault == b.fault;
}

static std::ostream& operator<<(std::ostream& out, const ParsedMillionths& parsed) {
    return out << parsed.value << " millionths, fault " << static_cast<int>(parsed.fault);
}

namespace {

using Random = std::mt19937_64;

constexpr ParsedMillionths valid(Millionths value) { return {value, DecimalFault::none}; }
constexpr ParsedMillionths not_a_decimal{0, DecimalFault::not_a_decimal};
constexpr ParsedMillionths too_many_decimals{0, DecimalFault::too_many_decimals};
constexpr ParsedMillionths out_of_range{0, DecimalFault::out_of_range};

/// Parses a copy that ends where the text ends, so that the address sanitizer sees a read beyond it.
ParsedMillionths millionths(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_millionths({exact.data(), exact.size()});
}

std::optional<std::uint32_t> hits(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_hits({exact.data(), exact.size()});
}

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
    std::array<char, 400> text{};
    std::snprintf(text.data(), text.size(), format, arguments...);
    return text.data();
}

TEST(Millionths, ReadsDecimals) {
    EXPECT_EQ(millionths("1"), valid(1'000'000));
    EXPECT_EQ(millionths("1."), valid(1'000'000));
    EXPECT_EQ(millionths("001"), valid(1'000'000));
    EXPECT_EQ(millionths("1.0000000"), valid(1'000'000));
    EXPECT_EQ(millionths("0.25"), valid(250'000));
    EXPECT_EQ(millionths(".25"), valid(250'000));
    EXPECT_EQ(millionths("000.25"), valid(250'000));
    EXPECT_EQ(millionths("0.000001"), valid(1));
    EXPECT_EQ(millionths(".0000010"), valid(1));
    EXPECT_EQ(millionths("0.999999"), valid(999'999));
    EXPECT_EQ(millionths("0.1234560000"), valid(123'456));
    EXPECT_EQ(millionths(std::string(1000, '0') + "." + std::string("5").append(1000, '0')), valid(500'000));
}

TEST(Millionths, TellsItsFaultsApart) {
    for (const std::string& text : split_at_bars(
             "|.|..|1..|..1|1.0.|0.2.5|+1|-1|+0.5|1e0|1e-1|0,5| 1|1 |0x1|a|1a|.a|nan|inf|1%|/|0.5/|0.5:")) {
        EXPECT_EQ(millionths(text), not_a_decimal) << '"' << text << '"';
    }
    EXPECT_EQ(millionths(std::string_view("1\0", 2)), not_a_decimal);
    EXPECT_EQ(parse_millionths({}), not_a_decimal);
    for (const std::string& text :
         split_at_bars("0|0.|.0|000|0.000000|0.0000000|1.000001|1.1|2|2.5|10|100|4294967296|4294967297|"
                       "18446744073709551617|4295.967296")) {
        EXPECT_EQ(millionths(text), out_of_range) << '"' << text << '"';
    }
    EXPECT_EQ(millionths(std::string("1").append(1000, '0')), out_of_range);
    EXPECT_EQ(millionths(std::string(1000, '9')), out_of_range);
    for (const std::string& text :
         split_at_bars("0.0000001|0.1234567|0.00000000000000000000000000001|.9999999")) {
        EXPECT_EQ(millionths(text), too_many_decimals) << '"' << text << '"';
    }
    EXPECT_EQ(millionths(std::string("0.").append(1000, '0') + "1"), too_many_decimals);
    // Two faults at once: how it is written comes before what it is worth.
    EXPECT_EQ(millionths("2.0000001"), too_many_decimals);
    EXPECT_EQ(millionths("2.0000001x"), not_a_decimal);
}

TEST(Millionths, ReadsEveryValueInEachLength) {
    std::string text = "0.000000";
    for (Millionths value = 1; value < one_in_millionths; ++value) {
        std::size_t significant = 0;
        for (std::size_t at = text.size(), rest = value; at-- > 2; rest /= 10) {
            text[at] = static_cast<char>('0' + rest % 10);
            if (significant == 0 && rest % 10 != 0) significant = at + 1;
        }
        for (std::size_t size = significant; size <= text.size(); ++size) {
            ASSERT_EQ(parse_millionths(std::string_view(text).substr(0, size)), valid(value)) << text;
        }
        ASSERT_EQ(parse_millionths(std::string_view(text).substr(1)), valid(value)) << text;
    }
}

/// By splitting, trimming and comparing texts.
ParsedMillionths millionths_by_text(std::string text) {
    const auto points = std::ranges::count(text, '.');
    const auto digits = std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; });
    if (points > 1 || digits == 0 || static_cast<std::size_t>(points + digits) != text.size())
        return not_a_decimal;
    if (points == 0) text += '.';
    while (text.back() == '0') text.pop_back();
    while (text.front() == '0') text.erase(0, 1);
    const std::size_t point = text.find('.');
    const std::string whole = text.substr(0, point);
    const std::string fraction = text.substr(point + 1);
    if (fraction.size() > 6) return too_many_decimals;
    if (whole == "1" && fraction.empty()) return valid(one_in_millionths);
    if (!whole.empty() || fraction.empty()) return out_of_range;
    return valid(static_cast<Millionths>(std::stoul(fraction + std::string(6 - fraction.size(), '0'))));
}

TEST(Millionths, AgreesWithTextsTakenApart) {
    Random random(1);
    std::array<int, 4> faults{};
    for (int i = 0; i < 300'000; ++i) {
        std::string text(random() % 12, '0');
        for (char& c : text) c = "0000001123456789"[random() % 16];
        if (random() % 8 != 0) text.insert(random() % (std::min<std::size_t>(text.size(), 4) + 1), 1, '.');
        if (random() % 8 == 0) text.insert(random() % (text.size() + 1), 1, static_cast<char>(random()));
        const ParsedMillionths expected = millionths_by_text(text);
        ASSERT_EQ(millionths(text), expected) << '"' << text << '"';
        ++faults[static_cast<std::size_t>(expected.fault)];
    }
    for (const int count : faults) EXPECT_GT(count, 10'000);
}

TEST(Hits, ReadsWholeNumbers) {
    EXPECT_EQ(hits("1"), 1U);
    EXPECT_EQ(hits("0001"), 1U);
    EXPECT_EQ(hits("1234567890"), 1'234'567'890U);
    EXPECT_EQ(hits("4294967295"), 4'294'967'295U);
    EXPECT_EQ(hits("000000000000000000000000004294967295"), 4'294'967'295U);
    EXPECT_EQ(hits(std::string(1000, '0') + "7"), 7U);
    for (const std::string& text : split_at_bars(
             "|0|000|-1|+1| 1|1 |1.0|1e3|0x1|a|1a|a1|/|:|1,000|4294967296|9999999999|18446744073709551615|"
             "18446744073709551616|18446744073709551617|36893488147419103233|"
             "340282366920938463463374607431768211457|00000000000000000000000000|"
             "10000000000000000000000000|0000000000000000000000000a|a0000000000000000000000001")) {
        EXPECT_EQ(hits(text), std::nullopt) << '"' << text << '"';
    }
    EXPECT_EQ(hits(std::string(1000, '0')), std::nullopt);
    EXPECT_EQ(hits(std::string(1000, '1')), std::nullopt);
    EXPECT_EQ(hits(std::string_view("1\0", 2)), std::nullopt);
    EXPECT_EQ(parse_hits({}), std::nullopt);
}

TEST(Hits, AgreesWithTextsTakenApart) {
    Random random(2);
    int numbers = 0;
    for (int i = 0; i < 300'000; ++i) {
        std::string text =
            std::string(random() % 8 == 0 ? random() % 30 : 0, '0') + std::to_string(random() >> (i % 64));
        if (random() % 4 == 0) text[random() % text.size()] = static_cast<char>(random());
        std::optional<std::uint32_t> expected;
        if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
            const auto value = std::strtoull(text.c_str(), nullptr, 10); // saturates
            if (value >= 1 && value <= 4'294'967'295) expected = static_cast<std::uint32_t>(value);
        }
        ASSERT_EQ(hits(text), expected) << '"' << text << '"';
        numbers += expected.has_value();
    }
    EXPECT_GT(numbers, 100'000);
    for (std::uint32_t value = 1; value < 100'000; ++value)
        ASSERT_EQ(parse_hits(std::to_string(value)), value);
    for (std::uint64_t value = 4'294'960'000; value < 4'294'970'000; ++value) {
        ASSERT_EQ(parse_hits(std::to_string(value)).has_value(), value <= 4'294'967'295) << value;
    }
}

/// Fails where more than score_text_bytes_max bytes are touched.
std::string score_text(float value) {
    std::array<char, score_text_bytes_max + 8> text;
    text.fill('#');
    char* const end = format_score(text.data(), value);
    EXPECT_LE(end, text.data() + score_text_bytes_max);
    EXPECT_EQ(std::string_view(text.data() + score_text_bytes_max, 8), "########");
    return std::string(text.data(), end);
}

TEST(Score, PrintsPlainDecimals) {
    EXPECT_EQ(score_text(0.0f), "0");
    EXPECT_EQ(score_text(1.0f), "1");
    EXPECT_EQ(score_text(10.0f), "10");
    EXPECT_EQ(score_text(100.0f), "100");
    EXPECT_EQ(score_text(0.5f), "0.5");
    EXPECT_EQ(score_text(0.1f), "0.1");
    EXPECT_EQ(score_text(12.5f), "12.5");
    EXPECT_EQ(score_text(99.99999f), "99.99999");
    EXPECT_EQ(score_text(1.0f / 3.0f), "0.33333334");
    EXPECT_EQ(score_text(200.0f / 3.0f), "66.666664");
    EXPECT_EQ(score_text(1e-7f), "0.0000001");
    EXPECT_EQ(score_text(1.2345679e10f), "12345679000");
    EXPECT_EQ(score_text(16777216.0f), "16777216");
    EXPECT_EQ(score_text(123456.79f), "123456.79");
    EXPECT_EQ(score_text(std::numeric_limits<float>::max()), std::string("34028235").append(31, '0'));
    EXPECT_EQ(score_text(std::numeric_limits<float>::min()), std::string("0.").append(37, '0') + "11754944");
    EXPECT_EQ(score_text(std::numeric_limits<float>::denorm_min()), std::string("0.").append(44, '0') + "1");
    EXPECT_EQ(score_text(std::numeric_limits<float>::infinity()), "inf");
}

/// Of the digits and the place of the point, without the zeros around them.
std::size_t significant_digits(std::string text) {
    std::erase(text, '.');
    const std::size_t first = text.find_first_not_of('0');
    return text.find_last_not_of('0') - first + 1;
}

testing::AssertionResult is_plain_decimal(const std::string& text) {
    const std::size_t point = std::min(text.find('.'), text.size());
    const std::string whole = text.substr(0, point);
    const std::string fraction = point < text.size() ? text.substr(point + 1) : "";
    if ((whole + fraction).find_first_not_of("0123456789") != std::string::npos)
        return testing::AssertionFailure() << text;
    if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return testing::AssertionFailure() << text;
    if (point < text.size() && (fraction.empty() || fraction.back() == '0'))
        return testing::AssertionFailure() << text;
    return testing::AssertionSuccess();
}

/// Whether any decimal of so many digits reads back as `value`: the nearest one, or a neighbour of it, which
/// can be the case at powers of two, where floats above lie twice as far apart as below.
bool reads_back_with(std::size_t digits, float value, bool with_neighbours) {
    const std::string nearest = print("%.*e", static_cast<int>(digits) - 1, static_cast<double>(value));
    if (std::strtof(nearest.c_str(), nullptr) == value) return true;
    if (!with_neighbours) return false;
    std::string mantissa = nearest.substr(0, nearest.find('e'));
    std::erase(mantissa, '.');
    const int exponent = std::stoi(nearest.substr(nearest.find('e') + 1)) - static_cast<int>(digits) + 1;
    const long digits_of_nearest = std::stol(mantissa);
    return std::ranges::any_of(std::array{-1L, 1L}, [&](long step) {
        return std::strtof(print("%lde%d", digits_of_nearest + step, exponent).c_str(), nullptr) == value;
    });
}

void expect_shortest(float value, bool with_neighbours = false) {
    const std::string text = score_text(value);
    ASSERT_TRUE(is_plain_decimal(text));
    ASSERT_EQ(std::strtof(text.c_str(), nullptr), value) << text;
    const std::size_t digits = significant_digits(text);
    ASSERT_LE(digits, 9U) << text;
    if (digits > 1) {
        ASSERT_FALSE(reads_back_with(digits - 1, value, with_neighbours)) << text;
    }
    // Of the shortest ones it is the nearest, unless that one does not read back (at powers of two).
    const std::string nearest = print("%.*e", static_cast<int>(digits) - 1, static_cast<double>(value));
    if (std::strtof(nearest.c_str(), nullptr) == value) {
        ASSERT_EQ(std::strtod(text.c_str(), nullptr), std::strtod(nearest.c_str(), nullptr)) << text;
    }
}

TEST(Score, IsShortestForPowersAndTheirNeighbours) {
    for (int exponent = -149; exponent <= 127; ++exponent) {
        const float power = std::ldexp(1.0f, exponent);
        expect_shortest(power, true);
        expect_shortest(std::nextafter(power, std::numeric_limits<float>::infinity()), true);
        if (exponent > -149) expect_shortest(std::nextafter(power, 0.0f), true);
    }
    for (int exponent = -45; exponent <= 38; ++exponent) {
        const std::string text = print("1e%d", exponent);
        const float power = std::strtof(text.c_str(), nullptr);
        expect_shortest(power, true);
        EXPECT_EQ(significant_digits(score_text(power)), 1U) << text;
    }
    expect_shortest(std::numeric_limits<float>::max());
}

TEST(Score, IsShortestForRandomFloats) {
    Random random(3);
    constexpr std::uint32_t infinity = 0x7f800000;
    for (int i = 0; i < 100'000; ++i) {
        expect_shortest(std::bit_cast<float>(1 + static_cast<std::uint32_t>(random() % (infinity - 1))));
        expect_shortest(
            static_cast<float>(static_cast<double>(1 + (random() >> 12)) * 0x1p-52 * 100)); // a real score
        if (HasFatalFailure()) return;
    }
    for (int i = 0; i < 20'000; ++i) {
        expect_shortest(
            std::bit_cast<float>(1 + static_cast<std::uint32_t>(random() % 0x007fffff))); // subnormal
        expect_shortest(std::bit_cast<float>(1 + static_cast<std::uint32_t>(i)));
        if (HasFatalFailure()) return;
    }
}

TEST(Score, ComesBackForRandomFloats) {
    Random random(4);
    for (int i = 0; i < 2'000'000; ++i) {
        const auto bits = static_cast<std::uint32_t>(random() % 0x7f800000);
        std::array<char, score_text_bytes_max + 1> text;
        *format_score(text.data(), std::bit_cast<float>(bits)) = '\0';
        ASSERT_EQ(std::bit_cast<std::uint32_t>(std::strtof(text.data(), nullptr)), bits) << text.data();
    }
}

} // namespace
} // namespace ipscore
