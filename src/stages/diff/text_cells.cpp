#include "text_cells.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv_input.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace ipscore::stages::diffing {

namespace {

using comparing::KeyKind;
using comparing::RowBlock;
using comparing::ValueKind;

template <class T>
std::optional<T> parse_all(std::string_view text) noexcept {
    T number{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
    return std::ranges::equal(text, lower,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

constexpr double two_to_64 = 18446744073709551616.0;

} // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
    if (const auto count = parse_all<std::uint64_t>(text)) return count;
    const auto number = parse_all<double>(text);
    if (!number || !(*number >= 0 && *number < two_to_64) || std::floor(*number) != *number)
        return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

std::optional<float> parse_number(std::string_view text) noexcept {
    if (text.starts_with('+')) text.remove_prefix(1);
    if (const auto number = parse_all<float>(text)) return number;
    // What is beyond the range of f32 is said to be so, not to be no number.
    const auto number = parse_all<double>(text);
    return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}

std::optional<std::uint64_t> parse_flag(std::string_view text) noexcept {
    for (const std::string_view yes : {"1", "true", "t"}) {
        if (same_word(text, yes)) return 1;
    }
    for (const std::string_view no : {"0", "false", "f"}) {
        if (same_word(text, no)) return 0;
    }
    return std::nullopt;
}

void TextCells::bad_value(const io::CsvRow& row, std::string_view column, std::string_view value,
                          std::string_view reason) const {
    io::CsvPlace(path_, row.line, false).bad_value(column, value, reason);
}

void TextCells::append(const io::CsvRow& row, bool row_is_shortened, RowBlock& block) {
    const io::CsvPlace place(path_, row.line, row_is_shortened);
    if (row_is_shortened) place.bad_row("is longer than 1 MiB");
    if (row.fault != io::CsvFault::none) place.bad_row(fmt::format("has {}", io::text_of(row.fault)));
    if (row.field_count != fields_.count) {
        place.bad_row(fmt::format("has {} fields, and the header has {}", row.field_count, fields_.count));
    }
    for (std::size_t column = 0; column < fields_.key.size(); ++column) append_key(row, column, block);
    std::uint64_t missing = 0;
    for (std::size_t column = 0; column < fields_.values.size(); ++column) {
        if (!append_value(row, column, block)) missing |= std::uint64_t{1} << column;
    }
    block.end_row(missing);
}

void TextCells::append_key(const io::CsvRow& row, std::size_t column, RowBlock& block) {
    const std::string_view text = row.fields[fields_.key[column]];
    const std::string& name = schema_.key[column].name;
    switch (schema_.key[column].kind) {
    case KeyKind::address: {
        const auto address = parse_address(text);
        if (!address) bad_value(row, name, text, "is no IPv4 or IPv6 address");
        block.add_key(*address);
        return;
    }
    case KeyKind::day: {
        const ParsedDay day = parse_date_or_timestamp(text);
        if (day.fault != DayFault::none) bad_value(row, name, text, "is no day such as 2026-11-22");
        block.add_key(day.day);
        return;
    }
    case KeyKind::name:
        block.add_key(text);
        block.add_name(names_.find(text));
        return;
    case KeyKind::text:
        block.add_key(text);
        return;
    }
}

bool TextCells::append_value(const io::CsvRow& row, std::size_t column, RowBlock& block) {
    const std::string_view text = row.fields[fields_.values[column]];
    const comparing::ValueColumn& value = schema_.values[column];
    const ValueKind kind = value.kind;
    if (kind == ValueKind::name) {
        block.add_value(names_.find(text)); // an empty one is that of no company
        return true;
    }
    if (kind == ValueKind::text) {
        block.add_text(text);
        return true;
    }
    if (text.empty()) {
        block.add_value(0);
        return false;
    }
    const auto add = [&](const auto& parsed, std::string_view reason) {
        if (!parsed) bad_value(row, value.name, text, reason);
        if constexpr (std::is_same_v<decltype(parsed), const std::optional<std::uint64_t>&>) {
            block.add_value(*parsed);
        } else {
            block.add_value(comparing::value_of(*parsed));
        }
    };
    switch (kind) {
    case ValueKind::count:
        add(parse_count(text), "is no whole number from 0 to 2^64-1");
        break;
    case ValueKind::number:
        add(parse_number(text), "is no number");
        break;
    case ValueKind::flag:
        add(parse_flag(text), "is neither 0 nor 1");
        break;
    case ValueKind::day: {
        const ParsedDay day = parse_date_or_timestamp(text);
        if (day.fault != DayFault::none) bad_value(row, value.name, text, "is no day such as 2026-11-22");
        block.add_value(comparing::value_of(day.day));
        break;
    }
    case ValueKind::name:
    case ValueKind::text:
        break;
    }
    return true;
}

} // namespace ipscore::stages::diffing
