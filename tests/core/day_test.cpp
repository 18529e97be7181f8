#include "ipscore/core/day.hpp"

#include "texts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipscore {

static bool operator==(const ParsedDay& a, const ParsedDay& b) {
    return a.day == b.day && a.fault == b.fault;
}

static std::ostream& operator<<(std::ostream& out, const ParsedDay& parsed) {
    return out << "day " << parsed.day << ", fault " << static_cast<int>(parsed.fault);
}

namespace {

using Random = std::mt19937_64;

constexpr ParsedDay not_a_day{0, DayFault::not_a_day};
constexpr ParsedDay out_of_range{0, DayFault::out_of_range};

/// Parses a copy that ends where the text ends, so that the address sanitizer sees a read beyond it.
ParsedDay parsed_date(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_date({exact.data(), exact.size()});
}

ParsedDay parsed(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_date_or_timestamp({exact.data(), exact.size()});
}

template <class... Numbers>
std::string print(const char* format, Numbers... numbers) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, numbers...);
    return text.data();
}

std::string text_by_chrono(Day day) {
    const std::chrono::year_month_day civil{std::chrono::sys_days{std::chrono::days{day}}};
    return print("%04d-%02u-%02u", static_cast<int>(civil.year()), static_cast<unsigned>(civil.month()),
                 static_cast<unsigned>(civil.day()));
}

ParsedDay checked(std::chrono::sys_days day) {
    using namespace std::chrono;
    if (day < sys_days{year{2000} / 1 / 1} || day > sys_days{year{2099} / 12 / 31}) return out_of_range;
    return {static_cast<Day>(day.time_since_epoch().count()), DayFault::none};
}

ParsedDay parsed_by_chrono(int year, unsigned month, unsigned day) {
    const std::chrono::year_month_day civil{std::chrono::year{year}, std::chrono::month{month},
                                            std::chrono::day{day}};
    return civil.ok() ? checked(std::chrono::sys_days{civil}) : not_a_day;
}

/// What the text means by the grammar of RFC 3339 and the calendar of std::chrono.
ParsedDay parsed_by_grammar(const std::string& text) {
    using namespace std::chrono;
    std::string shape = text; // each digit as a 9
    std::ranges::replace_if(
        shape, [](char c) { return c >= '0' && c <= '9'; }, '9');
    const auto number = [&text](std::size_t from, std::size_t size) {
        return std::stoi(text.substr(from, size));
    };

    if (!shape.starts_with("9999-99-99")) return not_a_day;
    const year_month_day civil{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))},
                               day{static_cast<unsigned>(number(8, 2))}};
    if (!civil.ok()) return not_a_day;
    if (shape.size() == 10) return checked(sys_days{civil});

    std::size_t zone = 19;
    if (shape.size() < zone || std::string_view("Tt ").find(shape[10]) == std::string_view::npos)
        return not_a_day;
    if (shape.substr(11, 8) != "99:99:99") return not_a_day;
    if (shape.find(".9", zone) == zone) zone = std::min(shape.find_first_not_of('9', zone + 1), shape.size());
    const std::string zone_shape = shape.substr(zone);
    minutes offset{0};
    if (zone_shape == "+99:99" || zone_shape == "-99:99") {
        if (number(zone + 1, 2) > 23 || number(zone + 4, 2) > 59) return not_a_day;
        offset = hours{number(zone + 1, 2)} + minutes{number(zone + 4, 2)};
        if (zone_shape.front() == '-') offset = -offset;
    } else if (zone_shape != "Z" && zone_shape != "z") {
        return not_a_day;
    }
    if (number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return not_a_day;
    const auto utc = sys_days{civil} + hours{number(11, 2)} + minutes{number(14, 2)} - offset;
    const auto utc_day = floor<days>(utc);
    if (number(17, 2) == 60 && utc - utc_day != hours{23} + minutes{59}) return not_a_day;
    return checked(utc_day);
}

TEST(Day, EveryValidDayComesBackAndAgreesWithChrono) {
    for (Day day = first_valid_day; day <= last_valid_day; ++day) {
        const std::string text = date_text(day);
        ASSERT_EQ(text, text_by_chrono(day));
        ASSERT_EQ(parsed_date(text), (ParsedDay{day, DayFault::none})) << text;
        ASSERT_EQ(parsed(text), (ParsedDay{day, DayFault::none})) << text;
    }
    EXPECT_EQ(date_text(first_valid_day), "2000-01-01");
    EXPECT_EQ(date_text(last_valid_day), "2099-12-31");
    EXPECT_EQ(date_text(0), "1970-01-01");
}

TEST(Day, EveryDayOfFourDigitYearsPrintsAsChronoDoes) {
    constexpr Day first = -719'528;
    constexpr Day last = 2'932'896;
    EXPECT_EQ(date_text(first), "0000-01-01");
    EXPECT_EQ(date_text(last), "9999-12-31");
    using namespace std::chrono;
    for (Day day = first; day <= last; ++day) {
        std::array<char, date_text_bytes> text;
        ASSERT_EQ(format_date(text.data(), day), text.data() + text.size());
        const auto digits = [&text](std::size_t from, std::size_t size) {
            unsigned number = 0;
            for (std::size_t i = from; i < from + size; ++i)
                number = 10 * number + static_cast<unsigned>(text[i] - '0');
            return number;
        };
        const year_month_day civil{sys_days{days{day}}};
        ASSERT_EQ(digits(0, 4), static_cast<unsigned>(static_cast<int>(civil.year()))) << day;
        ASSERT_EQ(digits(5, 2), static_cast<unsigned>(civil.month())) << day;
        ASSERT_EQ(digits(8, 2), static_cast<unsigned>(civil.day())) << day;
        ASSERT_TRUE(text[4] == '-' && text[7] == '-') << day;
    }
}

TEST(Day, EveryMonthAndDayOfTheMonthAgreesWithChrono) {
    for (const int year :
         {0, 1, 4, 100, 400, 999, 1900, 1970, 1999, 2000, 2001, 2004, 2026, 2096, 2099, 2100, 2104, 9999}) {
        for (unsigned month = 0; month < 100; ++month) {
            for (unsigned day = 0; day < 100; ++day) {
                std::string text = "0000-00-00";
                for (std::size_t at = 3, rest = static_cast<std::size_t>(year); rest; rest /= 10, --at) {
                    text[at] = static_cast<char>('0' + rest % 10);
                }
                text[5] = static_cast<char>('0' + month / 10);
                text[6] = static_cast<char>('0' + month % 10);
                text[8] = static_cast<char>('0' + day / 10);
                text[9] = static_cast<char>('0' + day % 10);
                ASSERT_EQ(parse_date(text), parsed_by_chrono(year, month, day)) << text;
            }
        }
    }
}

TEST(Day, TellsOutOfRangeFromNonsense) {
    EXPECT_EQ(parsed_date("1999-12-31"), out_of_range);
    EXPECT_EQ(parsed_date("2100-01-01"), out_of_range);
    EXPECT_EQ(parsed_date("0000-01-01"), out_of_range);
    EXPECT_EQ(parsed_date("9999-12-31"), out_of_range);
    EXPECT_EQ(parsed_date("1999-02-29"), not_a_day);
    EXPECT_EQ(parsed_date("1900-02-29"), not_a_day);
    EXPECT_EQ(parsed_date("2100-02-29"), not_a_day);
    EXPECT_EQ(parsed_date("2000-02-29").fault, DayFault::none);
    for (const std::string& text : split_at_bars(
             "|2026|2026-1-1|2026-01-1|2026-01-011| 2026-01-01|2026-01-01 |2026/01/01|20260101|26-01-01|"
             "+026-01-01|2026-01-0 |2026-0a-01")) {
        EXPECT_EQ(parsed_date(text), not_a_day) << '"' << text << '"';
        EXPECT_EQ(parsed(text), not_a_day) << '"' << text << '"';
    }
    EXPECT_EQ(parsed_date("2026-01-01T00:00:00Z"), not_a_day);
    EXPECT_EQ(parse_date({}), not_a_day);
    EXPECT_EQ(parse_date_or_timestamp({}), not_a_day);
}

TEST(Day, TakesTheUtcDateOfATimestamp) {
    const std::array<std::array<std::string_view, 2>, 20> cases = {{
        {"2026-11-22T00:00:00Z", "2026-11-22"},
        {"2026-11-22t23:59:59z", "2026-11-22"},
        {"2026-11-22 12:34:56Z", "2026-11-22"},
        {"2026-11-22T12:34:56.7Z", "2026-11-22"},
        {"2026-11-22T12:34:56.000000000000000000001+00:00", "2026-11-22"},
        {"2026-11-22T12:34:56-00:00", "2026-11-22"},
        {"2026-11-22T00:29:59+00:30", "2026-11-21"},
        {"2026-11-22T00:30:00+00:30", "2026-11-22"},
        {"2026-11-22T23:29:59-00:30", "2026-11-22"},
        {"2026-11-22T23:30:00-00:30", "2026-11-23"},
        {"2026-01-01T00:00:00+23:59", "2025-12-31"},
        {"2026-12-31T23:59:59-23:59", "2027-01-01"},
        {"2024-02-28T23:00:00-01:00", "2024-02-29"},
        {"2024-03-01T00:00:00+05:45", "2024-02-29"},
        {"1999-12-31T23:30:00-01:00", "2000-01-01"},
        {"2100-01-01T00:30:00+01:00", "2099-12-31"},
        {"2016-12-31T23:59:60Z", "2016-12-31"}, // leap seconds
        {"2017-01-01T00:59:60+01:00", "2016-12-31"},
        {"2016-12-31T15:59:60.5-08:00", "2016-12-31"},
        {"2015-07-01T05:29:60+05:30", "2015-06-30"},
    }};
    for (const auto& [text, date] : cases) {
        EXPECT_EQ(parsed(text).fault, DayFault::none) << text;
        EXPECT_EQ(date_text(parsed(text).day), date) << text;
    }
    EXPECT_EQ(parsed("2000-01-01T00:30:00+01:00"), out_of_range);
    EXPECT_EQ(parsed("2099-12-31T23:30:00-01:00"), out_of_range);
    EXPECT_EQ(parsed("1999-06-01T00:00:00Z"), out_of_range);
    EXPECT_EQ(parsed("0000-01-01T00:00:00+01:00"), out_of_range);
    EXPECT_EQ(parsed("9999-12-31T23:00:00-01:00"), out_of_range);
}

TEST(Day, RefusesWhatIsNoTimestamp) {
    for (const std::string& text : split_at_bars(
             "2026-11-22T|2026-11-22T12|2026-11-22T12:34|2026-11-22T12:34Z|2026-11-22T12:34:56|"
             "2026-11-22T12:34:56.|2026-11-22T12:34:56.Z|2026-11-22T12:34:56.5|2026-11-22T12:34:56,5Z|"
             "2026-11-22T24:00:00Z|2026-11-22T12:60:00Z|2026-11-22T12:34:60Z|2026-11-22T23:59:60+00:01|"
             "2026-11-22T23:59:61Z|2026-11-22T00:00:60Z|2026-11-22_12:34:56Z|2026-11-22T12:34:56ZZ|"
             "2026-11-22T12:34:56Z |2026-11-22T12:34:56+24:00|2026-11-22T12:34:56+01:60|"
             "2026-11-22T12:34:56+0100|2026-11-22T12:34:56+01|2026-11-22T12:34:56+1:00|"
             "2026-11-22T12:34:56+01:000|2026-11-22T12-34:56Z|2026-11-22T12:34-56Z|2026-11-22T1a:34:56Z|"
             "2026-11-31T12:34:56Z|1999-02-29T12:34:56Z|2026-11-22T12:34:56Z+01:00|2026-11-22  12:34:56Z|"
             "2026-11-22T12:34:56 Z|2026-11-2212:34:56Z")) {
        EXPECT_EQ(parsed(text), not_a_day) << '"' << text << '"';
    }
    EXPECT_EQ(parsed(std::string_view("2026-11-22T12:34:56Z\0", 21)), not_a_day);
}

/// Well-formed, and near the ends of days, months and the valid range more often than chance would have it.
std::string random_timestamp(Random& random) {
    const auto below = [&random](std::uint64_t bound) { return static_cast<unsigned>(random() % bound); };
    const auto near_ends = [&](unsigned bound) {
        return random() % 2 ? below(bound) : random() % 2 ? bound - 1 - below(2) : below(2);
    };
    const std::array<unsigned, 4> years = {1999, 2000, 2099, 2100};
    std::string text = print("%04u-%02u-%02u", random() % 2 ? 2000 + below(100) : years[below(4)],
                             1 + near_ends(12), 1 + near_ends(31));
    text += "TTt "[below(4)];
    text += print("%02u:%02u:%02u", near_ends(24), near_ends(60), near_ends(61));
    if (below(3) == 0) text.append(".").append(std::to_string(random() >> below(64)));
    text += below(3) == 0 ? std::string(1, "Zz"[below(2)])
                          : print("%c%02u:%02u", "+-"[below(2)], near_ends(24), near_ends(60));
    return text;
}

TEST(Day, AgreesWithTheGrammarOnRandomTimestamps) {
    Random random(1);
    std::array<int, 3> faults{};
    for (int i = 0; i < 40'000; ++i) {
        std::string text = random_timestamp(random);
        if (i % 2) {
            constexpr std::string_view likely = "0123456789-+:.TZtz ";
            const char byte =
                random() % 4 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
            case 0:
                text.insert(at, 1, byte);
                break;
            case 1:
                text.erase(at, 1);
                break;
            default:
                text[at] = byte;
            }
        }
        const ParsedDay expected = parsed_by_grammar(text);
        ASSERT_EQ(parsed(text), expected) << '"' << text << '"';
        ++faults[static_cast<std::size_t>(expected.fault)];
    }
    for (const int count : faults) EXPECT_GT(count, 1'000);
}

TEST(Day, AgreesWithTheGrammarOnEveryReplacedByte) {
    for (const std::string_view original : {"2026-11-22", "2000-02-29", "2026-11-22T23:59:60.25-00:00"}) {
        for (std::size_t at = 0; at < original.size(); ++at) {
            for (unsigned byte = 0; byte < 256; ++byte) {
                std::string text(original);
                text[at] = static_cast<char>(byte);
                ASSERT_EQ(parsed(text), parsed_by_grammar(text)) << '"' << text << '"';
                if (text.size() == date_text_bytes) {
                    ASSERT_EQ(parsed_date(text), parsed(text)) << '"' << text << '"';
                }
            }
        }
    }
}

ParsedDay parsed_epoch(std::string_view text, std::uint32_t units_per_second) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_epoch({exact.data(), exact.size()}, units_per_second);
}

TEST(Day, IsCutFromAnEpoch) {
    const ParsedDay day{20779, DayFault::none}; // 2026-11-22
    for (const char* text : {"1795305600", "1795391999", "01795305600", "1795391999.999", "1795305600.0"})
        EXPECT_EQ(parsed_epoch(text, 1), day) << text;
    EXPECT_EQ(parsed_epoch("1795305600000", 1000), day);
    EXPECT_EQ(parsed_epoch("1795391999999.9", 1000), day);
    EXPECT_EQ(parsed_epoch("1795305599999", 1000), (ParsedDay{20778, DayFault::none}));
    EXPECT_EQ(parsed_epoch("946684800", 1), (ParsedDay{first_valid_day, DayFault::none}));
    EXPECT_EQ(parsed_epoch("4102444799", 1), (ParsedDay{last_valid_day, DayFault::none}));
    for (const char* text : {"946684799", "4102444800", "0", "-1", "-1795305600", "18446744073709551616",
                             "18446744073709551617946684800", "99999999999999999999999999.5"})
        EXPECT_EQ(parsed_epoch(text, 1), out_of_range) << text;
    EXPECT_EQ(parsed_epoch("18446744073709551615", 1000), out_of_range);
    for (const char* text : {"", "-", ".", "1.", ".5", "--1", "+1", "1e9", "1795305600 ", " 1795305600",
                             "17953056OO", "1.2.3", "2026-11-22", "0x10", "1795305600.x"})
        EXPECT_EQ(parsed_epoch(text, 1), not_a_day) << text;
}

} // namespace
} // namespace ipscore
