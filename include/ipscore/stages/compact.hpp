// Verb `compact`: many small segments of the store into few large ones.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages {

struct CompactArgs {
    std::filesystem::path store;
    std::uint64_t memory_bytes = 0; ///< 0: default_memory_bytes()
    /// How many segments are merged at a time, at least 2, where the memory allows it; 0: as many as it
    /// allows.
    std::uint64_t fan_in_max = 0;
    std::filesystem::path metrics; ///< see RunMonitor::write_metrics_to()
};

struct CompactReport {
    std::uint64_t merges = 0;
    std::uint64_t rows = 0; ///< that were rewritten
    std::uint64_t segments_before = 0;
    std::uint64_t segments = 0;
    std::uint64_t files_freed = 0;
    std::uint64_t bytes_freed = 0; ///< of files; what readers or writers are at work with goes later
};

/// A quarter or more of its rows were pruned.
[[nodiscard]] bool is_worn(const io::SegmentInfo& segment);

/// Groups of segments, as indexes, each of which is worth being rewritten as one: eight or more of about the
/// same size, so that each row is rewritten once for every eightfold growth, and no more than some fifty
/// segments remain; and each by itself that is worn, or that has rows of addresses that are to be forgotten.
/// A group has at most `fan_in` members.
[[nodiscard]] std::vector<std::vector<std::size_t>>
plan_compaction(const std::vector<io::SegmentInfo>& segments, std::uint64_t fan_in);

/// Safe beside everything else that uses the store: a prepare goes on with the segments it began with. Throws
/// InputError for no store or too little memory, EnvironmentError, and Interrupted when `stop` was requested:
/// every merge that was finished counts.
CompactReport compact(const CompactArgs& args, const StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
