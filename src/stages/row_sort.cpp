#include "row_sort.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <array>
#include <tbb/parallel_for_each.h>
#include <utility>
#include <vector>

namespace ipscore::stages {

namespace {

using Row = ObservationRow;

// Rows order as the bytes of (address, key, day), the most significant ones first.
constexpr unsigned key_bytes = 22;
constexpr unsigned address_bytes = 16;

unsigned byte_of(const Row& row, unsigned place) noexcept {
    if (place < 8) return row.address.hi >> (8 * (7 - place)) & 0xffU;
    if (place < address_bytes) return row.address.lo >> (8 * (15 - place)) & 0xffU;
    if (place < 20) return row.key >> (8 * (19 - place)) & 0xffU;
    return static_cast<unsigned>(row.day) >> (8 * (21 - place)) & 0xffU;
}

bool comes_before(const Row& a, const Row& b) noexcept {
    if (a.address.hi != b.address.hi) return a.address.hi < b.address.hi;
    if (a.address.lo != b.address.lo) return a.address.lo < b.address.lo;
    return a.key != b.key ? a.key < b.key : a.day < b.day;
}

/// The first byte in which any two rows differ; key_bytes where they are all equal.
unsigned first_difference(std::span<const Row> rows, unsigned from) noexcept {
    std::array<std::uint64_t, 4> differ{};
    const Row& first = rows.front();
    for (const Row& row : rows) {
        differ[0] |= row.address.hi ^ first.address.hi;
        differ[1] |= row.address.lo ^ first.address.lo;
        differ[2] |= row.key ^ first.key;
        differ[3] |= static_cast<std::uint64_t>(row.day ^ first.day);
    }
    const Row differing{.address = {differ[0], differ[1]},
                        .key = static_cast<std::uint32_t>(differ[2]),
                        .hits = 0,
                        .day = static_cast<std::uint16_t>(differ[3])};
    while (from < key_bytes && byte_of(differing, from) == 0) ++from;
    return from;
}

// Below this many rows, comparing is faster than counting.
constexpr std::size_t compared_rows_max = 512;
// From this many on a stretch is worth a task of its own.
constexpr std::size_t task_rows_min = 1U << 16U;

constexpr unsigned digits = 256;
using Ends = std::array<std::size_t, digits>;

/// Moves every row to the stretch of its byte at `Place`, and returns where the stretches end. (A. Andersson,
/// S. Nilsson and P. McIlroy call it American flag sort.)
template <unsigned Place>
Ends distribute(std::span<Row> rows) {
    Ends counts{};
    for (const Row& row : rows) ++counts[byte_of(row, Place)];
    Ends next{};
    Ends ends{};
    std::size_t at = 0;
    for (unsigned digit = 0; digit < digits; ++digit) {
        next[digit] = at;
        at += counts[digit];
        ends[digit] = at;
    }
    for (unsigned digit = 0; digit < digits; ++digit) {
        while (next[digit] < ends[digit]) {
            Row row = rows[next[digit]];
            for (unsigned to = byte_of(row, Place); to != digit; to = byte_of(row, Place))
                std::swap(row, rows[next[to]++]);
            rows[next[digit]++] = row;
        }
    }
    return ends;
}

using Distribute = Ends (*)(std::span<Row>);
template <unsigned... Places>
constexpr std::array<Distribute, key_bytes> distributions(std::integer_sequence<unsigned, Places...>) {
    return {distribute<Places>...};
}
constexpr auto distribute_at = distributions(std::make_integer_sequence<unsigned, key_bytes>());

class RowSort {
public:
    explicit RowSort(const StopFlag& stop) : stop_(stop) {}

    /// `rows` are equal in all bytes before `place`.
    void sort(std::span<Row> rows, unsigned place) const {
        if (rows.size() <= compared_rows_max) {
            std::sort(rows.begin(), rows.end(), comes_before);
            return;
        }
        if (stop_.requested()) throw Interrupted("stopped on request");
        place = first_difference(rows, place);
        if (place == key_bytes) return;
        const Ends ends = distribute_at[place](rows);
        std::vector<std::span<Row>> stretches;
        std::size_t begin = 0;
        for (const std::size_t end : ends) {
            if (end - begin > 1) stretches.push_back(rows.subspan(begin, end - begin));
            begin = end;
        }
        const auto sort_stretch = [&](std::span<Row> stretch) { sort(stretch, place + 1); };
        if (rows.size() < task_rows_min) {
            std::ranges::for_each(stretches, sort_stretch);
        } else {
            tbb::parallel_for_each(stretches, sort_stretch);
        }
    }

private:
    const StopFlag& stop_;
};

} // namespace

void sort_rows(std::span<ObservationRow> rows, const StopFlag& stop) { RowSort(stop).sort(rows, 0); }

} // namespace ipscore::stages
