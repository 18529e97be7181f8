// CSV as RFC 4180 has it, and the same with tabs: rows, quoted fields, header, and the way back.
#pragma once

#include "ipscore/io/text_blocks.hpp"
#include "ipscore/io/text_marks.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::io {

enum class CsvFault { none, quote_in_unquoted_field, text_after_closing_quote, unterminated_quote };

/// What a person reads of a fault: "a quote inside an unquoted field".
[[nodiscard]] std::string_view text_of(CsvFault fault) noexcept;

/// One row. Views point into the text that was split, or into `unquoted`.
struct CsvRow {
    /// A header may not have more columns, and of a row no more fields are kept.
    static constexpr std::size_t fields_max = 1U << 16U;

    std::vector<std::string_view> fields; ///< the first fields_max of them
    std::size_t field_count = 0;          ///< how many the row has
    std::string_view text;                ///< as it stands in the file, without its line end
    std::uint64_t line = 0;               ///< where it begins, from 1
    CsvFault fault = CsvFault::none;
    std::string unquoted; ///< quoted fields without their quotes
};

/// Splits text that begins where a row begins into rows. Blank lines are skipped. A quote opens a quoted
/// field only at the beginning of a field.
class CsvRows {
public:
    CsvRows(std::string_view text, std::uint64_t first_line, char separator = ',');
    /// False at the end of the text. A faulty row still ends where it would end without the fault.
    bool next(CsvRow& row);
    /// What next() has not seen yet, and the line where that begins.
    [[nodiscard]] std::string_view rest() const noexcept { return left_; }
    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

private:
    [[nodiscard]] bool split_unquoted(CsvRow& row);
    void split_with_quotes(CsvRow& row);

    std::string_view left_;
    std::uint64_t line_;
    char separator_;
    TextMarks marks_;
};

/// Where rows end when quotes may hide line ends, for fields separated by a comma or a tab. Of a row that is
/// too long, each field keeps about its first KiB: enough to tell that it is longer than that.
[[nodiscard]] const RowRules& csv_row_rules(char separator = ',');

/// The columns of a file, by name.
class CsvHeader {
public:
    /// Throws InputError for malformed quoting, bad UTF-8, or a name that comes twice.
    CsvHeader(const CsvRow& row, const std::string& path);

    [[nodiscard]] std::size_t columns() const noexcept { return names_.size(); }
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
    /// Throws InputError that names the file and lists the columns there are.
    [[nodiscard]] std::size_t require(std::string_view name) const;

private:
    std::vector<std::string> names_;
    std::string path_;
};

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Appends `field`, in quotes only where it needs them (comma, quote, CR, LF).
void append_csv_field(std::string& out, std::string_view field);

/// For messages: in quotes, control and non-ASCII-safe bytes as \xNN, cut after 60 bytes.
[[nodiscard]] std::string quoted_for_message(std::string_view value);

} // namespace ipscore::io
