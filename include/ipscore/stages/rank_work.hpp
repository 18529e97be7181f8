// Work on parts, claimed from rank 0 by whoever is free.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ipscore::stages {

/// Some consecutive parts that are worked on by one worker.
struct Claim {
    std::uint64_t first_part = 0;
    std::uint64_t parts = 1;
};

/// What the workers of this rank have done; they count, the main thread reads.
struct WorkCounters {
    std::atomic<std::uint64_t> parts = 0;
    std::atomic<std::uint64_t> rows = 0;
    std::atomic<std::uint64_t> bytes = 0;
    std::atomic<std::uint64_t> spilled_runs = 0; ///< sorted runs that did not fit into memory
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

/// Runs all of `claims` (the same list on all ranks, in the order in which they are to be handed out) on
/// `threads` workers of every rank. The main thread only answers. All ranks must call. Throws AgreedError on
/// all ranks when any was asked to stop, and a worker's own exception on its rank alone.
RankLoad work_on_claims(mpi::World& world, const std::vector<Claim>& claims, std::uint64_t parts, int threads,
                        const StopFlag& stop, const std::string& phase, bool progress, const Work& work);

/// Cores that this process may use, shared with the other ranks of its machine; at least 1.
[[nodiscard]] int default_threads(int ranks_on_node);

} // namespace ipscore::stages
