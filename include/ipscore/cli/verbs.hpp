// The verbs of the program. A new one is a file that defines it, and a line in the table of verbs.cpp.
#pragma once

#include "ipscore/cli/arguments.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/compact.hpp"
#include "ipscore/stages/diff.hpp"
#include "ipscore/stages/explain.hpp"
#include "ipscore/stages/export.hpp"
#include "ipscore/stages/forget.hpp"
#include "ipscore/stages/generate.hpp"
#include "ipscore/stages/ingest.hpp"
#include "ipscore/stages/inspect.hpp"
#include "ipscore/stages/plan.hpp"
#include "ipscore/stages/prepare.hpp"
#include "ipscore/stages/prune.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "ipscore/stages/score.hpp"

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace ipscore::cli {

/// What `status` is asked for.
struct StatusArgs {
    std::filesystem::path directory;
    bool json = false;
};

/// What `inspect` is asked for.
struct InspectArgs {
    std::vector<std::filesystem::path> paths; ///< a report each, in this order
    stages::InspectArgs inspect;
    bool json = false;
};

/// What `diff` is asked for.
struct DiffCommand {
    stages::DiffArgs diff;
    std::filesystem::path report; ///< HTML; empty: none
    bool json = false;
};

/// What `explain` is asked for.
struct ExplainCommand {
    stages::ExplainArgs explain;
    bool json = false;
};

/// What `plan` is asked for.
struct PlanCommand {
    stages::PlanArgs plan;
    bool json = false;
};

/// One verb. Its kind of run says what surrounds it: a verb that takes a StopFlag ends well on SIGTERM,
/// SIGINT and SIGUSR1, and only one that takes a World starts MPI. What it says goes to the monitor's log.
struct Verb {
    using Run = void(const Words& words, stages::RunMonitor& monitor);
    using RunStoppable = void(const Words& words, StopFlag& stop, stages::RunMonitor& monitor);
    using RunOnRanks = void(const Words& words, mpi::World& world, StopFlag& stop,
                            stages::RunMonitor& monitor);
    /// Rank 0 says whether it found differences: ExitCode::done or ExitCode::different.
    using RunComparison = ExitCode(const Words& words, mpi::World& world, StopFlag& stop,
                                   stages::RunMonitor& monitor);

    std::string name;
    std::string summary; ///< one line for `ipscore --help`
    std::string (*help)();
    std::variant<Run*, RunStoppable*, RunOnRanks*, RunComparison*> run;
};

/// In the order in which a user needs them.
[[nodiscard]] std::vector<Verb> all_verbs();

/// The words of a verb as its Args. They throw UsageError.
[[nodiscard]] stages::GenerateArgs parse_generate(const Words& words);
[[nodiscard]] stages::IngestArgs parse_ingest(const Words& words);
[[nodiscard]] stages::CompactArgs parse_compact(const Words& words);
[[nodiscard]] stages::PruneArgs parse_prune(const Words& words);
[[nodiscard]] stages::ForgetArgs parse_forget(const Words& words);
[[nodiscard]] stages::PrepareArgs parse_prepare(const Words& words);
[[nodiscard]] stages::ScoreArgs parse_score(const Words& words);
[[nodiscard]] stages::ExportArgs parse_export(const Words& words);
[[nodiscard]] DiffCommand parse_diff(const Words& words);
[[nodiscard]] ExplainCommand parse_explain(const Words& words);
[[nodiscard]] StatusArgs parse_status(const Words& words);
[[nodiscard]] InspectArgs parse_inspect(const Words& words);
[[nodiscard]] PlanCommand parse_plan(const Words& words);

} // namespace ipscore::cli
