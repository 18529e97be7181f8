#include "reference_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ipscore::reference {

namespace {

using std::chrono::days;
using std::chrono::minutes;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads exactly `count` digits at `position` and moves past them; empty when they are not all there.
std::optional<int> take_digits(std::string_view text, std::size_t& position, std::size_t count) {
    if (position + count > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t end = position + count; position < end; ++position) {
        if (!is_digit(text[position])) return std::nullopt;
        value = value * 10 + (text[position] - '0');
    }
    return value;
}

bool take_char(std::string_view text, std::size_t& position, std::string_view one_of) {
    if (position >= text.size() || one_of.find(text[position]) == std::string_view::npos) return false;
    ++position;
    return true;
}

/// A calendar date of any year, at `position`.
std::optional<Day> take_date(std::string_view text, std::size_t& position) {
    const auto year = take_digits(text, position, 4);
    if (!year || !take_char(text, position, "-")) return std::nullopt;
    const auto month = take_digits(text, position, 2);
    if (!month || !take_char(text, position, "-")) return std::nullopt;
    const auto day = take_digits(text, position, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return Day{date};
}

std::optional<Day> in_range(Day day) {
    using namespace std::chrono_literals;
    if (day < Day{2000y / 1 / 1} || day > Day{2099y / 12 / 31}) return std::nullopt;
    return day;
}

/// `Z`, or `+hh:mm`, as the minutes that local time is ahead of UTC.
std::optional<minutes> take_offset(std::string_view text, std::size_t& position) {
    if (take_char(text, position, "Zz")) return minutes{0};
    const bool behind = position < text.size() && text[position] == '-';
    if (!take_char(text, position, "+-")) return std::nullopt;
    const auto hour = take_digits(text, position, 2);
    if (!hour || *hour > 23 || !take_char(text, position, ":")) return std::nullopt;
    const auto minute = take_digits(text, position, 2);
    if (!minute || *minute > 59) return std::nullopt;
    const minutes ahead{*hour * 60 + *minute};
    return behind ? -ahead : ahead;
}

} // namespace

std::vector<CsvRow> read_csv(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    enum class State { row_start, field_start, unquoted, quoted, after_quote };
    State state = State::row_start;
    std::vector<CsvRow> rows;
    CsvRow row;
    std::string field;
    std::uint64_t line = 1;

    const auto end_field = [&] {
        row.fields.push_back(field);
        field.clear();
        state = State::field_start;
    };
    const auto end_row = [&] {
        end_field();
        rows.push_back(row);
        row = CsvRow{};
        state = State::row_start;
    };

    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (state == State::quoted) {
            if (c == '\n') ++line;
            if (c != '"') {
                field += c;
            } else if (i + 1 < text.size() && text[i + 1] == '"') {
                field += '"';
                ++i;
            } else {
                state = State::after_quote;
            }
            continue;
        }
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue; // the LF ends the line
        if (c == '\n') {
            ++line;
            if (state != State::row_start) end_row();
            continue;
        }
        if (state == State::row_start) {
            row.line = line;
            state = State::field_start;
        }
        if (c == ',') {
            end_field();
        } else if (c == '"' && state == State::field_start) {
            state = State::quoted;
        } else {
            if (c == '"' || state == State::after_quote) row.malformed = true;
            field += c;
            state = State::unquoted;
        }
    }
    if (state == State::quoted) row.malformed = true;
    if (state != State::row_start) end_row();
    return rows;
}

std::string csv_field(std::string_view value) {
    if (value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
    std::string quoted = "\"";
    for (const char c : value) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if (lead < 0x80) continue;
        const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4) return false;
        std::uint32_t code = lead & (0x3Fu >> more);
        for (int k = 0; k < more; ++k, ++i) {
            if (i == text.size()) return false;
            const auto next = static_cast<unsigned char>(text[i]);
            if ((next & 0xC0u) != 0x80u) return false;
            code = code << 6 | (next & 0x3Fu);
        }
        const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
        if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    }
    return true;
}

std::optional<Address> parse_address(std::string_view text) {
    // inet_pton reads up to a NUL, which an address may not hold.
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated(text);
    Address address{};
    if (inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
    if (inet_pton(AF_INET, terminated.c_str(), address.data() + 12) != 1) return std::nullopt;
    std::fill_n(address.begin(), 10, std::uint8_t{0});
    address[10] = address[11] = 0xFF;
    return address;
}

bool is_ipv4(const Address& address) {
    const auto zero = [](std::uint8_t byte) { return byte == 0; };
    return std::all_of(address.begin(), address.begin() + 10, zero) && address[10] == 0xFF &&
           address[11] == 0xFF;
}

std::string format_address(const Address& address) {
    char text[8];
    std::string out;
    if (is_ipv4(address)) {
        for (std::size_t i = 12; i < 16; ++i) {
            if (i > 12) out += '.';
            out += std::to_string(address[i]);
        }
        return out;
    }
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i) groups[i] = address[2 * i] * 256u + address[2 * i + 1];
    // RFC 5952: "::" stands for the longest run of two or more zero groups, the first of equally long ones.
    std::size_t best_begin = 0, best_length = 1;
    for (std::size_t begin = 0; begin < 8; ++begin) {
        std::size_t length = 0;
        while (begin + length < 8 && groups[begin + length] == 0) ++length;
        if (length > best_length) best_begin = begin, best_length = length;
    }
    for (std::size_t i = 0; i < 8; ++i) {
        if (best_length > 1 && i == best_begin) {
            out += "::";
            i += best_length - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        std::snprintf(text, sizeof text, "%x", groups[i]);
        out += text;
    }
    return out;
}

std::optional<Network> parse_network(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = parse_address(text.substr(0, slash));
    const std::string_view bits = text.substr(slash + 1);
    const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
    const auto prefix = parse_whole(bits, dotted ? 32 : 128);
    if (!address || !prefix || (bits.size() > 1 && bits.front() == '0')) return std::nullopt;
    const Network network{*address, static_cast<int>(*prefix) + (dotted ? 96 : 0)};
    for (int bit = network.prefix_bits; bit < 128; ++bit) {
        if (network.first[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) return std::nullopt;
    }
    return network;
}

bool contains(const Network& network, const Address& address) {
    for (int bit = 0; bit < network.prefix_bits; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        if ((network.first[byte] ^ address[byte]) >> (7 - bit % 8) & 1) return false;
    }
    return true;
}

std::optional<Day> parse_date(std::string_view text) {
    std::size_t position = 0;
    const auto date = take_date(text, position);
    if (!date || position != text.size()) return std::nullopt;
    return in_range(*date);
}

std::optional<Day> parse_day(std::string_view text) {
    std::size_t position = 0;
    const auto date = take_date(text, position);
    if (!date) return std::nullopt;
    if (position == text.size()) return in_range(*date);

    if (!take_char(text, position, "Tt ")) return std::nullopt;
    const auto hour = take_digits(text, position, 2);
    if (!hour || *hour > 23 || !take_char(text, position, ":")) return std::nullopt;
    const auto minute = take_digits(text, position, 2);
    if (!minute || *minute > 59 || !take_char(text, position, ":")) return std::nullopt;
    const auto second = take_digits(text, position, 2);
    if (!second || *second > 60) return std::nullopt;
    if (take_char(text, position, ".")) {
        if (!take_digits(text, position, 1)) return std::nullopt;
        while (position < text.size() && is_digit(text[position])) ++position;
    }
    const auto ahead = take_offset(text, position);
    if (!ahead || position != text.size()) return std::nullopt;

    const auto utc = *date + minutes{*hour * 60 + *minute} - *ahead;
    const Day utc_day = std::chrono::floor<days>(utc);
    // A leap second is the last second of a UTC day, and belongs to that day.
    if (*second == 60 && utc - utc_day != minutes{23 * 60 + 59}) return std::nullopt;
    return in_range(utc_day);
}

std::string format_day(Day day) {
    const std::chrono::year_month_day date{day};
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text;
}

std::optional<std::uint64_t> parse_whole(std::string_view text, std::uint64_t largest) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        if (value > largest) return std::nullopt; // also keeps far from overflow: largest is small
    }
    return value;
}

std::optional<std::uint32_t> parse_millionths(std::string_view text) {
    const auto point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::string decimals(point == std::string_view::npos ? std::string_view{} : text.substr(point + 1));
    if (whole.empty() && decimals.empty()) return std::nullopt;
    if (!std::all_of(decimals.begin(), decimals.end(), is_digit)) return std::nullopt;
    if (decimals.find_first_not_of('0', std::min<std::size_t>(6, decimals.size())) != std::string::npos) {
        return std::nullopt;
    }
    decimals.resize(6, '0');
    const auto ones = whole.empty() ? std::optional<std::uint64_t>{0} : parse_whole(whole, 1);
    if (!ones) return std::nullopt;
    const std::uint64_t millionths = *ones * 1'000'000 + *parse_whole(decimals, 999'999);
    if (millionths < 1 || millionths > 1'000'000) return std::nullopt;
    return static_cast<std::uint32_t>(millionths);
}

std::string format_f32(float value) {
    if (std::isinf(value)) return "inf";
    // to_chars in fixed form prints large values exactly, with more digits than needed; the scientific form
    // has the fewest, so take its digits and move the point.
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    const std::string_view scientific(text, static_cast<std::size_t>(end - text));
    const auto e = scientific.find('e');
    std::string digits(scientific.substr(0, e));
    std::erase(digits, '.');
    const int exponent = std::atoi(std::string(scientific.substr(e + 1)).c_str());
    if (value == 0) return "0";
    if (exponent < 0) return "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto before_point = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= before_point) return digits + std::string(before_point - digits.size(), '0');
    return digits.substr(0, before_point) + '.' + digits.substr(before_point);
}

} // namespace ipscore::reference
