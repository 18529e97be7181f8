#include "ipscore/io/csv_input.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/on_threads.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <tbb/parallel_pipeline.h>
#include <utility>

namespace ipscore::io {

namespace {
constexpr std::size_t block_bytes = 1U << 20U;
// Of blocks that are parsed side by side, there are several at a time, and more of what was made of them:
// rows may be short.
constexpr std::size_t small_block_bytes = 1U << 17U;
constexpr std::size_t blocks_at_a_time_max = 5;

/// A file of which the header is read already when its first rows come.
class OpenCsv {
public:
    OpenCsv(const std::filesystem::path& path, const ReadLimits& limits, std::size_t most_block_bytes,
            const std::function<void(const CsvHeader&)>& on_header, const StopFlag& stop)
        : source_(path, limits.zstd_window_bytes),
          blocks_(source_, csv_row_rules(), most_block_bytes),
          on_header_(on_header),
          stop_(stop) {
        file_.path = path.string();
    }

    /// The next block, and its rows, which point into it; nothing at the end.
    std::optional<CsvBlockRows> next(TextBlock& block) {
        while (blocks_.next(block)) {
            if (stop_.requested()) throw Interrupted("stopped on request");
            CsvRows rows(block.text, block.first_line);
            if (!header_) {
                CsvRow row;
                if (!rows.next(row)) continue;
                header_.emplace(row, file_.path);
                on_header_(*header_);
            }
            return CsvBlockRows(file_.path, *header_, rows, block.shortened);
        }
        if (!header_) throw InputError(file_.path + ": is empty; a header row is needed");
        return std::nullopt;
    }
    /// After the end.
    [[nodiscard]] InputFile finish(std::uint64_t rows) {
        file_.rows = rows;
        file_.content_hash = blocks_.content_hash();
        file_.bytes = blocks_.bytes();
        return std::move(file_);
    }

private:
    ByteSource source_;
    TextBlocks blocks_;
    const std::function<void(const CsvHeader&)>& on_header_;
    const StopFlag& stop_;
    InputFile file_;
    std::optional<CsvHeader> header_;
};

/// A block of text, and what is to be done with it.
struct ParsedBlock {
    TextBlock text;
    std::optional<CsvBlockRows> rows;
    InOrder take;
};
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
    OpenCsv csv(path, limits, block_bytes, on_header, stop);
    TextBlock block;
    CsvRow row;
    std::uint64_t count = 0;
    while (auto rows = csv.next(block)) {
        while (rows->next(row)) on_row(row, rows->place());
        count += rows->rows();
    }
    return csv.finish(count);
}

InputFile read_csv_in_blocks(const std::filesystem::path& path,
                             const std::function<void(const CsvHeader&)>& on_header,
                             const std::function<InOrder(CsvBlockRows&)>& parse, int threads,
                             const ReadLimits& limits, const StopFlag& stop) {
    OpenCsv csv(path, limits, small_block_bytes, on_header, stop);
    std::uint64_t count = 0;
    using Block = std::shared_ptr<ParsedBlock>;
    const auto next_block = [&](tbb::flow_control& flow) {
        auto block = std::make_shared<ParsedBlock>();
        block->rows = csv.next(block->text);
        if (!block->rows) flow.stop();
        return block;
    };
    const auto parse_block = [&](const Block& block) {
        try {
            block->take = parse(*block->rows);
        } catch (const InputError&) {
            block->take = [failure = std::current_exception()] { std::rethrow_exception(failure); };
        }
        return block;
    };
    const auto take = [&](const Block& block) {
        block->take();
        count += block->rows->rows();
    };
    using tbb::filter_mode;
    on_threads(threads, [&] {
        tbb::parallel_pipeline(std::min(blocks_at_a_time_max, static_cast<std::size_t>(threads) + 1),
                               tbb::make_filter<void, Block>(filter_mode::serial_in_order, next_block) &
                                   tbb::make_filter<Block, Block>(filter_mode::parallel, parse_block) &
                                   tbb::make_filter<Block, void>(filter_mode::serial_in_order, take));
    });
    return csv.finish(count);
}

} // namespace ipscore::io
