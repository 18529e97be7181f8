// The frame that every verb runs in: signals, HDF5, MPI, and how failures become a line and an exit code.
#pragma once

#include "ipscore/cli/arguments.hpp"
#include "ipscore/stages/compact.hpp"
#include "ipscore/stages/run_log.hpp"
#include "ipscore/stages/summary.hpp"

#include <filesystem>
#include <string_view>

namespace ipscore::cli {

/// The whole program but for its name; returns the exit code.
[[nodiscard]] int run(const Words& words);

/// Writes a result to standard output. Throws EnvironmentError.
void print_result(std::string_view text);

/// The end of a run; nothing for a rank whose summary is empty.
void report(stages::RunLog& log, const stages::RunSummary& summary);
/// The same of a compaction, which prune ends with too.
void report(stages::RunMonitor& monitor, const std::filesystem::path& store,
            const stages::CompactReport& done);

} // namespace ipscore::cli
