#include "row_sorter.hpp"

#include "../look_for_stop.hpp"
#include "ipscore/core/byte_prefix.hpp"

#include <algorithm>
#include <span>
#include <tbb/parallel_sort.h>
#include <utility>

namespace ipscore::stages::diffing {

namespace {

using comparing::RowBlock;
using comparing::RowSource;

/// Rows of a block of a run: a reader holds one such block.
constexpr std::size_t run_block_rows = 512;

constexpr std::uint64_t per_row_bytes = 16; // an Entry

std::size_t shared_bytes(std::string_view a, std::string_view b) noexcept {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

} // namespace

/// Rows of blocks in the order of their entries.
class RowSorter::EntryRows final : public RowSource {
public:
    EntryRows(const std::vector<RowBlock>& blocks, std::vector<Entry> entries,
              const comparing::Schema& schema)
        : blocks_(blocks), entries_(std::move(entries)), schema_(schema) {}

    bool next(RowBlock& block) override {
        block.clear();
        for (; next_ < entries_.size() && block.size() < run_block_rows; ++next_)
            block.add_row(blocks_[entries_[next_].block], entries_[next_].row, schema_);
        return !block.empty();
    }

private:
    const std::vector<RowBlock>& blocks_;
    std::vector<Entry> entries_;
    const comparing::Schema& schema_;
    std::size_t next_ = 0;
};

/// Rows of a run, block by block.
class RowSorter::RunReader final : public RowSource {
public:
    RunReader(const io::SpillFile& file, const Run& run) : reader_(file, run.begin, run.end) {}

    bool next(RowBlock& block) override {
        if (reader_.at_end()) return false;
        block.visit_columns([&](auto& column) {
            column.resize(reader_.read_value<std::uint64_t>());
            reader_.read(std::as_writable_bytes(std::span(column)));
        });
        return true;
    }

private:
    io::SpillReader reader_;
};

namespace {

/// Several sources merged; of equal keys, the row of the source that comes first goes first.
class MergedRows final : public RowSource {
public:
    MergedRows(std::vector<std::unique_ptr<RowSource>> sources, const comparing::Schema& schema,
               const StopFlag& stop)
        : schema_(schema), stop_(stop) {
        for (auto& source : sources) {
            inputs_.push_back({std::move(source), RowBlock(schema), 0});
            refill(inputs_.size() - 1);
        }
    }

    bool next(RowBlock& block) override {
        look_for_stop(stop_);
        block.clear();
        while (!heap_.empty() && block.size() < run_block_rows) {
            const std::size_t first = heap_.front();
            std::ranges::pop_heap(heap_, After{this});
            heap_.pop_back();
            Input& input = inputs_[first];
            block.add_row(input.block, input.row, schema_);
            if (++input.row < input.block.size()) {
                push(first);
            } else {
                refill(first);
            }
        }
        return !block.empty();
    }

private:
    struct Input {
        std::unique_ptr<RowSource> source;
        RowBlock block;
        std::size_t row = 0;
        [[nodiscard]] std::string_view key() const noexcept { return block.key(row); }
    };
    /// Of two inputs, the one whose row comes later.
    struct After {
        const MergedRows* rows;
        bool operator()(std::size_t a, std::size_t b) const noexcept {
            const int order = rows->inputs_[a].key().compare(rows->inputs_[b].key());
            return order != 0 ? order > 0 : a > b;
        }
    };

    void refill(std::size_t input) {
        inputs_[input].row = 0;
        if (inputs_[input].source->next(inputs_[input].block)) push(input);
    }
    void push(std::size_t input) {
        heap_.push_back(input);
        std::ranges::push_heap(heap_, After{this});
    }

    const comparing::Schema& schema_;
    const StopFlag& stop_;
    std::vector<Input> inputs_;
    std::vector<std::size_t> heap_; ///< inputs that have a row
};

} // namespace

RowSorter::RowSorter(comparing::Schema schema, std::uint64_t bytes, std::filesystem::path directory,
                     const StopFlag& stop)
    : schema_(std::move(schema)),
      bytes_(std::max(bytes, bytes_min)),
      directory_(std::move(directory)),
      stop_(stop) {}

void RowSorter::add(RowBlock block) {
    const std::uint64_t bytes = block.bytes() + block.size() * per_row_bytes;
    // A quarter for the buffers of the file and the blocks that come in, and vectors are longer than their
    // values.
    if (held_bytes_ > 0 && held_bytes_ + bytes > bytes_ / 2) write_run();
    held_bytes_ += bytes;
    blocks_.push_back(std::move(block));
}

std::vector<RowSorter::Entry> RowSorter::sorted_entries() const {
    std::vector<Entry> entries;
    std::size_t rows = 0;
    for (const RowBlock& block : blocks_) rows += block.size();
    entries.reserve(rows);
    if (rows == 0) return entries;
    const auto first = std::ranges::find_if(blocks_, [](const RowBlock& block) { return !block.empty(); });
    const std::string_view any = first->key(0);
    std::size_t shared = any.size();
    for (const RowBlock& block : blocks_) {
        for (std::size_t row = 0; row < block.size(); ++row)
            shared = std::min(shared, shared_bytes(any.substr(0, shared), block.key(row)));
    }
    for (std::uint32_t block = 0; block < blocks_.size(); ++block) {
        for (std::uint32_t row = 0; row < blocks_[block].size(); ++row)
            entries.push_back({byte_prefix(blocks_[block].key(row), shared), block, row});
    }
    tbb::parallel_sort(entries, [&](const Entry& a, const Entry& b) {
        if (a.prefix != b.prefix) return a.prefix < b.prefix;
        const int order = blocks_[a.block].key(a.row).compare(blocks_[b.block].key(b.row));
        if (order != 0) return order < 0;
        return a.block != b.block ? a.block < b.block : a.row < b.row;
    });
    return entries;
}

RowSorter::Run RowSorter::write_rows(RowSource& rows) {
    if (!file_) file_ = std::make_unique<io::SpillFile>(directory_);
    Run run;
    run.begin = file_->flush();
    RowBlock block(schema_);
    while (rows.next(block)) {
        look_for_stop(stop_);
        block.visit_columns([&](const auto& column) {
            file_->write_value<std::uint64_t>(column.size());
            file_->write(std::as_bytes(std::span(column)));
        });
    }
    run.end = file_->flush();
    return run;
}

void RowSorter::write_run() {
    EntryRows rows(blocks_, sorted_entries(), schema_);
    runs_.push_back(write_rows(rows));
    blocks_.clear();
    held_bytes_ = 0;
}

std::unique_ptr<RowSource> RowSorter::merged(std::span<const Run> runs) const {
    std::vector<std::unique_ptr<RowSource>> sources;
    sources.reserve(runs.size());
    for (const Run& run : runs) sources.push_back(std::make_unique<RunReader>(*file_, run));
    return std::make_unique<MergedRows>(std::move(sources), schema_, stop_);
}

void RowSorter::sort() {
    if (runs_.empty()) {
        sorted_ = std::make_unique<EntryRows>(blocks_, sorted_entries(), schema_);
        return;
    }
    if (!blocks_.empty()) write_run();
    // A reader has a buffer of the file and a block of rows.
    constexpr std::uint64_t reader_bytes = std::uint64_t{512} << 10U;
    const std::size_t fan_in = std::max<std::uint64_t>(2, bytes_ / reader_bytes);
    while (runs_.size() > fan_in) {
        // Neighbours, so that rows of equal keys stay in their order.
        std::vector<Run> fewer;
        for (std::size_t begin = 0; begin < runs_.size(); begin += fan_in) {
            const std::size_t end = std::min(begin + fan_in, runs_.size());
            fewer.push_back(write_rows(*merged(std::span(runs_).subspan(begin, end - begin))));
        }
        runs_ = std::move(fewer);
    }
    sorted_ = merged(runs_);
}

bool RowSorter::next(RowBlock& block) { return sorted_->next(block); }

} // namespace ipscore::stages::diffing
