// Work on parts, claimed from rank 0 by whoever is free.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "ipscore/stages/work_counters.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace ipscore::stages {

/// Some consecutive parts that are worked on by one worker.
struct Claim {
    std::uint64_t first_part = 0;
    std::uint64_t parts = 1;
};

/// How this rank spent its time.
struct RankLoad {
    std::uint64_t claims = 0;
    std::uint64_t parts = 0;
    std::uint64_t rows = 0;
    std::uint64_t spilled_runs = 0;
    double busy_seconds = 0; ///< of all workers
    double wall_seconds = 0; ///< from the first claim to the last rank's end
};

/// Works on one claim. Looks at `halt` at least once per chunk and returns early, dropping what is not whole,
/// when it is requested.
using Work = std::function<void(const Claim& claim, const StopFlag& halt, WorkCounters& counters)>;

/// What the claims are about.
struct ClaimedWork {
    std::uint64_t parts = 0;        ///< of all claims
    std::uint64_t parts_before = 0; ///< that need no claim: an earlier run has done them
    int threads = 1;                ///< workers of this rank
    const char* unit = "parts";     ///< what people call them
};

/// Runs all of `claims` (the same list on all ranks, in the order in which they are to be handed out) on the
/// workers of every rank, in the phase of `monitor`. The main thread only answers. All ranks must call.
/// Throws AgreedError on all ranks when any was asked to stop, and a worker's own exception on its rank
/// alone.
RankLoad work_on_claims(mpi::World& world, const std::vector<Claim>& claims, const ClaimedWork& what,
                        const StopFlag& stop, RunMonitor& monitor, const Work& work);

/// Cores that this process may use, shared with the other ranks of its machine; at least 1.
[[nodiscard]] int default_threads(int ranks_on_node);

} // namespace ipscore::stages
