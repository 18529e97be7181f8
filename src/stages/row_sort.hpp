// Sorting rows of observations in memory: the most of what `ingest` does after parsing.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"

#include <cstdint>
#include <span>

namespace ipscore::stages {

/// An observation whose key has a number.
struct ObservationRow {
    Address address;
    std::uint32_t key = 0;
    std::uint32_t hits = 0;
    std::uint16_t day = 0;
};

/// Sorts by (address, key, day), in place, on the TBB threads of the caller's arena: byte by byte from the
/// first one in which rows differ, and short stretches by comparison. Throws Interrupted within a second or
/// so when `stop` is requested.
void sort_rows(std::span<ObservationRow> rows, const StopFlag& stop);

} // namespace ipscore::stages
