#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::reference {

/// A 128-bit address, most significant byte first, so that comparing the bytes compares the numbers.
using Address = std::array<std::uint8_t, 16>;
using Day = std::chrono::sys_days;

/// One record of a CSV file; `line` is where it begins, counted from 1.
struct CsvRow {
    std::uint64_t line = 0;
    std::vector<std::string> fields;
    bool malformed = false; ///< a quote in an unquoted field, text after a closing quote, or no closing quote
};

/// A CIDR network: the address of its first host and how many leading bits count, 0 to 128.
struct Network {
    Address first{};
    int prefix_bits = 0;
    auto operator<=>(const Network&) const = default;
};

/// Every record of an RFC 4180 text, the header too; a byte order mark and blank lines are skipped.
std::vector<CsvRow> read_csv(std::string_view text);
/// The field as CSV wants it: quoted only when it holds a comma, a quote, CR or LF.
std::string csv_field(std::string_view value);
bool is_utf8(std::string_view text);

/// IPv4 or IPv6 text; empty when it is neither.
std::optional<Address> parse_address(std::string_view text);
/// A dotted quad in ::ffff:0:0/96, otherwise RFC 5952 in hexadecimal groups.
std::string format_address(const Address& address);
bool is_ipv4(const Address& address);

/// `address/bits`; empty when it is no network or has host bits set.
std::optional<Network> parse_network(std::string_view text);
bool contains(const Network& network, const Address& address);

/// `YYYY-MM-DD` from 2000-01-01 to 2099-12-31.
std::optional<Day> parse_date(std::string_view text);
/// A date as above, or the UTC date of an RFC 3339 timestamp.
std::optional<Day> parse_day(std::string_view text);
std::string format_day(Day day);

/// A whole number made of digits alone, at most `largest`.
std::optional<std::uint64_t> parse_whole(std::string_view text, std::uint64_t largest);
/// A decimal 0 < x <= 1 with at most 6 decimals, in millionths.
std::optional<std::uint32_t> parse_millionths(std::string_view text);

/// The fewest significant digits that read back as `value`, in plain decimals; `inf` for infinity.
std::string format_f32(float value);

} // namespace ipscore::reference
