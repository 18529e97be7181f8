#include "ipscore/io/csv.hpp"

#include "csv_scan.hpp"
#include "ipscore/core/error.hpp"
#include "text_scan.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace ipscore::io {

namespace {

/// Where a row ends, and what is wrong with it.
struct RowEnd {
    std::size_t text_bytes = 0; ///< without the line end
    std::size_t bytes = 0;      ///< with it
    CsvFault fault = CsvFault::none;
    bool complete = false; ///< a line end was found
};

std::size_t without_cr(std::string_view text, std::size_t bytes) noexcept {
    return bytes > 0 && text[bytes - 1] == '\r' ? bytes - 1 : bytes;
}

/// The row's end when the row holds a quote, which may hide line ends.
RowEnd find_quoted_row_end(std::string_view text, char separator) noexcept {
    RowScanner scanner(separator);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (scanner.step(text[i]) != RowScanner::Seen::row_end) continue;
        return {
            .text_bytes = without_cr(text, i), .bytes = i + 1, .fault = scanner.fault(), .complete = true};
    }
    scanner.end_of_text();
    return {.text_bytes = text.size(), .bytes = text.size(), .fault = scanner.fault()};
}

/// Bytes of the row at the beginning, with its line end; 0 where that is missing.
std::size_t whole_row_bytes(std::string_view text, char separator) noexcept {
    const void* newline = std::memchr(text.data(), '\n', text.size());
    const std::size_t line_bytes =
        newline != nullptr ? static_cast<std::size_t>(static_cast<const char*>(newline) - text.data())
                           : text.size();
    if (std::memchr(text.data(), '"', line_bytes) != nullptr) {
        const RowEnd end = find_quoted_row_end(text, separator);
        return end.complete ? end.bytes : 0;
    }
    return newline != nullptr ? line_bytes + 1 : 0;
}

void add_field(CsvRow& row, std::string_view field) {
    if (row.field_count++ < CsvRow::fields_max) row.fields.push_back(field);
}

/// Splits a row without faults.
void split_quoted(CsvRow& row, char separator) {
    row.unquoted.clear();
    row.unquoted.reserve(row.text.size()); // the fields point into it
    std::string_view left = row.text;
    for (;;) {
        if (left.starts_with('"')) {
            const std::size_t begin = row.unquoted.size();
            std::size_t i = 1;
            for (; i < left.size(); ++i) {
                if (left[i] == '"') {
                    if (i + 1 >= left.size() || left[i + 1] != '"') break;
                    ++i;
                }
                row.unquoted.push_back(left[i]);
            }
            add_field(row, std::string_view(row.unquoted).substr(begin));
            left.remove_prefix(std::min(i + 1, left.size()));
        } else {
            const std::size_t bytes = std::min(left.find(separator), left.size());
            add_field(row, left.substr(0, bytes));
            left.remove_prefix(bytes);
        }
        if (left.empty()) return;
        left.remove_prefix(1); // the separator
    }
}

/// The largest prefix of whole rows.
std::size_t whole_rows_bytes(std::string_view text, char separator) noexcept {
    if (text.find('"') == std::string_view::npos) {
        const std::size_t last = text.rfind('\n');
        return last == std::string_view::npos ? 0 : last + 1;
    }
    std::size_t bytes = 0;
    for (;;) {
        const std::size_t row_bytes = whole_row_bytes(text.substr(bytes), separator);
        if (row_bytes == 0) return bytes;
        bytes += row_bytes;
    }
}

class CsvRowRules final : public RowRules {
public:
    explicit CsvRowRules(char separator) : separator_(separator) {}
    [[nodiscard]] std::size_t whole_rows_bytes(std::string_view text) const noexcept override {
        return io::whole_rows_bytes(text, separator_);
    }
    [[nodiscard]] std::unique_ptr<LongRow> long_row() const override {
        return std::make_unique<LongCsvRow>(separator_);
    }

private:
    char separator_;
};

} // namespace

std::string_view text_of(CsvFault fault) noexcept {
    switch (fault) {
    case CsvFault::none:
        return "no fault";
    case CsvFault::quote_in_unquoted_field:
        return "a quote inside an unquoted field";
    case CsvFault::text_after_closing_quote:
        return "text after a closing quote";
    case CsvFault::unterminated_quote:
        return "a quoted field without a closing quote";
    }
    return "";
}

CsvRows::CsvRows(std::string_view text, std::uint64_t first_line, char separator)
    : left_(text), line_(first_line), separator_(separator), marks_(text, separator) {}

bool CsvRows::next(CsvRow& row) {
    while (!left_.empty()) {
        row.line = line_;
        row.fields.clear();
        row.field_count = 0;
        if (!split_unquoted(row)) split_with_quotes(row);
        if (!row.text.empty()) return true;
    }
    return false;
}

/// Takes the next row apart, and leaves it where it is when it has a quote.
bool CsvRows::split_unquoted(CsvRow& row) {
    const char* const end = left_.data() + left_.size();
    const char* begin = left_.data();
    const char* mark = marks_.next();
    for (; mark != end && *mark == separator_; mark = marks_.next()) {
        add_field(row, {begin, mark});
        begin = mark + 1;
    }
    if (mark != end && *mark == '"') return false;
    const auto line_bytes = static_cast<std::size_t>(mark - left_.data());
    const std::size_t row_bytes = mark == end ? line_bytes : without_cr(left_, line_bytes);
    row.text = left_.substr(0, row_bytes);
    row.fault = CsvFault::none;
    add_field(row, {begin, left_.data() + row_bytes});
    left_.remove_prefix(line_bytes + (mark == end ? 0 : 1));
    ++line_;
    return true;
}

void CsvRows::split_with_quotes(CsvRow& row) {
    const RowEnd end = find_quoted_row_end(left_, separator_);
    row.text = left_.substr(0, end.text_bytes);
    row.fault = end.fault;
    row.fields.clear();
    row.field_count = 0;
    if (end.fault == CsvFault::none) split_quoted(row, separator_);
    line_ += count_lines(left_.substr(0, end.bytes));
    left_.remove_prefix(end.bytes);
    marks_.seek(left_.data());
}

const RowRules& csv_row_rules(char separator) {
    static const CsvRowRules comma(',');
    static const CsvRowRules tab('\t');
    return separator == '\t' ? tab : comma;
}

CsvHeader::CsvHeader(const CsvRow& row, const std::string& path) : path_(path) {
    if (row.fault != CsvFault::none) {
        throw InputError(fmt::format("{}:{}: the header has {}", path, row.line, text_of(row.fault)));
    }
    if (row.field_count > CsvRow::fields_max) {
        throw InputError(fmt::format("{}:{}: the header has {} columns; {} are the most there may be", path,
                                     row.line, row.field_count, CsvRow::fields_max));
    }
    for (const std::string_view name : row.fields) {
        if (!is_utf8(name)) {
            throw InputError(
                fmt::format("{}:{}: the header is not UTF-8: {}", path, row.line, quoted_for_message(name)));
        }
        if (find(name)) {
            throw InputError(
                fmt::format("{}:{}: the column {} comes twice", path, row.line, quoted_for_message(name)));
        }
        names_.emplace_back(name);
    }
}

std::optional<std::size_t> CsvHeader::find(std::string_view name) const noexcept {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names_.begin());
}

std::size_t CsvHeader::require(std::string_view name) const {
    if (const auto index = find(name)) return *index;
    std::string there;
    for (const std::string& column : names_) {
        if (!there.empty()) there += ", ";
        there += quoted_for_message(column);
    }
    throw InputError(fmt::format("{}: there is no column \"{}\"; the header has {}", path_, name, there));
}

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        std::size_t more = 0;
        unsigned low = 0x80; // bounds of the second byte: no overlong forms, surrogates, or beyond U+10FFFF
        unsigned high = 0xBF;
        if (first < 0x80) {
            ++i;
            continue;
        }
        if (first >= 0xC2 && first <= 0xDF) {
            more = 1;
        } else if (first >= 0xE0 && first <= 0xEF) {
            more = 2;
            if (first == 0xE0) low = 0xA0;
            if (first == 0xED) high = 0x9F;
        } else if (first >= 0xF0 && first <= 0xF4) {
            more = 3;
            if (first == 0xF0) low = 0x90;
            if (first == 0xF4) high = 0x8F;
        } else {
            return false;
        }
        if (text.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k) {
            const auto byte = static_cast<unsigned char>(text[i + k]);
            if (byte < low || byte > high) return false;
            low = 0x80;
            high = 0xBF;
        }
        i += more + 1;
    }
    return true;
}

void append_csv_field(std::string& out, std::string_view field) {
    if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += field;
        return;
    }
    out += '"';
    for (const char c : field) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

std::string quoted_for_message(std::string_view value) {
    constexpr std::size_t bytes_max = 60;
    const bool utf8 = is_utf8(value);
    std::string text = "\"";
    for (const char c : value.substr(0, bytes_max)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && (!utf8 || value.size() > bytes_max))) {
            text += fmt::format("\\x{:02x}", byte);
        } else {
            text += c;
        }
    }
    text += value.size() > bytes_max ? "\"..." : "\"";
    return text;
}

} // namespace ipscore::io
