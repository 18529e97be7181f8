// The rows of a merge on their way through memory: a dozen at a time, from several segments. At such numbers
// it is the branches that cost, those that nobody can foretell: how many rows a segment has of an address,
// and which of two rows comes first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace ipscore::stages {

/// A row of an address that is known.
struct MergeRow {
    std::uint64_t key_and_day = 0; ///< key << 16 | day: orders as (key, day)
    std::uint32_t hits = 0;
    std::uint32_t source = 0;
};

/// Rows that are added at the end and removed all at once. Behind them is room for some more, so that copies
/// of a few rows need no loop.
class MergeRows {
public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::span<MergeRow> rows() noexcept { return std::span(rows_).first(size_); }
    [[nodiscard]] std::span<const MergeRow> rows() const noexcept { return std::span(rows_).first(size_); }
    void clear() noexcept { size_ = 0; }
    /// Adds rows that hold anything: to be written by the caller. Valid until the next call.
    [[nodiscard]] std::span<MergeRow> add(std::size_t count) {
        const std::size_t before = size_;
        size_ += count;
        if (size_ + spare_rows > rows_.size()) rows_.resize(std::max(size_ + spare_rows, 2 * rows_.size()));
        return rows().subspan(before);
    }
    /// Adds `count` rows of other ones, from `begin` on; those must be there.
    void add(const MergeRows& from, std::size_t begin, std::size_t count) {
        MergeRow* const to = add(count).data();
        const MergeRow* const first = from.rows_.data() + begin;
        std::memcpy(to, first, spare_rows * sizeof(MergeRow));
        if (count > spare_rows) std::copy(first + spare_rows, first + count, to + spare_rows);
    }
    template <class Predicate>
    void remove_if(Predicate predicate) {
        const std::span<MergeRow> all = rows();
        size_ = static_cast<std::size_t>(std::remove_if(all.begin(), all.end(), predicate) - all.begin());
    }

private:
    static constexpr std::size_t spare_rows = 8; ///< one segment seldom has more rows of an address
    /// At least spare_rows more than size_.
    std::vector<MergeRow> rows_ = std::vector<MergeRow>(spare_rows);
    std::size_t size_ = 0;
};

/// As many rows as sort_few() sorts faster than std::sort does.
inline constexpr std::size_t few_rows = 32;

/// Writes at most few_rows rows to `sorted`, which has as many, in order of (key, day), equal ones as they
/// were. Counts for each row those before it: more comparisons than those of a sort, but none is a branch.
inline void sort_few(std::span<const MergeRow> rows, std::span<MergeRow> sorted) noexcept {
    std::array<std::uint32_t, few_rows> place;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::uint32_t before = 0;
        for (std::size_t j = 0; j < i; ++j) {
            const bool comes_first = rows[i].key_and_day < rows[j].key_and_day;
            place[j] += static_cast<std::uint32_t>(comes_first);
            before += static_cast<std::uint32_t>(!comes_first);
        }
        place[i] = before;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) sorted[place[i]] = rows[i];
}

} // namespace ipscore::stages
