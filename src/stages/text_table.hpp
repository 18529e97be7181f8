// Tables of text, for people.
#pragma once

#include "ipscore/core/control.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// Text of a file on one line of a terminal, on which it can do nothing.
[[nodiscard]] inline std::string printable(std::string text) {
    std::ranges::replace_if(text, is_control, '?');
    return text;
}

/// Columns as wide as their longest cell, two spaces apart; all but the named ones end flush right. The last
/// column is never padded, so that names of any characters, which are there, do not shift others.
class TextTable {
public:
    /// `left`: columns that begin flush left.
    TextTable(std::vector<std::string> headers, std::vector<std::size_t> left) : left_(std::move(left)) {
        rows_.push_back(std::move(headers));
    }

    /// As many cells as there are headers.
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool empty() const noexcept { return rows_.size() == 1; }

    /// A line a row, each behind two spaces.
    [[nodiscard]] std::string text() const {
        std::vector<std::size_t> widths(rows_.front().size());
        for (const auto& row : rows_) {
            for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
        }
        std::string text;
        for (const auto& row : rows_) {
            for (std::size_t c = 0; c < row.size(); ++c) {
                const bool is_left = std::ranges::find(left_, c) != left_.end();
                const std::string padding(widths[c] - row[c].size(), ' ');
                text += "  ";
                if (!is_left) text += padding;
                text += row[c];
                if (is_left && c + 1 < row.size()) text += padding;
            }
            text += '\n';
        }
        return text;
    }

private:
    std::vector<std::size_t> left_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace ipscore::stages
