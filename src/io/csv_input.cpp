#include "ipscore/io/csv_input.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/on_threads.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <tbb/parallel_pipeline.h>

namespace ipscore::io {

namespace {
constexpr std::size_t block_bytes = 1U << 20U;
// Of blocks that are parsed side by side, there are several at a time, and more of what was made of them:
// rows may be short.
constexpr std::size_t small_block_bytes = 1U << 17U;
constexpr std::size_t blocks_at_a_time_max = 5;

/// A block of text, and what is to be done with it.
struct ParsedBlock {
    TextBlock text;
    InOrder take;
    std::uint64_t rows = 0;
};

[[noreturn]] void fail_without_header(const std::string& path) {
    throw InputError(path + ": is empty; a header row is needed");
}
} // namespace

void CsvPlace::bad_value(std::string_view column, std::string_view value, std::string_view reason) const {
    throw InputError(
        fmt::format("{}:{}: column {}: {} {}", *path_, line_, column, quoted_for_message(value), reason));
}

void CsvPlace::bad_row(std::string_view reason) const {
    throw InputError(fmt::format("{}:{}: {}", *path_, line_, reason));
}

void CsvPlace::must_be_whole(std::string_view column, std::string_view value) const {
    constexpr std::size_t whole_bytes_max = 1024;
    if (row_is_shortened_ && value.size() > whole_bytes_max)
        bad_value(column, value, "is longer than 1024 bytes in a row of more than 1 MiB");
}

Millionths share_of(std::string_view column, std::string_view text, const CsvPlace& place) {
    const ParsedMillionths share = parse_millionths(text);
    switch (share.fault) {
    case DecimalFault::none:
        break;
    case DecimalFault::not_a_decimal:
        place.bad_value(column, text, "is not a decimal such as 0.25");
    case DecimalFault::too_many_decimals:
        place.bad_value(column, text, "has more than 6 decimals");
    case DecimalFault::out_of_range:
        place.bad_value(column, text, "is not above 0 and at most 1");
    }
    return share.value;
}

bool CsvBlockRows::next(CsvRow& row) {
    if (!rows_.next(row)) return false;
    place_ = CsvPlace(*path_, row.line, is_shortened_);
    if (row.fault != CsvFault::none) place_.bad_row(text_of(row.fault));
    if (row.field_count != header_->columns())
        place_.bad_row(fmt::format("{} fields, but the header has {}", row.field_count, header_->columns()));
    ++count_;
    return true;
}

InputFile read_csv(const std::filesystem::path& path, const std::function<void(const CsvHeader&)>& on_header,
                   const std::function<void(const CsvRow&, const CsvPlace&)>& on_row,
                   const ReadLimits& limits, const StopFlag& stop) {
    InputFile file;
    file.path = path.string();
    ByteSource source(path, limits.zstd_window_bytes);
    TextBlocks blocks(source, csv_row_rules(), block_bytes);
    std::optional<CsvHeader> header;
    TextBlock block;
    CsvRow row;
    while (blocks.next(block)) {
        if (stop.requested()) throw Interrupted("stopped on request");
        CsvRows rows(block.text, block.first_line);
        if (!header) {
            if (!rows.next(row)) continue;
            header.emplace(row, file.path);
            on_header(*header);
        }
        CsvBlockRows checked(file.path, *header, rows, block.shortened);
        while (checked.next(row)) on_row(row, checked.place());
        file.rows += checked.rows();
    }
    if (!header) fail_without_header(file.path);
    file.content_hash = blocks.content_hash();
    file.bytes = blocks.bytes();
    return file;
}

InputFile read_csv_in_blocks(const std::filesystem::path& path,
                             const std::function<void(const CsvHeader&)>& on_header,
                             const std::function<InOrder(CsvBlockRows&)>& parse, int threads,
                             const ReadLimits& limits, const StopFlag& stop) {
    InputFile file;
    file.path = path.string();
    ByteSource source(path, limits.zstd_window_bytes);
    TextBlocks blocks(source, csv_row_rules(), small_block_bytes);
    std::optional<CsvHeader> header;
    using Block = std::shared_ptr<ParsedBlock>;
    const auto parse_rows = [&](ParsedBlock& block, const CsvRows& rows) {
        try {
            CsvBlockRows checked(file.path, *header, rows, block.text.shortened);
            block.take = parse(checked);
            block.rows = checked.rows();
        } catch (const InputError&) {
            block.take = [failure = std::current_exception()] { std::rethrow_exception(failure); };
        }
    };
    const auto take = [&](const Block& block) {
        if (block->take) block->take();
        file.rows += block->rows;
    };
    // The header must be known before any block is parsed.
    while (!header) {
        const auto first = std::make_shared<ParsedBlock>();
        if (!blocks.next(first->text)) fail_without_header(file.path);
        CsvRows rows(first->text.text, first->text.first_line);
        CsvRow row;
        if (!rows.next(row)) continue;
        header.emplace(row, file.path);
        on_header(*header);
        parse_rows(*first, rows);
        take(first);
    }
    const auto next_block = [&](tbb::flow_control& flow) {
        if (stop.requested()) throw Interrupted("stopped on request");
        auto block = std::make_shared<ParsedBlock>();
        if (!blocks.next(block->text)) flow.stop();
        return block;
    };
    const auto parse_block = [&](const Block& block) {
        parse_rows(*block, CsvRows(block->text.text, block->text.first_line));
        return block;
    };
    using tbb::filter_mode;
    on_threads(threads, [&] {
        tbb::parallel_pipeline(std::min(blocks_at_a_time_max, static_cast<std::size_t>(threads) + 1),
                               tbb::make_filter<void, Block>(filter_mode::serial_in_order, next_block) &
                                   tbb::make_filter<Block, Block>(filter_mode::parallel, parse_block) &
                                   tbb::make_filter<Block, void>(filter_mode::serial_in_order, take));
    });
    file.content_hash = blocks.content_hash();
    file.bytes = blocks.bytes();
    return file;
}

} // namespace ipscore::io
