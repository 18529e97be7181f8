// Verb `prune`: days that no job looks back on any more leave the store.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/stages/compact.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace ipscore::stages {

struct PruneArgs {
    std::filesystem::path store;
    std::optional<int> keep_days;              ///< at least 1, the last of which is as_of
    std::vector<std::filesystem::path> models; ///< keep what their look-backs need
    std::optional<Day> as_of;                  ///< default: the newest day of the store; of a model, its own
    bool dry_run = false;                      ///< report only
    std::uint64_t memory_bytes = 0;            ///< 0: default_memory_bytes()
    std::filesystem::path metrics;             ///< see RunMonitor::write_metrics_to()
};

struct PruneReport {
    std::optional<Day> first_day;       ///< that is kept; nothing where the store is empty
    std::uint64_t days = 0;             ///< that go, of those that there are rows of
    std::uint64_t rows = 0;             ///< that go
    std::uint64_t segments_removed = 0; ///< whole
    std::uint64_t bytes_removed = 0;    ///< of these
    std::uint64_t segments_worn = 0;    ///< a quarter or more of whose rows go, so that they are rewritten
    CompactReport compaction;           ///< of the segments that are worth it; nothing with dry_run
};

/// Pruned rows count nowhere from the moment on at which the new manifest is there; a prepare that runs is
/// not disturbed. Throws InputError where neither keep_days nor models tell what to keep, and as compact().
PruneReport prune(const PruneArgs& args, const StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
