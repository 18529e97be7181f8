// Verb `score`: a table, a classification, companies and a model into scores.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "ipscore/stages/summary.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace ipscore::stages {

struct ScoreArgs {
    std::filesystem::path table;
    std::filesystem::path classification;
    std::filesystem::path companies;
    std::filesystem::path model;
    std::filesystem::path output;
    std::optional<Day> as_of;       ///< overrides the model's
    std::uint64_t memory_bytes = 0; ///< per rank; 0: default_memory_bytes()
    // What the memory decides where these are 0; they decide what goes through files, and nothing else.
    std::uint64_t sort_bytes = 0;        ///< of the classification, sorted in memory
    std::uint64_t evidence_rows_max = 0; ///< company evidence of a part, held in memory
    std::uint64_t evidence_fan_in = 0;   ///< runs of company evidence merged at a time, at least 2
    std::uint64_t evidence_parts_per_run =
        0;                ///< at least, where their company evidence is merged before the index
    bool restart = false; ///< replace the output of another job
    int threads = 0;      ///< per rank; 0: the cores of this process, divided by the ranks on the node
    // Guards: where they do not hold, the run ends before the index gets its name.
    bool require_days = false;     ///< no day of the look-back without observations
    std::uint64_t min_rows = 0;    ///< scores of addresses
    double max_unclassified = 1;   ///< share of the considered observations that have no tag
    std::filesystem::path metrics; ///< see RunMonitor::write_metrics_to()
};

/// All ranks must call. A guard that does not hold is an InputError. Returns the summary on rank 0, and an
/// empty one elsewhere. Throws the same on all ranks for what rank 0 can foresee; any other failure is thrown
/// on the failing rank alone, whose caller must abort the job.
RunSummary score(mpi::World& world, const ScoreArgs& args, StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
