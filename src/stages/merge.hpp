// Many sorted segments into one sorted run: the heart of `prepare`.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/io/sorted_rows.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ipscore::stages {

/// A segment with the ids that its keys have in the table's dictionary.
struct MergeInput {
    const io::Segment* segment = nullptr;
    const std::vector<std::uint32_t>* table_key = nullptr; ///< by key id of the segment; rising
};

struct MergeCounts {
    std::uint64_t rows_read = 0;
    std::uint64_t rows_outside_days = 0;
    std::uint64_t duplicates = 0; ///< rows that were added to another of the same (address, key, day)
};

/// Merges address range after address range, in rising order; one of its own for every worker.
class SegmentMerge {
public:
    /// Keeps rows with first_day <= day <= last_day; last_day is a valid day, first_day may lie long before.
    SegmentMerge(const std::vector<MergeInput>& inputs, Day first_day, Day last_day);

    /// Writes all addresses with first <= address, and address < *end where there is an end. A range that
    /// begins where the last one ended goes on without seeking. Returns early, with `out` incomplete, when
    /// `halt` is requested.
    MergeCounts merge(Address first, const std::optional<Address>& end, io::SortedRowsWriter& out,
                      std::vector<std::uint64_t>& rows_per_day, const StopFlag& halt);

private:
    struct Cursor;
    struct Row {
        std::uint64_t key_and_day = 0; ///< key << 16 | day: orders as (key, day)
        std::uint32_t hits = 0;
    };
    /// Where the rows of one address go, in order of (key, day): drops other days, adds up duplicates.
    class Output;

    void seek(Address first);
    void gather(const std::vector<Cursor*>& cursors);
    void write_gathered(Output& output, bool sorted);
    void stream(const std::vector<Cursor*>& cursors, Output& output, const StopFlag& halt);

    Day first_day_;
    Day last_day_;
    std::vector<std::unique_ptr<Cursor>> cursors_;
    std::vector<Cursor*> heap_;       ///< by address; of the cursors that are not at their end
    std::optional<Address> position_; ///< all before it is done
    std::vector<Row> gathered_;
    MergeCounts counts_;

public:
    SegmentMerge(const SegmentMerge&) = delete;
    SegmentMerge& operator=(const SegmentMerge&) = delete;
    ~SegmentMerge();
};

} // namespace ipscore::stages
