// Rows to CSV: read in order, made into text and coded side by side, written in order.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/text_sink.hpp"
#include "ipscore/stages/export.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <tbb/info.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>
#include <vector>

namespace ipscore::stages::exporting {

// Text is put straight into a buffer that has room for it; each returns the end of what it put.
inline char* put(char* out, std::string_view text) noexcept {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}
inline char* put(char* out, char c) noexcept {
    *out = c;
    return out + 1;
}
inline constexpr std::size_t number_bytes_max = 20;
template <std::unsigned_integral T>
char* put_number(char* out, T number) noexcept {
    return std::to_chars(out, out + number_bytes_max, number).ptr;
}

/// Rows of some addresses, in order; an address with many rows may come in several blocks.
template <class Row>
struct AddressBlock {
    struct Run {
        Address address;
        std::uint32_t company = 0; ///< of scores only
        std::uint32_t rows = 0;
    };
    std::vector<Run> runs;
    std::vector<Row> rows;

    void clear() noexcept {
        runs.clear();
        rows.clear();
    }
};

/// Room for the text of one block.
inline constexpr std::size_t block_text_bytes = std::size_t{4} << 20U;
inline constexpr std::size_t block_rows_most = 16384;

/// Rows a block, so that its text fits into block_text_bytes, or is a single row.
[[nodiscard]] inline std::size_t block_rows_max(std::size_t row_bytes_max) noexcept {
    return std::clamp<std::size_t>(block_text_bytes / row_bytes_max, 1, block_rows_most);
}

/// What of a CSV is the same for every kind of row.
struct TextJob {
    std::string output;
    std::string_view header;        ///< with its line end
    std::size_t text_bytes_max = 0; ///< of a block
    int threads = 0;                ///< 0: all cores
    const StopFlag* stop = nullptr;
};

/// `read(Block&)`, called in order: fills a block, perhaps with nothing; false, with nothing, at the end.
/// `format(const Block&, char* out)`, called side by side: puts at most text_bytes_max bytes and returns
/// their end. Rows are counted by `Block::rows.size()`.
template <class Block, class Read, class Format>
ExportReport write_text(const TextJob& job, Read read, Format format) {
    io::TextSink sink(job.output);
    struct Slot {
        Block block;
        std::unique_ptr<char[]> text;
        io::TextCoder coder;
        bool first = false;
        std::size_t text_bytes = 0;
        std::string_view coded;
    };
    ExportReport report;
    std::atomic<bool> reader_has_enough = false;
    bool started = false;
    bool at_end = false;
    std::size_t blocks = 0;

    // More threads than cores would not help, and oneTBB warns about them.
    const int cores = tbb::info::default_concurrency();
    tbb::task_arena arena(job.threads > 0 ? std::min(job.threads, cores) : cores);
    arena.execute([&] {
        // A block more than there are threads, and one that is being written. Blocks leave in order, so those
        // in flight follow each other and never share a slot.
        const auto in_flight = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()) + 2;
        std::deque<Slot> slots;
        for (std::size_t i = 0; i < in_flight; ++i) {
            std::unique_ptr<char[]> text(new char[job.header.size() + job.text_bytes_max]);
            slots.push_back({Block{}, std::move(text), io::TextCoder(sink.coding()), false, 0, {}});
        }
        const auto next_slot = [&](tbb::flow_control& control) -> Slot* {
            if (job.stop->requested()) {
                throw Interrupted(sink.is_file() ? "stopped on request; nothing was written"
                                                 : "stopped on request; the output ends in the middle");
            }
            Slot& slot = slots[blocks % in_flight];
            slot.block.clear();
            if (!at_end && !reader_has_enough) at_end = !read(slot.block);
            if ((at_end && started) || reader_has_enough) {
                control.stop();
                return nullptr;
            }
            slot.first = !started; // the header comes even when no row does
            started = true;
            ++blocks;
            return &slot;
        };
        const auto make_text = [&](Slot* slot) {
            char* out = slot->text.get();
            if (slot->first) out = put(out, job.header);
            out = format(slot->block, out);
            slot->text_bytes = static_cast<std::size_t>(out - slot->text.get());
            slot->coded = {};
            if (slot->text_bytes > 0) slot->coded = slot->coder.code({slot->text.get(), slot->text_bytes});
            return slot;
        };
        const auto write = [&](const Slot* slot) {
            sink.write(slot->coded);
            reader_has_enough = sink.reader_has_enough();
            report.rows += slot->block.rows.size();
            report.bytes += slot->text_bytes;
        };
        tbb::parallel_pipeline(in_flight,
                               tbb::make_filter<void, Slot*>(tbb::filter_mode::serial_in_order, next_slot) &
                                   tbb::make_filter<Slot*, Slot*>(tbb::filter_mode::parallel, make_text) &
                                   tbb::make_filter<Slot*, void>(tbb::filter_mode::serial_in_order, write));
    });
    sink.finish();
    return report;
}

} // namespace ipscore::stages::exporting
