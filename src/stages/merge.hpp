// Many sorted segments into one sorted run: the heart of `prepare`.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "loser_tree.hpp"
#include "merge_rows.hpp"
#include "merge_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace ipscore::stages {

struct MergeCounts {
    std::uint64_t rows_read = 0;
    std::uint64_t rows_outside_days = 0;
    std::uint64_t duplicates = 0;    ///< rows that were added to another of the same (address, key, day)
    std::uint64_t rows_left_out = 0; ///< of the days, for their key
    std::vector<std::uint64_t> left_out_per_day; ///< by day, up to last_day; empty where there are none
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

    /// Writes all rows that count, with their sources, and each duplicate by itself: what a later merge of
    /// the segment reads and counts is what it would have read from the inputs.
    void merge_all(io::SegmentWriter& out, const StopFlag& halt);

private:
    struct Cursor;
    using Row = MergeRow;
    /// Where the rows of one address go, in order of (key, day): drops other days, adds up duplicates.
    class ObservationOutput;
    /// The same, but keeps all rows.
    class RowOutput;

    /// Counts a row that is not kept.
    void drop(const Cursor& cursor, const Row& row);
    void seek(Address first);
    void begin_tournament();
    /// Calls `output_of(address)` for address after address below `end`, and brings its rows to what that
    /// returns, in order of (key, day).
    template <class OutputOf>
    void for_each_address(const std::optional<Address>& end, const StopFlag& halt, OutputOf output_of);
    /// Copies the rows of the cursor's address that are kept.
    void gather(const Cursor& cursor);
    template <class Output>
    void write_gathered(std::size_t cursors, Output& output);
    /// For an address with more rows in some segment than are gathered: `large` are the cursors of those.
    template <class Output>
    void stream(const std::vector<Cursor*>& large, Output& output, const StopFlag& halt);

    Day first_day_;
    Day last_day_;
    std::vector<std::unique_ptr<Cursor>> cursors_;
    LoserTree<Address> tree_;         ///< of the cursors' addresses; the highest one for those at their end
    std::optional<Address> position_; ///< all before it is done
    MergeRows gathered_;
    MergeRows sorted_;
    MergeCounts counts_;

public:
    SegmentMerge(const SegmentMerge&) = delete;
    SegmentMerge& operator=(const SegmentMerge&) = delete;
    ~SegmentMerge();
};

} // namespace ipscore::stages
