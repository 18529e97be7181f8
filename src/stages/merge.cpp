#include "merge.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/io/key_map.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

// What a cursor reads ahead, so that a step of the merge touches a few words of it and no columns. Addresses
// with more rows in a segment are merged as a stream: one address never needs memory for all its rows.
constexpr std::size_t block_addresses = 256;
constexpr std::uint64_t block_rows = 2048;

// The maps of keys of all segments are more than a cache holds.
constexpr std::size_t look_ahead_rows = 16;

constexpr Address highest_address{~std::uint64_t{0}, ~std::uint64_t{0}};

constexpr std::uint64_t pack(std::uint32_t key, std::uint16_t day) noexcept {
    return std::uint64_t{key} << 16U | day;
}

/// False for the rows of keys that are left out.
constexpr bool is_kept(std::uint64_t key_and_day) noexcept { return key_and_day >> 16U != io::no_key; }

} // namespace

/// One segment on its way: the next addresses with their rows.
struct SegmentMerge::Cursor {
    explicit Cursor(const MergeInput& input)
        : reader_(input),
          segment_(input.segment),
          table_key_(input.table_key),
          sources_(input.sources),
          leaves_out_(input.leaves_out),
          only_days_(input.only_days) {}

    void seek(Address first) {
        at_ = 0;
        clear_block();
        more_ = reader_.seek(first);
        fill();
    }
    [[nodiscard]] bool at_end() const noexcept { return at_ == addresses_.size(); }
    /// The highest one at the end.
    [[nodiscard]] Address address() const noexcept { return at_end() ? highest_address : addresses_[at_]; }
    /// Its rows are not in memory, but come from next_of_large().
    [[nodiscard]] bool is_large() const noexcept { return is_large_; }
    /// Of an address that is not large.
    [[nodiscard]] std::span<const Row> rows() const noexcept {
        return rows_.rows().subspan(rows_begin(), rows_count());
    }
    /// Copies these.
    void add_rows_to(MergeRows& rows) const { rows.add(rows_, rows_begin(), rows_count()); }
    /// Some rows are not kept, and of those drop() is to be told.
    [[nodiscard]] bool drops_rows() const noexcept { return leaves_out_ || only_days_ != nullptr; }
    [[nodiscard]] bool keeps_day_of(const Row& row) const noexcept {
        return only_days_ == nullptr || only_days_->contains(static_cast<std::uint16_t>(row.key_and_day));
    }
    [[nodiscard]] bool keeps(const Row& row) const noexcept {
        return keeps_day_of(row) && (!leaves_out_ || is_kept(row.key_and_day));
    }
    /// The next rows of a large address that are kept, `drop(row)` being called for the others; empty when
    /// there are none left. Valid until the next call.
    template <class Drop>
    std::span<const Row> next_of_large(Drop drop) {
        do {
            rows_.clear();
            append(reader_.next_rows(block_rows));
            if (rows_.empty() || !drops_rows()) break;
            rows_.remove_if([&](const Row& row) {
                if (keeps(row)) return false;
                drop(row);
                return true;
            });
        } while (rows_.empty());
        return rows_.rows();
    }
    void advance() {
        if (is_large_) more_ = reader_.next_address();
        if (++at_ < addresses_.size()) return;
        at_ = 0;
        clear_block();
        fill();
    }

private:
    [[nodiscard]] std::size_t rows_begin() const noexcept { return at_ == 0 ? 0 : ends_[at_ - 1]; }
    [[nodiscard]] std::size_t rows_count() const noexcept { return ends_[at_] - rows_begin(); }
    void clear_block() noexcept {
        addresses_.clear();
        ends_.clear();
        rows_.clear();
        is_large_ = false;
    }
    void fill() {
        while (more_ && addresses_.size() < block_addresses && rows_.size() < block_rows) {
            if (reader_.rows_left() > block_rows) {
                if (!addresses_.empty()) return;
                addresses_.push_back(reader_.address());
                is_large_ = true;
                return;
            }
            addresses_.push_back(reader_.address());
            for (auto rows = reader_.next_rows(); !rows.empty(); rows = reader_.next_rows()) append(rows);
            ends_.push_back(static_cast<std::uint32_t>(rows_.size()));
            append_whole_addresses();
            more_ = reader_.next_address();
        }
    }
    /// Of the addresses behind the current one as many as are at hand: most come this way, with a few calls
    /// for hundreds of them.
    void append_whole_addresses() {
        if (addresses_.size() >= block_addresses || rows_.size() >= block_rows) return;
        const io::AddressRun run =
            reader_.next_whole_addresses(block_addresses - addresses_.size(), block_rows - rows_.size());
        std::size_t end = rows_.size();
        for (std::size_t i = 0; i < run.hi.size(); ++i) {
            addresses_.push_back({run.hi[i], run.lo[i]});
            ends_.push_back(static_cast<std::uint32_t>(end += run.row_counts[i]));
        }
        append(run.rows);
    }
    void append(const io::RowSpan& rows) {
        if (!rows.source.empty() && !sources_.empty() && std::ranges::max(rows.source) >= sources_.size())
            segment_->file().damaged("a row has a source that the manifest does not name");
        const std::size_t known = rows.size() + rows.keys_ahead;
        const std::span<Row> out = rows_.add(rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (i + look_ahead_rows < known)
                __builtin_prefetch(&table_key_[rows.key.data()[i + look_ahead_rows]]);
            out[i] = {pack(table_key_[rows.key[i]], rows.day[i]), rows.hits[i],
                      sources_.empty() ? 0 : sources_[rows.source.empty() ? 0 : rows.source[i]]};
        }
    }

    MergeSource reader_; ///< at the first address that is not in the block, or at the large one
    const io::Segment* segment_;
    std::span<const std::uint32_t> table_key_;
    std::vector<std::uint32_t> sources_;
    bool leaves_out_;
    const DaySet* only_days_;
    bool more_ = false;     ///< the reader has an address
    bool is_large_ = false; ///< the block is one address without its rows
    std::size_t at_ = 0;    ///< in addresses_
    std::vector<Address> addresses_;
    std::vector<std::uint32_t> ends_; ///< by address, in rows_
    MergeRows rows_;
};

class SegmentMerge::ObservationOutput {
public:
    static constexpr bool adds_up_duplicates = true;

    ObservationOutput(io::SortedRowsWriter& out, std::vector<std::uint64_t>& rows_per_day,
                      MergeCounts& counts, Address address, Day first_day, Day last_day)
        : out_(out),
          rows_per_day_(rows_per_day),
          counts_(counts),
          address_(address),
          first_day_(static_cast<std::uint16_t>(first_day)),
          days_(static_cast<std::uint16_t>(last_day - first_day)) {}

    void add(std::uint64_t key_and_day, std::uint32_t hits, std::uint32_t /*source*/) {
        ++counts_.rows_read;
        const auto day = static_cast<std::uint16_t>(key_and_day);
        if (static_cast<std::uint16_t>(day - first_day_) > days_) {
            ++counts_.rows_outside_days;
            return;
        }
        if (has_row_ && row_.key_and_day == key_and_day) {
            row_.hits = add_saturating(row_.hits, hits);
            ++counts_.duplicates;
            return;
        }
        flush();
        row_ = {key_and_day, hits, 0};
        has_row_ = true;
    }
    void flush() {
        if (!has_row_) return;
        if (!begun_) out_.begin_address(address_);
        begun_ = true;
        const auto day = static_cast<std::uint16_t>(row_.key_and_day);
        out_.append(static_cast<std::uint32_t>(row_.key_and_day >> 16U), day, row_.hits);
        ++rows_per_day_[day];
        has_row_ = false;
    }

private:
    io::SortedRowsWriter& out_;
    std::vector<std::uint64_t>& rows_per_day_;
    MergeCounts& counts_;
    Address address_;
    std::uint16_t first_day_;
    std::uint16_t days_;
    Row row_;
    bool has_row_ = false;
    bool begun_ = false;
};

class SegmentMerge::RowOutput {
public:
    static constexpr bool adds_up_duplicates = false;

    RowOutput(io::SegmentWriter& out, Address address) : out_(out), address_(address) {}
    void add(std::uint64_t key_and_day, std::uint32_t hits, std::uint32_t source) {
        if (!begun_) out_.begin_address(address_);
        begun_ = true;
        out_.append(static_cast<std::uint32_t>(key_and_day >> 16U), static_cast<std::uint16_t>(key_and_day),
                    hits, source);
    }
    void flush() {}

private:
    io::SegmentWriter& out_;
    Address address_;
    bool begun_ = false;
};

SegmentMerge::SegmentMerge(const std::vector<MergeInput>& inputs, Day first_day, Day last_day)
    : first_day_(std::max(first_day, first_valid_day)),
      last_day_(last_day),
      tree_(inputs.size(), highest_address) {
    for (const MergeInput& input : inputs) cursors_.push_back(std::make_unique<Cursor>(input));
}

SegmentMerge::~SegmentMerge() = default;

void SegmentMerge::drop(const Cursor& cursor, const Row& row) {
    ++counts_.rows_read;
    const auto day = static_cast<std::uint16_t>(row.key_and_day);
    if (day < first_day_ || day > last_day_ || !cursor.keeps_day_of(row)) {
        ++counts_.rows_outside_days;
        return;
    }
    ++counts_.rows_left_out;
    auto& per_day = counts_.left_out_per_day;
    if (per_day.empty()) per_day.resize(static_cast<std::size_t>(last_day_) + 1);
    ++per_day[day];
}

void SegmentMerge::seek(Address first) {
    for (const auto& cursor : cursors_) cursor->seek(first);
    begin_tournament();
}

void SegmentMerge::begin_tournament() {
    std::vector<Address> addresses;
    addresses.reserve(cursors_.size());
    for (const auto& cursor : cursors_) addresses.push_back(cursor->address());
    tree_.begin(addresses);
}

MergeCounts SegmentMerge::merge(Address first, const std::optional<Address>& end, io::SortedRowsWriter& out,
                                std::vector<std::uint64_t>& rows_per_day, const StopFlag& halt) {
    counts_ = {};
    if (!position_ || *position_ != first) seek(first);
    position_.reset();
    for_each_address(end, halt, [&](Address address) {
        return ObservationOutput(out, rows_per_day, counts_, address, first_day_, last_day_);
    });
    if (!halt.requested()) position_ = end;
    return counts_;
}

void SegmentMerge::merge_all(io::SegmentWriter& out, const StopFlag& halt) {
    seek(lowest_address);
    for_each_address(std::nullopt, halt, [&](Address address) { return RowOutput(out, address); });
}

template <class OutputOf>
void SegmentMerge::for_each_address(const std::optional<Address>& end, const StopFlag& halt,
                                    OutputOf output_of) {
    std::vector<Cursor*> large;
    const auto take = [&](Cursor& cursor, std::size_t& taken) {
        if (cursor.is_large()) {
            large.push_back(&cursor);
            return;
        }
        gather(cursor);
        ++taken;
        cursor.advance();
    };
    const auto write = [&](Address address, std::size_t cursors) {
        auto output = output_of(address);
        if (large.empty()) {
            write_gathered(cursors, output);
        } else {
            stream(large, output, halt);
        }
        output.flush();
    };
    while (!tree_.at_end() && !(end && tree_.key() >= *end)) {
        if (halt.requested()) return;
        const Address address = tree_.key();
        gathered_.clear();
        large.clear();
        std::size_t taken = 0;
        while (!tree_.at_end() && tree_.key() == address) {
            Cursor& cursor = *cursors_[tree_.source()];
            take(cursor, taken);
            tree_.replace(cursor.is_large() && cursor.address() == address ? highest_address
                                                                           : cursor.address());
        }
        write(address, taken);
        if (large.empty()) continue;
        if (halt.requested()) return;
        for (Cursor* cursor : large) cursor->advance();
        begin_tournament();
    }
    if (end || !tree_.at_end()) return;
    // The highest address cannot be told from the end by its number.
    gathered_.clear();
    large.clear();
    std::size_t taken = 0;
    for (const auto& cursor : cursors_) {
        if (!cursor->at_end()) take(*cursor, taken);
    }
    if (taken > 0 || !large.empty()) write(highest_address, taken);
}

void SegmentMerge::gather(const Cursor& cursor) {
    if (!cursor.drops_rows()) {
        cursor.add_rows_to(gathered_);
        return;
    }
    for (const Row& row : cursor.rows()) {
        if (cursor.keeps(row)) {
            gathered_.add(1).front() = row;
        } else {
            drop(cursor, row);
        }
    }
}

template <class Output>
void SegmentMerge::write_gathered(std::size_t cursors, Output& output) {
    std::span<Row> rows = gathered_.rows();
    // Duplicates that stay apart keep the order that std::sort gives them, so that files stay the same.
    if (cursors > 1 && Output::adds_up_duplicates && rows.size() <= few_rows) {
        sorted_.clear();
        const std::span<Row> sorted = sorted_.add(rows.size());
        sort_few(rows, sorted);
        rows = sorted;
    } else if (cursors > 1) {
        std::ranges::sort(rows, {}, &Row::key_and_day);
    }
    for (const Row& row : rows) output.add(row.key_and_day, row.hits, row.source);
}

template <class Output>
void SegmentMerge::stream(const std::vector<Cursor*>& large, Output& output, const StopFlag& halt) {
    std::ranges::sort(gathered_.rows(), {}, &Row::key_and_day);
    constexpr std::uint64_t no_row = ~std::uint64_t{0};
    // What is in memory is one source more, the last one.
    std::vector<std::span<const Row>> left(large.size() + 1);
    left.back() = gathered_.rows();
    const auto refill = [&](std::size_t source) {
        if (source < large.size())
            left[source] = large[source]->next_of_large([&](const Row& row) { drop(*large[source], row); });
    };
    const auto key_of = [&](std::size_t source) {
        return left[source].empty() ? no_row : left[source].front().key_and_day;
    };
    std::vector<std::uint64_t> keys;
    for (std::size_t source = 0; source < left.size(); ++source) {
        refill(source);
        keys.push_back(key_of(source));
    }
    LoserTree<std::uint64_t> tree(left.size(), no_row);
    tree.begin(keys);
    while (!tree.at_end()) {
        const std::size_t source = tree.source();
        std::span<const Row>& rows = left[source];
        // Rows of one segment come in runs: as long as they stay ahead of the others, nothing is compared.
        const std::uint64_t limit = tree.second();
        do {
            output.add(rows.front().key_and_day, rows.front().hits, rows.front().source);
            rows = rows.subspan(1);
            if (!rows.empty()) continue;
            if (halt.requested()) return;
            refill(source);
        } while (!rows.empty() && rows.front().key_and_day <= limit);
        tree.replace(key_of(source));
    }
}

} // namespace ipscore::stages
