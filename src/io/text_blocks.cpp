#include "ipscore/io/text_blocks.hpp"

#include "text_scan.hpp"

#include <algorithm>
#include <span>

namespace ipscore::io {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

} // namespace

TextBlocks::TextBlocks(ByteSource& source, const RowRules& rules, std::size_t block_bytes,
                       std::size_t row_bytes_max)
    : source_(&source), rules_(&rules), block_bytes_(block_bytes), row_bytes_max_(row_bytes_max) {}

void TextBlocks::read_more(std::string& text) {
    const std::size_t before = text.size();
    // Twice the text whenever a row is longer than it, so that each byte is looked at a few times only.
    const std::size_t wanted = std::max(block_bytes_, std::min(before, row_bytes_max_));
    text.resize(before + wanted);
    const std::size_t bytes = source_->read(std::span(text).subspan(before));
    text.resize(before + bytes);
    at_end_ = bytes < wanted;
    hash_.update(std::string_view(text).substr(before));
    bytes_ += bytes;
}

bool TextBlocks::next(TextBlock& block) {
    block.text = std::move(carry_);
    carry_.clear();
    block.first_line = line_;
    block.shortened = false;
    std::size_t whole_bytes = 0;
    while (!at_end_ && whole_bytes == 0) {
        if (block.text.size() >= row_bytes_max_) {
            shorten_row(block.text);
            block.shortened = true;
            return true;
        }
        read_more(block.text);
        const bool from_the_beginning = block.text.size() == bytes_;
        if (from_the_beginning && block.text.starts_with(byte_order_mark))
            block.text.erase(0, byte_order_mark.size());
        whole_bytes = rules_->whole_rows_bytes(block.text);
    }
    if (at_end_) whole_bytes = block.text.size();
    carry_.assign(block.text, whole_bytes);
    block.text.resize(whole_bytes);
    line_ += count_lines(block.text);
    return !block.text.empty();
}

void TextBlocks::shorten_row(std::string& text) {
    const std::unique_ptr<LongRow> row = rules_->long_row();
    for (;;) {
        const std::size_t taken = row->feed(text);
        if (row->complete()) {
            carry_.assign(text, taken);
            break;
        }
        if (at_end_) {
            row->end_of_text();
            break;
        }
        text.clear();
        read_more(text);
    }
    line_ += row->lines();
    text = row->take_text();
}

} // namespace ipscore::io
