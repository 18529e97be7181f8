// Verb `prepare`: the store's segments merged into a table for one look-back.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "ipscore/stages/summary.hpp"

#include <cstdint>
#include <filesystem>

namespace ipscore::stages {

struct PrepareArgs {
    std::filesystem::path store;
    std::filesystem::path output;
    Day as_of = 0;                  ///< last day
    int lookback_days = 90;         ///< 1 to 36525; a model looks back 128 at most
    std::filesystem::path previous; ///< a table of this store to start from; empty: from the store alone
    std::filesystem::path classification; ///< keeps only rows of the keys that it names; empty: of all keys
    /// About how many observations make a part; 0: as part_rows_for() says. Decides where the table is cut,
    /// and nothing else.
    std::uint64_t part_rows = 0;
    std::uint64_t memory_bytes = 0; ///< per rank; 0: default_memory_bytes()
    /// How many segments are merged at a time, at least 2, where the memory allows it; 0: as many as it
    /// allows. Decides how often rows are rewritten, and nothing else.
    std::uint64_t fan_in_max = 0;
    bool restart = false; ///< replace the output of another job
    int threads = 0;      ///< per rank; 0: the cores of this process, divided by the ranks on the node
    // Guards: where they do not hold, the run ends before the index gets its name.
    bool require_days = false;     ///< no day of the look-back without observations
    std::uint64_t min_rows = 0;    ///< observations of the table
    double max_unclassified = 1;   ///< share of the rows of these days whose key the classification lacks
    std::filesystem::path metrics; ///< see RunMonitor::write_metrics_to()
};

/// All ranks must call. A guard that does not hold is an InputError. Returns the summary on rank 0, and an
/// empty one elsewhere. Throws the same on all ranks for what rank 0 can foresee; any other failure is thrown
/// on the failing rank alone, whose caller must abort the job.
RunSummary prepare(mpi::World& world, const PrepareArgs& args, StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
