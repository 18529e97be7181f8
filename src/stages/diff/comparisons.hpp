// The two ways in which sides are compared.
#pragma once

#include "ipscore/comparing/differences.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "side.hpp"

#include <cstdint>
#include <memory>

namespace ipscore::stages::diffing {

struct Sides {
    std::unique_ptr<Side> before;
    std::unique_ptr<Side> now;
    bool with_text = false; ///< one of them is, or both
};

struct StretchResult {
    comparing::Differences found;    ///< on rank 0: by all ranks
    std::uint64_t parts_skipped = 0; ///< whose checksums are equal
};

/// Compares two results of this program, stretch by stretch on all ranks, each on `threads` threads. All
/// ranks must call; throws as work_on_claims() does.
[[nodiscard]] StretchResult compare_stretches(mpi::World& world, const Sides& sides,
                                              const comparing::Terms& terms, int threads,
                                              const StopFlag& stop, RunMonitor& monitor);

/// Compares two sides front to back, at least one of which is text, or not cut into parts. A text that is not
/// in order of its keys is sorted first, in about `sort_bytes` of memory each. To be called in the arena
/// whose threads parse.
[[nodiscard]] comparing::Differences compare_texts(const Sides& sides, const comparing::Terms& terms,
                                                   std::uint64_t sort_bytes, const StopFlag& stop,
                                                   RunLog& log);

} // namespace ipscore::stages::diffing
