#include "toml_reader.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/byte_source.hpp"
#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <sstream>

namespace ipscore::io {

namespace {

std::string read_text(const std::filesystem::path& path) {
    ByteSource source(path);
    constexpr std::size_t piece_bytes = 1U << 16U;
    std::string text;
    std::size_t bytes = 0;
    do {
        const std::size_t before = text.size();
        text.resize(before + piece_bytes);
        bytes = source.read(std::span(text).subspan(before));
        text.resize(before + bytes);
    } while (bytes == piece_bytes);
    return text;
}

toml::table parse(const std::filesystem::path& path, const std::string& text) {
    try {
        return toml::parse(text, path.string());
    } catch (const toml::parse_error& error) {
        throw InputError(fmt::format("{}:{}:{}: {}", path.string(), error.source().begin.line,
                                     error.source().begin.column, error.description()));
    }
}

} // namespace

toml::table read_toml(const std::filesystem::path& path) { return parse(path, read_text(path)); }

void TomlReader::allow_only(std::span<const std::string_view> names) const {
    for (const auto& [name, value] : *table_) {
        if (std::ranges::find(names, name.str()) == names.end()) {
            fail(name.source(), fmt::format("unknown name {}{}", prefix_, quoted_for_message(name.str())));
        }
    }
}

std::optional<double> TomlReader::decimal(std::string_view name) const {
    const toml::node* node = table_->get(name);
    if (node == nullptr) return std::nullopt;
    double value = 0;
    if (const auto* whole = node->as_integer()) {
        value = static_cast<double>(whole->get());
    } else if (const auto* floating = node->as_floating_point()) {
        value = floating->get();
    } else {
        bad(*node, name, "is not a number");
    }
    if (!std::isfinite(value)) bad(*node, name, "is not a finite number");
    return value;
}

std::optional<double> TomlReader::positive(std::string_view name) const {
    const auto value = decimal(name);
    if (value && !(*value > 0)) bad(*table_->get(name), name, "is not above 0");
    return value;
}

std::optional<std::int64_t> TomlReader::whole(std::string_view name, std::int64_t low, std::int64_t high,
                                              std::string_view range) const {
    const toml::node* node = table_->get(name);
    if (node == nullptr) return std::nullopt;
    if (!node->is_integer()) bad(*node, name, "is not a whole number");
    const std::int64_t value = **node->as_integer();
    if (value < low || value > high) bad(*node, name, fmt::format("is not {}", range));
    return value;
}

std::optional<Day> TomlReader::day(std::string_view name) const {
    const toml::node* node = table_->get(name);
    if (node == nullptr) return std::nullopt;
    if (!node->is_date()) bad(*node, name, "is not a date such as 2026-11-22 (without quotes)");
    const toml::date date = **node->as_date();
    const ParsedDay parsed = parse_date(fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day));
    if (parsed.fault != DayFault::none) bad(*node, name, "is not between 2000-01-01 and 2099-12-31");
    return parsed.day;
}

std::optional<std::string> TomlReader::text(std::string_view name) const {
    const toml::node* node = table_->get(name);
    if (node == nullptr) return std::nullopt;
    if (!node->is_string()) bad(*node, name, "is not a text");
    return **node->as_string();
}

std::vector<std::string> TomlReader::texts(std::string_view name) const {
    std::vector<std::string> values;
    const toml::node* node = table_->get(name);
    if (node == nullptr) return values;
    if (!node->is_array()) bad(*node, name, "is not a list of texts");
    for (const toml::node& entry : *node->as_array()) {
        if (!entry.is_string()) bad(entry, name, "is not a text");
        values.push_back(**entry.as_string());
    }
    return values;
}

const toml::table* TomlReader::table(std::string_view name) const {
    const toml::node* node = table_->get(name);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) bad(*node, name, "is not a table");
    return node->as_table();
}

void TomlReader::bad(std::string_view name, std::string_view reason) const {
    bad(*table_->get(name), name, reason);
}

void TomlReader::missing(std::string_view name, std::string_view reason) const {
    fail(table_->source(), fmt::format("{}{} {}", prefix_, name, reason));
}

void TomlReader::fail(const toml::source_region& where, std::string_view reason) const {
    throw InputError(fmt::format("{}:{}:{}: {}", path_, where.begin.line, where.begin.column, reason));
}

void TomlReader::bad(const toml::node& node, std::string_view name, std::string_view reason) const {
    std::ostringstream value;
    node.visit([&](const auto& entry) { value << entry; });
    std::string text = value.str();
    std::ranges::replace(text, '\n', ' ');
    fail(node.source(), fmt::format("{}{}: {} {}", prefix_, name, text, reason));
}

} // namespace ipscore::io
