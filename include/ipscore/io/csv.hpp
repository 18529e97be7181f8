// CSV as RFC 4180 has it: rows, quoted fields, header, and the way back.
#pragma once

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/byte_source.hpp"

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
    CsvRows(std::string_view text, std::uint64_t first_line) : left_(text), line_(first_line) {}
    /// False at the end of the text. A faulty row still ends where it would end without the fault.
    bool next(CsvRow& row);
    /// What next() has not seen yet, and the line where that begins.
    [[nodiscard]] std::string_view rest() const noexcept { return left_; }
    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

private:
    std::string_view left_;
    std::uint64_t line_;
};

/// Some whole rows of a file.
struct TextBlock {
    std::string text;
    std::uint64_t first_line = 1;
    bool shortened = false; ///< one row, whose fields beyond 1 KiB are not what they were
};

/// Cuts a file into blocks of whole rows, and hashes its content on the way. A byte order mark is left out of
/// the first block, but not of the hash. Memory is bounded by block and row size: a row longer than
/// `row_bytes_max`, perhaps because its closing quote never comes, is a block of its own, with its fields cut
/// down to about 1 KiB each.
class TextBlocks {
public:
    TextBlocks(ByteSource& source, std::size_t block_bytes, std::size_t row_bytes_max = 1U << 20U);
    /// False at the end of the file. Throws InputError when the file cannot be read.
    bool next(TextBlock& block);
    /// Hash of all bytes; after the last block.
    [[nodiscard]] std::string content_hash() const { return hash_.digest128_text(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    void read_more(std::string& text);
    void shorten_row(std::string& text);

    ByteSource* source_;
    std::size_t block_bytes_;
    std::size_t row_bytes_max_;
    std::string carry_; ///< the row that the last block ended in
    std::uint64_t line_ = 1;
    std::uint64_t bytes_ = 0;
    bool at_end_ = false;
    StreamHash hash_;
};

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
