// Rows to CSV: read in order, made into text and coded side by side, written in order.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/text_sink.hpp"
#include "ipscore/stages/export.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <tbb/info.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
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

/// A block on its way from rows to text.
template <class Block>
struct TextSlot {
    explicit TextSlot(const TextJob& job, io::TextCoding coding)
        : text(new char[job.header.size() + job.text_bytes_max]), coder(coding) {}

    Block block;
    std::unique_ptr<char[]> text; ///< not zeroed: most of it is never touched
    io::TextCoder coder;
    std::size_t text_bytes = 0;
    std::string_view coded;
    tbb::task_group work; ///< last, so that it has ended when the rest goes
};

/// `read(Block&)`, called in order: fills a block, perhaps with nothing; false, with nothing, at the end.
/// `format(const Block&, char* out)`, called side by side: puts at most text_bytes_max bytes and returns
/// their end. The calling thread reads and writes, and works on texts while it waits for one.
template <class Block, class Read, class Format>
ExportReport write_text(const TextJob& job, Read read, Format format) {
    io::TextSink sink(job.output);
    ExportReport report;
    // More threads than cores would not help, and oneTBB warns about them.
    const int cores = tbb::info::default_concurrency();
    tbb::task_arena arena(job.threads > 0 ? std::min(job.threads, cores) : cores);
    arena.execute([&] {
        // One for each thread, and some that are ready when the next one is to be written.
        const auto in_flight = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()) + 2;
        const auto make_text = [&](TextSlot<Block>& slot, std::string_view header) {
            char* const begin = slot.text.get();
            slot.text_bytes = static_cast<std::size_t>(format(slot.block, put(begin, header)) - begin);
            slot.coded = {};
            if (slot.text_bytes > 0) slot.coded = slot.coder.code({begin, slot.text_bytes});
        };
        std::deque<TextSlot<Block>> slots; // behind make_text, which their tasks call
        const auto write = [&](TextSlot<Block>& slot) {
            slot.work.wait();
            sink.write(slot.coded);
            if (sink.reader_has_enough()) return;
            report.rows += slot.block.rows.size();
            report.bytes += slot.text_bytes;
        };
        std::size_t begun = 0;
        std::size_t written = 0;
        while (!sink.reader_has_enough()) {
            if (job.stop->requested()) {
                throw Interrupted(sink.is_file() ? "stopped on request; nothing was written"
                                                 : "stopped on request; the output ends in the middle");
            }
            if (begun - written == in_flight) write(slots[written++ % in_flight]);
            if (slots.size() < in_flight) slots.emplace_back(job, sink.coding());
            TextSlot<Block>& slot = slots[begun % in_flight];
            slot.block.clear();
            // The header comes even when no row does.
            if (!read(slot.block) && begun > 0) break;
            const std::string_view header = begun++ == 0 ? job.header : std::string_view{};
            slot.work.run([&make_text, &slot, header] { make_text(slot, header); });
        }
        while (written < begun) write(slots[written++ % in_flight]);
    });
    sink.finish();
    return report;
}

} // namespace ipscore::stages::exporting
