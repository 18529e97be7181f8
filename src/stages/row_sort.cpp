#include "row_sort.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for_each.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>
#include <utility>
#include <vector>

namespace ipscore::stages {

namespace {

constexpr unsigned word_bytes = sizeof(std::uint64_t);
/// Bytes that rows order by; the last ones are zero.
template <class Row>
constexpr unsigned sort_bytes = sizeof(sort_words(Row{}));
template <class Row>
constexpr unsigned words_of = sort_bytes<Row> / word_bytes;

template <std::size_t Words>
unsigned byte_of(const std::array<std::uint64_t, Words>& words, unsigned place) noexcept {
    return words[place / word_bytes] >> (8 * (word_bytes - 1 - place % word_bytes)) & 0xffU;
}

template <unsigned Place, class Row>
unsigned digit_of(const Row& row) noexcept {
    return byte_of(sort_words(row), Place);
}

/// The bytes, the first ones first, in which any two rows differ.
template <class Row>
class DifferingBytes {
public:
    DifferingBytes(std::span<const Row> rows, unsigned from) noexcept {
        auto differ = sort_words(Row{});
        const auto first = sort_words(rows.front());
        for (const Row& row : rows) {
            const auto words = sort_words(row);
            for (unsigned word = 0; word < words_of<Row>; ++word) differ[word] |= words[word] ^ first[word];
        }
        for (unsigned place = from; place < sort_bytes<Row>; ++place) {
            if (byte_of(differ, place) != 0) places_[size_++] = static_cast<std::uint8_t>(place);
        }
    }
    [[nodiscard]] std::span<const std::uint8_t> places() const noexcept {
        return std::span(places_).first(size_);
    }

private:
    std::array<std::uint8_t, sort_bytes<Row>> places_{};
    std::size_t size_ = 0;
};

// Below this many rows, comparing is faster than counting.
constexpr std::size_t compared_rows_max = 128;
// Up to this many rows fit a core's own cache twice, and up to this many passes over them are faster than
// taking them apart further.
constexpr std::size_t cached_rows_max = 1U << 15U;
constexpr std::size_t passes_max = 8;
// From this many on a stretch is worth a task of its own.
constexpr std::size_t task_rows_min = 1U << 16U;

// A core follows some dozens of streams of memory by itself; more of them have to be asked for, two lines of
// the cache ahead.
constexpr unsigned streams_followed_max = 32;
template <class Row>
constexpr std::size_t rows_ahead = 128 / sizeof(Row);

constexpr unsigned digits = 256;
using Ends = std::array<std::size_t, digits>;

/// Moves every row to the stretch of its byte at `Place`, and returns where the stretches end. (A. Andersson,
/// S. Nilsson and P. McIlroy call it American flag sort.)
template <class Row, unsigned Place>
Ends distribute(std::span<Row> rows) {
    Ends counts{};
    for (const Row& row : rows) ++counts[digit_of<Place>(row)];
    Ends next{};
    Ends ends{};
    std::size_t at = 0;
    for (unsigned digit = 0; digit < digits; ++digit) {
        next[digit] = at;
        at += counts[digit];
        ends[digit] = at;
    }
    const auto streams = digits - std::ranges::count(counts, std::size_t{0});
    const bool ask_ahead = streams > streams_followed_max;
    for (unsigned digit = 0; digit < digits; ++digit) {
        while (next[digit] < ends[digit]) {
            Row row = rows[next[digit]];
            for (unsigned to = digit_of<Place>(row); to != digit; to = digit_of<Place>(row)) {
                const std::size_t at_to = next[to]++;
                if (ask_ahead && at_to + rows_ahead<Row> < rows.size())
                    __builtin_prefetch(&rows[at_to + rows_ahead<Row>], 1);
                std::swap(row, rows[at_to]);
            }
            rows[next[digit]++] = row;
        }
    }
    return ends;
}

/// Moves every row to `to`, in order of its byte at `Place`; those that have the same keep their order.
template <class Row, unsigned Place>
void pass(std::span<const Row> rows, Row* to) {
    Ends next{};
    for (const Row& row : rows) ++next[digit_of<Place>(row)];
    std::exclusive_scan(next.begin(), next.end(), next.begin(), std::size_t{0});
    for (const Row& row : rows) to[next[digit_of<Place>(row)]++] = row;
}

/// The two ways to move rows by one of their bytes.
template <class Row>
struct Moves {
    Ends (*distribute)(std::span<Row>);
    void (*pass)(std::span<const Row>, Row*);
};
template <class Row, unsigned... Places>
constexpr std::array<Moves<Row>, sizeof...(Places)> moves(std::integer_sequence<unsigned, Places...>) {
    return {Moves<Row>{distribute<Row, Places>, pass<Row, Places>}...};
}

template <class Row>
class RowSort {
public:
    explicit RowSort(const StopFlag& stop) : stop_(stop) {}

    /// `rows` are equal in all bytes before `place`.
    void sort(std::span<Row> rows, unsigned place) const {
        if (rows.size() <= compared_rows_max) {
            std::ranges::sort(rows, {}, [](const Row& row) { return sort_words(row); });
            return;
        }
        if (stop_.requested()) throw Interrupted("stopped on request");
        const DifferingBytes<Row> differing(rows, place);
        const auto places = differing.places();
        if (places.empty()) return;
        if (rows.size() <= cached_rows_max && places.size() <= passes_max) {
            sort_in_cache(rows, places);
            return;
        }
        const auto stretches = split(rows, places.front());
        const auto sort_stretch = [&](std::span<Row> stretch) { sort(stretch, places.front() + 1U); };
        if (rows.size() < task_rows_min) {
            std::ranges::for_each(stretches, sort_stretch);
        } else {
            tbb::parallel_for_each(stretches, sort_stretch);
        }
    }

    /// Stretches of rows that are equal in their byte at `place`, in its order.
    static std::vector<std::span<Row>> split(std::span<Row> rows, unsigned place) {
        std::vector<std::span<Row>> stretches;
        std::size_t begin = 0;
        for (const std::size_t end : moves_at[place].distribute(rows)) {
            if (end > begin) stretches.push_back(rows.subspan(begin, end - begin));
            begin = end;
        }
        return stretches;
    }

private:
    static constexpr auto moves_at = moves<Row>(std::make_integer_sequence<unsigned, sort_bytes<Row>>());

    /// Pass by pass, from the last of `places` to the first.
    void sort_in_cache(std::span<Row> rows, std::span<const std::uint8_t> places) const {
        std::vector<Row>& scratch = scratch_.local();
        if (scratch.size() < rows.size()) scratch.resize(cached_rows_max);
        std::span<Row> from = rows;
        std::span<Row> to = std::span(scratch).first(rows.size());
        for (std::size_t i = places.size(); i-- > 0; std::swap(from, to))
            moves_at[places[i]].pass(from, to.data());
        if (from.data() != rows.data()) std::ranges::copy(from, rows.begin());
    }

    const StopFlag& stop_;
    mutable tbb::enumerable_thread_specific<std::vector<Row>> scratch_;
};

} // namespace

template <class Row>
std::vector<std::span<Row>> split_rows(std::span<Row> rows, const StopFlag& stop) {
    if (rows.empty()) return {};
    if (stop.requested()) throw Interrupted("stopped on request");
    const DifferingBytes<Row> differing(rows, 0);
    if (differing.places().empty()) return {rows};
    return RowSort<Row>::split(rows, differing.places().front());
}

template <class Row>
void sort_stretches(const std::vector<std::span<Row>>& stretches, const StopFlag& stop,
                    const std::function<void(std::span<const Row>)>& take) {
    const RowSort<Row> row_sort(stop);
    auto next = stretches.begin();
    const auto next_stretch = [&](tbb::flow_control& flow) {
        if (next != stretches.end()) return *next++;
        flow.stop();
        return std::span<Row>();
    };
    const auto sort = [&](std::span<Row> stretch) {
        row_sort.sort(stretch, 0);
        return stretch;
    };
    // Enough of them that nobody waits for a long one.
    const auto at_once = 4 * static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
    using tbb::filter_mode;
    tbb::parallel_pipeline(
        at_once, tbb::make_filter<void, std::span<Row>>(filter_mode::serial_in_order, next_stretch) &
                     tbb::make_filter<std::span<Row>, std::span<Row>>(filter_mode::parallel, sort) &
                     tbb::make_filter<std::span<Row>, void>(filter_mode::serial_in_order, take));
}

template std::vector<std::span<ObservationRow>> split_rows(std::span<ObservationRow> rows,
                                                           const StopFlag& stop);
template std::vector<std::span<Ipv4Row>> split_rows(std::span<Ipv4Row> rows, const StopFlag& stop);
template void sort_stretches(const std::vector<std::span<ObservationRow>>& stretches, const StopFlag& stop,
                             const std::function<void(std::span<const ObservationRow>)>& take);
template void sort_stretches(const std::vector<std::span<Ipv4Row>>& stretches, const StopFlag& stop,
                             const std::function<void(std::span<const Ipv4Row>)>& take);

} // namespace ipscore::stages
