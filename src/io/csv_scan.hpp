// How a row of CSV is read byte by byte, where quotes may hide its end.
#pragma once

#include "ipscore/io/csv.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ipscore::io {

/// RFC 4180 as a state machine. A quote opens a quoted field only at the beginning of a field; what is
/// malformed is noted and read on, so that a faulty row ends where it would end without the fault.
class RowScanner {
public:
    enum class State { field_start, unquoted, quoted, quote_in_quoted, cr_after_quote };
    enum class Seen { content, separator, row_end };

    explicit RowScanner(char separator) : separator_(separator) {}

    Seen step(char c) noexcept {
        if (state_ == State::quoted) {
            if (c == '"') state_ = State::quote_in_quoted;
            return Seen::content;
        }
        if (c == '\n') return Seen::row_end;
        if (state_ == State::cr_after_quote) {
            note(CsvFault::text_after_closing_quote);
            state_ = State::unquoted;
        }
        if (c == separator_) {
            state_ = State::field_start;
            return Seen::separator;
        }
        if (c == '"' && state_ != State::unquoted) {
            state_ = State::quoted;
        } else if (c == '"') {
            note(CsvFault::quote_in_unquoted_field);
        } else if (c == '\r' && state_ == State::quote_in_quoted) {
            state_ = State::cr_after_quote;
        } else {
            if (state_ == State::quote_in_quoted) note(CsvFault::text_after_closing_quote);
            state_ = State::unquoted;
        }
        return Seen::content;
    }
    /// The text ends here, without a line end.
    void end_of_text() noexcept {
        if (state_ == State::quoted) note(CsvFault::unterminated_quote);
        if (state_ == State::cr_after_quote) note(CsvFault::text_after_closing_quote);
    }
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] CsvFault fault() const noexcept { return fault_; }

private:
    void note(CsvFault fault) noexcept {
        if (fault_ == CsvFault::none) fault_ = fault;
    }
    char separator_;
    State state_ = State::field_start;
    CsvFault fault_ = CsvFault::none;
};

/// A row too long to be kept as it stands, such as one whose closing quote never comes: what is kept has the
/// same fields and the same faults, but of each field no more than the first bytes, which is enough to tell
/// that it is too long.
class LongCsvRow final : public LongRow {
public:
    explicit LongCsvRow(char separator) : separator_(separator), scanner_(separator) {}
    std::size_t feed(std::string_view text) override;
    void end_of_text() override;
    [[nodiscard]] bool complete() const noexcept override { return complete_; }
    [[nodiscard]] std::uint64_t lines() const noexcept override { return lines_; }
    /// A row of so many fields that even this would be too long is cut off: then it has too few.
    [[nodiscard]] std::string take_text() noexcept override { return std::move(text_); }

private:
    void keep(char c);
    void keep_content(char c);
    void keep_closing_quote();

    char separator_;
    RowScanner scanner_;
    std::string text_;
    std::size_t field_bytes_ = 0;
    bool closing_quote_pending_ = false; ///< a quote that may turn out to be half of an escaped one
    bool complete_ = false;
    std::uint64_t lines_ = 0;
};

} // namespace ipscore::io
