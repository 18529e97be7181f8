// Verb `forget`: addresses leave the store, and what was made of it, for good.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages {

struct ForgetArgs {
    std::filesystem::path store;
    std::vector<Network> networks;             ///< empty: those that the store is to forget already
    std::vector<std::filesystem::path> tables; ///< finished ones, whose parts are rewritten where needed
    std::vector<std::filesystem::path> scores; ///< the same
    bool check = false;                        ///< change nothing, and look for what is left
    std::filesystem::path metrics;             ///< see RunMonitor::write_metrics_to()
};

struct ForgetReport {
    std::uint64_t networks = 0;
    std::uint64_t rows = 0;            ///< of the store, that count no more
    std::uint64_t segments = 0;        ///< whose files have rows of these addresses, until they are compacted
    std::uint64_t rejects = 0;         ///< bad rows that named them
    std::uint64_t parts_rewritten = 0; ///< of tables and scores
    std::uint64_t addresses = 0;       ///< in these parts, that are there no more
    std::uint64_t files_checked = 0;   ///< with `check`, of the store, the tables and the scores
};

/// From the moment on at which the new manifest is there, no prepare and no later ingest sees the addresses;
/// `compact` takes them from the disk. A prepare that runs is not disturbed. Company rows of scores stay as
/// they are: they are sums that name no address.
///
/// Throws InputError where there is nothing to forget, where a table or scores are none, or where `check`
/// finds anything, which it names; EnvironmentError when writing fails or a job is at work on a table or
/// scores; Interrupted when `stop` was requested: the same call again goes on.
ForgetReport forget(const ForgetArgs& args, const StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
