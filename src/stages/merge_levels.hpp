// Segments merged into fewer, larger ones, until one merge can read all that is left.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "merge_files.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ipscore::stages {

struct MergeLevels {
    std::filesystem::path directory; ///< where the merged files go; made when needed
    std::uint64_t fan_in = 2;        ///< the same on all ranks
    int threads = 1;
};

/// Replaces `files` (the same on all ranks) by at most `fan_in` that hold the same rows, level by level, the
/// merges of a level side by side on all ranks. A merged file appears under its name when it is whole; what
/// an earlier run left is used again. Returns how many merges there were. All ranks must call; throws as
/// work_on_claims does.
std::uint64_t merge_levels(mpi::World& world, std::vector<MergeFile>& files, const MergeLevels& levels,
                           const StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
