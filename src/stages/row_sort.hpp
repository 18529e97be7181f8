// Sorting rows of observations in memory: the most of what `ingest` does after parsing.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ipscore::stages {

/// An observation whose key has a number.
struct ObservationRow {
    Address address;
    std::uint32_t key = 0;
    std::uint32_t hits = 0;
    std::uint16_t day = 0;
};

/// The same of an IPv4 address, in half the memory: most rows are, and sorting moves them again and again.
struct Ipv4Row {
    std::uint32_t address = 0;
    std::uint32_t key = 0;
    std::uint32_t hits = 0;
    std::uint16_t day = 0;
};

/// What rows order by, the most significant bits first; zeros where there is nothing more.
[[nodiscard]] constexpr std::array<std::uint64_t, 3> sort_words(const ObservationRow& row) noexcept {
    return {row.address.hi, row.address.lo,
            std::uint64_t{row.key} << 32U | static_cast<std::uint64_t>(row.day) << 16U};
}
[[nodiscard]] constexpr std::array<std::uint64_t, 2> sort_words(const Ipv4Row& row) noexcept {
    return {std::uint64_t{row.address} << 32U | row.key, static_cast<std::uint64_t>(row.day) << 48U};
}

/// Rows are sorted by (address, key, day): apart by the first byte in which they differ, until a stretch fits
/// the cache; there pass by pass from the last such byte to the first, by way of a mebibyte of scratch a
/// thread, and the shortest stretches by comparison. For both kinds of row, on the TBB threads of the
/// caller's arena. All throw Interrupted within a second or so when `stop` is requested.

/// The first step, which is one thread's work: moves rows so that all of a stretch sort before those of the
/// next, and returns the stretches.
template <class Row>
[[nodiscard]] std::vector<std::span<Row>> split_rows(std::span<Row> rows, const StopFlag& stop);

/// The second: sorts every stretch, and hands it to `take`, one at a time and in their order, while later
/// ones are sorted.
template <class Row>
void sort_stretches(const std::vector<std::span<Row>>& stretches, const StopFlag& stop,
                    const std::function<void(std::span<const Row>)>& take);

extern template std::vector<std::span<ObservationRow>> split_rows(std::span<ObservationRow> rows,
                                                                  const StopFlag& stop);
extern template std::vector<std::span<Ipv4Row>> split_rows(std::span<Ipv4Row> rows, const StopFlag& stop);
extern template void sort_stretches(const std::vector<std::span<ObservationRow>>& stretches,
                                    const StopFlag& stop,
                                    const std::function<void(std::span<const ObservationRow>)>& take);
extern template void sort_stretches(const std::vector<std::span<Ipv4Row>>& stretches, const StopFlag& stop,
                                    const std::function<void(std::span<const Ipv4Row>)>& take);

} // namespace ipscore::stages
