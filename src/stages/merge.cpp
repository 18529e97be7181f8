#include "merge.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/io/key_map.hpp"
#include "seek_address.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

// Addresses up to this size are gathered from all segments and sorted, which is fastest for the many small
// ones; larger ones are merged as a stream, so that one address never needs memory for all its rows.
constexpr std::uint64_t gathered_rows_max = 1U << 16U;

constexpr std::uint64_t pack(std::uint32_t key, std::uint16_t day) noexcept {
    return std::uint64_t{key} << 16U | day;
}

} // namespace

/// One segment on its way.
struct SegmentMerge::Cursor {
    Cursor(const MergeInput& input, SegmentMerge& merge)
        : segment(input.segment),
          table_key(input.table_key),
          reader(input.segment->reader(input.table_key.size(), input.filter,
                                       !input.sources.empty() && input.segment->has_sources())),
          sources_(input.sources),
          leaves_out_(input.leaves_out),
          merge_(&merge) {}

    /// Loads more rows of the current address; false when it has no more.
    bool refill() {
        at = 0;
        do {
            rows = reader.next_rows();
            if (!rows.source.empty() && !sources_.empty() && std::ranges::max(rows.source) >= sources_.size())
                segment->file().damaged("a row has a source that the manifest does not name");
            if (rows.empty()) return false;
            if (leaves_out_) rows = kept(rows);
        } while (rows.empty());
        return true;
    }
    [[nodiscard]] std::uint64_t key_and_day() const noexcept {
        return pack(table_key[rows.key[at]], rows.day[at]);
    }
    /// Of row i of `rows`, in what is written.
    [[nodiscard]] std::uint32_t source_of(std::size_t i) const noexcept {
        if (sources_.empty()) return 0;
        return sources_[rows.source.empty() ? 0 : rows.source[i]];
    }

    const io::Segment* segment;
    std::span<const std::uint32_t> table_key;
    io::FilteredRowsReader reader;
    io::RowSpan rows;
    std::size_t at = 0; ///< in rows

private:
    /// A copy without what is left out, and without sources: nobody asks for both.
    io::RowSpan kept(const io::RowSpan& all) {
        kept_key_.clear();
        kept_day_.clear();
        kept_hits_.clear();
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (table_key[all.key[i]] == io::no_key) {
                merge_->leave_out(all.day[i]);
                continue;
            }
            kept_key_.push_back(all.key[i]);
            kept_day_.push_back(all.day[i]);
            kept_hits_.push_back(all.hits[i]);
        }
        return {kept_key_, kept_day_, kept_hits_, {}};
    }

    std::vector<std::uint32_t> sources_;
    bool leaves_out_;
    SegmentMerge* merge_;
    std::vector<std::uint32_t> kept_key_;
    std::vector<std::uint16_t> kept_day_;
    std::vector<std::uint32_t> kept_hits_;
};

class SegmentMerge::ObservationOutput {
public:
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

namespace {

constexpr auto later_address = [](const auto* a, const auto* b) {
    return a->reader.address() > b->reader.address();
};
constexpr auto later_row = [](const auto* a, const auto* b) { return a->key_and_day() > b->key_and_day(); };

} // namespace

SegmentMerge::SegmentMerge(const std::vector<MergeInput>& inputs, Day first_day, Day last_day)
    : first_day_(std::max(first_day, first_valid_day)), last_day_(last_day) {
    for (const MergeInput& input : inputs) cursors_.push_back(std::make_unique<Cursor>(input, *this));
}

SegmentMerge::~SegmentMerge() = default;

void SegmentMerge::leave_out(std::uint16_t day) {
    ++counts_.rows_read;
    if (day < first_day_ || day > last_day_) {
        ++counts_.rows_outside_days;
        return;
    }
    ++counts_.rows_left_out;
    auto& per_day = counts_.left_out_per_day;
    if (per_day.empty()) per_day.resize(static_cast<std::size_t>(last_day_) + 1);
    ++per_day[day];
}

void SegmentMerge::seek(Address first) {
    heap_.clear();
    for (const auto& cursor : cursors_) {
        if (seek_address(*cursor->segment, cursor->reader, first)) heap_.push_back(cursor.get());
    }
    std::ranges::make_heap(heap_, later_address);
}

MergeCounts SegmentMerge::merge(Address first, const std::optional<Address>& end, io::SortedRowsWriter& out,
                                std::vector<std::uint64_t>& rows_per_day, const StopFlag& halt) {
    counts_ = {};
    if (!position_ || *position_ != first) seek(first);
    position_.reset();
    for_each_address(end, halt, [&](Address address, const std::vector<Cursor*>& same) {
        ObservationOutput output(out, rows_per_day, counts_, address, first_day_, last_day_);
        write_rows(same, output, halt);
    });
    if (!halt.requested()) position_ = end;
    return counts_;
}

void SegmentMerge::merge_all(io::SegmentWriter& out, const StopFlag& halt) {
    seek(lowest_address);
    for_each_address(std::nullopt, halt, [&](Address address, const std::vector<Cursor*>& same) {
        RowOutput output(out, address);
        write_rows(same, output, halt);
    });
}

template <class Write>
void SegmentMerge::for_each_address(const std::optional<Address>& end, const StopFlag& halt, Write write) {
    std::vector<Cursor*> same;
    while (!heap_.empty() && !(end && heap_.front()->reader.address() >= *end)) {
        if (halt.requested()) return;
        const Address address = heap_.front()->reader.address();
        same.clear();
        while (!heap_.empty() && heap_.front()->reader.address() == address) {
            std::ranges::pop_heap(heap_, later_address);
            same.push_back(heap_.back());
            heap_.pop_back();
        }
        write(address, same);
        if (halt.requested()) return;
        for (Cursor* cursor : same) {
            if (!cursor->reader.next_address()) continue;
            heap_.push_back(cursor);
            std::ranges::push_heap(heap_, later_address);
        }
    }
}

template <class Output>
void SegmentMerge::write_rows(const std::vector<Cursor*>& cursors, Output& output, const StopFlag& halt) {
    std::uint64_t rows = 0;
    for (const Cursor* cursor : cursors) rows += cursor->reader.rows_left();
    if (rows > gathered_rows_max) {
        stream(cursors, output, halt);
    } else {
        gather(cursors);
        if (cursors.size() > 1) std::ranges::sort(gathered_, {}, &Row::key_and_day);
        for (const Row& row : gathered_) output.add(row.key_and_day, row.hits, row.source);
    }
    output.flush();
}

void SegmentMerge::gather(const std::vector<Cursor*>& cursors) {
    gathered_.clear();
    for (Cursor* cursor : cursors) {
        while (cursor->refill()) {
            const auto& rows = cursor->rows;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                gathered_.push_back(
                    {pack(cursor->table_key[rows.key[i]], rows.day[i]), rows.hits[i], cursor->source_of(i)});
            }
        }
    }
}

template <class Output>
void SegmentMerge::stream(const std::vector<Cursor*>& cursors, Output& output, const StopFlag& halt) {
    std::vector<Cursor*> heap;
    for (Cursor* cursor : cursors) {
        if (cursor->refill()) heap.push_back(cursor);
    }
    std::ranges::make_heap(heap, later_row);
    while (!heap.empty()) {
        std::ranges::pop_heap(heap, later_row);
        Cursor* cursor = heap.back();
        // Rows of one segment come in runs: as long as they stay ahead of the other segments, no heap is
        // needed.
        const std::uint64_t limit = heap.size() > 1 ? heap.front()->key_and_day() : ~std::uint64_t{0};
        bool more = true;
        do {
            output.add(cursor->key_and_day(), cursor->rows.hits[cursor->at], cursor->source_of(cursor->at));
            if (++cursor->at == cursor->rows.size()) {
                more = cursor->refill();
                if (halt.requested()) return;
            }
        } while (more && cursor->key_and_day() <= limit);
        if (more) {
            std::ranges::push_heap(heap, later_row);
        } else {
            heap.pop_back();
        }
    }
}

} // namespace ipscore::stages
