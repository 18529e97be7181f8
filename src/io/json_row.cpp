#include "json_row.hpp"

#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <new>
#include <simdjson.h>
#include <utility>

namespace ipscore::io {

namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

/// What the parser found, in words that do not change with its version.
std::string_view text_of(error_code error) {
    switch (error) {
    case simdjson::UTF8_ERROR:
        return "is not UTF-8";
    case simdjson::DEPTH_ERROR:
        return "is nested more than 64 deep";
    default:
        return "is not valid JSON";
    }
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at(std::string_view text, std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end - at;
}

/// As RFC 8259 has numbers. The parser itself looks only at those that it is asked to convert.
bool is_number(std::string_view text) {
    std::size_t at = text.starts_with('-') ? 1 : 0;
    const std::size_t whole = digits_at(text, at);
    if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
    at += whole;
    if (at < text.size() && text[at] == '.') {
        const std::size_t decimals = digits_at(text, ++at);
        if (decimals == 0) return false;
        at += decimals;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const std::size_t exponent = digits_at(text, at);
        if (exponent == 0) return false;
        at += exponent;
    }
    return at == text.size();
}

/// The number that a token writes.
error_code number_of(ondemand::value& value, std::string_view& number) {
    number = value.raw_json_token();
    const std::size_t last = number.find_last_not_of(" \t\r\n");
    number = number.substr(0, last + 1);
    return is_number(number) ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
}

error_code check(ondemand::value& value, int depth);

error_code check_array(ondemand::value& value, int depth) {
    if (depth > JsonRow::depth_max) return simdjson::DEPTH_ERROR;
    ondemand::array array;
    if (const error_code error = value.get_array().get(array)) return error;
    for (auto entry : array) {
        ondemand::value element;
        if (const error_code error = entry.get(element)) return error;
        if (const error_code error = check(element, depth + 1)) return error;
    }
    return simdjson::SUCCESS;
}

error_code check_object(ondemand::value& value, int depth) {
    if (depth > JsonRow::depth_max) return simdjson::DEPTH_ERROR;
    ondemand::object object;
    if (const error_code error = value.get_object().get(object)) return error;
    for (auto entry : object) {
        ondemand::field field;
        if (const error_code error = std::move(entry).get(field)) return error;
        std::string_view name;
        if (const error_code error = field.unescaped_key().get(name)) return error;
        if (const error_code error = check(field.value(), depth + 1)) return error;
    }
    return simdjson::SUCCESS;
}

/// That a value which nobody asks for is JSON: the parser by itself would pass over it. `depth` is what an
/// array or object would have here.
error_code check(ondemand::value& value, int depth) {
    ondemand::json_type type{};
    if (const error_code error = value.type().get(type)) return error;
    std::string_view text;
    switch (type) {
    case ondemand::json_type::array:
        return check_array(value, depth);
    case ondemand::json_type::object:
        return check_object(value, depth);
    case ondemand::json_type::number:
        return number_of(value, text);
    case ondemand::json_type::string:
        return value.get_string().get(text);
    case ondemand::json_type::boolean:
        return value.get_bool().error();
    case ondemand::json_type::null:
        break;
    }
    return value.is_null().error();
}

} // namespace

struct JsonRow::Parser {
    ondemand::parser parser;

    error_code read(ondemand::value& value, Column& column) {
        ondemand::json_type type{};
        if (const error_code error = value.type().get(type)) return error;
        switch (type) {
        case ondemand::json_type::string:
            column.kind = Kind::text;
            return value.get_string().get(column.text);
        case ondemand::json_type::number:
            column.kind = column.takes_numbers ? Kind::number : Kind::other;
            return number_of(value, column.text);
        case ondemand::json_type::null:
            return value.is_null().error();
        case ondemand::json_type::array:
        case ondemand::json_type::object:
        case ondemand::json_type::boolean:
            break;
        }
        column.kind = Kind::other;
        return check(value, 2);
    }

    /// Empty, or what is wrong with the line.
    std::string read(std::vector<char>& padded, std::size_t line_bytes, std::array<Column, 4>& columns) {
        ondemand::document document;
        if (const error_code error = parser.iterate(padded.data(), line_bytes, padded.size()).get(document))
            return std::string(text_of(error));
        ondemand::object object;
        if (const error_code error = document.get_object().get(object))
            return std::string(error == simdjson::INCORRECT_TYPE ? "is no JSON object" : text_of(error));
        for (auto entry : object) {
            ondemand::field field;
            if (const error_code error = std::move(entry).get(field)) return std::string(text_of(error));
            std::string_view name;
            if (const error_code error = field.unescaped_key().get(name)) return std::string(text_of(error));
            const auto column = std::ranges::find(columns, name, &Column::name);
            if (column == columns.end()) {
                if (const error_code error = check(field.value(), 2)) return std::string(text_of(error));
                continue;
            }
            if (std::exchange(column->seen, true))
                return fmt::format("the name {} comes twice", quoted_for_message(name));
            if (const error_code error = read(field.value(), *column)) return std::string(text_of(error));
        }
        const char* behind = nullptr;
        if (document.current_location().get(behind) != simdjson::OUT_OF_BOUNDS) return "is not valid JSON";
        return {};
    }
};

JsonRow::JsonRow(const ColumnNames& names) : parser_(std::make_unique<Parser>()) {
    columns_[ip] = {.name = names.ip, .text = {}};
    columns_[day] = {.name = names.day, .takes_numbers = true, .text = {}};
    columns_[key] = {.name = names.key, .text = {}};
    columns_[hits] = {.name = names.hits ? std::string_view(*names.hits) : default_hits_name,
                      .takes_numbers = true,
                      .required = names.hits.has_value(),
                      .text = {}};
}

JsonRow::~JsonRow() = default;

std::string JsonRow::parse(std::string_view line) {
    if (line.size() > line_bytes_max) return fmt::format("is longer than {} bytes", line_bytes_max);
    // In powers of two: the parser makes its buffers anew for every line that is longer than all before it.
    constexpr std::size_t room_min = 1U << 12U;
    const std::size_t room = std::max(room_min, std::bit_ceil(line.size()));
    if (padded_.size() < room + simdjson::SIMDJSON_PADDING) {
        padded_.resize(room + simdjson::SIMDJSON_PADDING);
        if (parser_->parser.allocate(room) != simdjson::SUCCESS) throw std::bad_alloc();
    }
    std::ranges::copy(line, padded_.begin());
    std::fill_n(padded_.begin() + static_cast<std::ptrdiff_t>(line.size()), simdjson::SIMDJSON_PADDING, ' ');
    for (Column& column : columns_) {
        column.kind = Kind::missing;
        column.seen = false;
    }
    std::string fault = parser_->read(padded_, line.size(), columns_);
    return fault.empty() ? fault_of_columns() : fault;
}

std::string JsonRow::fault_of_columns() const {
    for (const Column& column : columns_) {
        if (column.kind == Kind::missing && column.required)
            return fmt::format("there is no {}", quoted_for_message(column.name));
        if (column.kind == Kind::other) {
            return fmt::format("column {} is {}", column.name,
                               column.takes_numbers ? "neither a text nor a number" : "not a text");
        }
    }
    return {};
}

ObservationTexts JsonRow::texts() const noexcept {
    ObservationTexts texts{columns_[ip].text, columns_[day].text, columns_[key].text, {}};
    if (columns_[hits].kind != Kind::missing) texts.hits = columns_[hits].text;
    return texts;
}

} // namespace ipscore::io
