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
        if (c == ',') {
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
    State state_ = State::field_start;
    CsvFault fault_ = CsvFault::none;
};

/// A row too long to be kept as it stands, such as one whose closing quote never comes: what is kept has the
/// same fields and the same faults, but of each field no more than the first bytes, which is enough to tell
/// that it is too long.
class LongRow {
public:
    /// Takes the row's next bytes, up to its end or that of `text`; returns how many.
    std::size_t feed(std::string_view text);
    /// There is no more text.
    void end_of_text();
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; } ///< line ends so far
    /// What is kept. A row of so many fields that even this would be too long is cut off: then it has too
    /// few.
    [[nodiscard]] std::string take_text() noexcept { return std::move(text_); }

private:
    void keep(char c);
    void keep_content(char c);
    void keep_closing_quote();

    RowScanner scanner_;
    std::string text_;
    std::size_t field_bytes_ = 0;
    bool closing_quote_pending_ = false; ///< a quote that may turn out to be half of an escaped one
    bool complete_ = false;
    std::uint64_t lines_ = 0;
};

} // namespace ipscore::io
