// The frame that every verb runs in: signals, HDF5, MPI, and how failures become a line and an exit code.
#pragma once

#include "ipscore/cli/arguments.hpp"
#include "ipscore/stages/summary.hpp"

#include <string_view>

namespace ipscore::cli {

/// The whole program but for its name; returns the exit code.
[[nodiscard]] int run(const Words& words);

/// A line of a report, on stderr: stdout is for results.
void report(std::string_view line);
/// The end of a run on ranks; nothing for a rank whose summary is empty.
void report(const stages::RunSummary& summary);

} // namespace ipscore::cli
