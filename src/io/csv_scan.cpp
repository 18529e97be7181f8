#include "csv_scan.hpp"

namespace ipscore::io {

namespace {

// More than any field that the program reads may have (keys, 1024 bytes), so that one that was cut is still
// too long.
constexpr std::size_t field_bytes_kept = 1100;
constexpr std::size_t text_bytes_max = 2U << 20U;

} // namespace

void LongCsvRow::keep(char c) {
    if (text_.size() < text_bytes_max) text_ += c;
}

void LongCsvRow::keep_content(char c) {
    if (field_bytes_ >= field_bytes_kept) return;
    ++field_bytes_;
    keep(c);
}

void LongCsvRow::keep_closing_quote() {
    if (closing_quote_pending_) keep('"');
    closing_quote_pending_ = false;
}

std::size_t LongCsvRow::feed(std::string_view text) {
    using State = RowScanner::State;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const State before = scanner_.state();
        const RowScanner::Seen seen = scanner_.step(c);
        if (c == '\n') ++lines_;
        if (seen == RowScanner::Seen::row_end) {
            keep_closing_quote();
            text_ += '\n';
            complete_ = true;
            return i + 1;
        }
        if (before == State::cr_after_quote) { // no line end after all, but a fault
            keep_closing_quote();
            keep('\r');
        }
        if (seen == RowScanner::Seen::separator) {
            keep_closing_quote();
            keep(separator_);
            field_bytes_ = 0;
        } else if (before == State::quoted) {
            if (c == '"') {
                closing_quote_pending_ = true;
            } else {
                keep_content(c);
            }
        } else if (before == State::quote_in_quoted && c == '"') {
            closing_quote_pending_ = false;
            if (field_bytes_ < field_bytes_kept) keep('"');
            keep_content('"');
        } else if (scanner_.state() == State::cr_after_quote) {
            continue; // part of the line end, or else a fault that the next byte brings to light
        } else if (before == State::quote_in_quoted || before == State::cr_after_quote || c == '"') {
            // The bytes that open a field or make it faulty are kept whatever its length.
            keep_closing_quote();
            keep(c);
        } else {
            keep_content(c);
        }
    }
    return text.size();
}

void LongCsvRow::end_of_text() {
    keep_closing_quote();
    if (scanner_.state() == RowScanner::State::cr_after_quote) keep('\r');
}

} // namespace ipscore::io
