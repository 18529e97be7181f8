// Verb `plan`: what prepare and score of so many observations will take on how many nodes, and what that
// costs.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/io/instances_toml.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

struct PlanArgs {
    // What the job is on: one of these three.
    std::filesystem::path table;
    std::filesystem::path store;
    std::uint64_t observations = 0;
    std::uint64_t addresses = 0;      ///< 0: as many to an observation as the table has, or the runs had
    std::optional<Day> as_of;         ///< of a store; not set: its newest day
    std::optional<int> lookback_days; ///< of a store; not set: all of its days
    std::vector<std::filesystem::path> runs; ///< run.json of prepare and score, or the directories with it
    std::filesystem::path instances;         ///< see io::read_instances()
    std::uint32_t nodes_max = 64;
    std::uint64_t within_seconds = 0; ///< the job is to end in; 0: whenever
    std::uint64_t other_seconds = 0;  ///< what else each run takes on its nodes, such as ingest and export
    std::uint32_t nights = 30;        ///< of a month
};

/// What is to be prepared and scored.
struct PlanSize {
    double rows_read = 0; ///< by prepare
    double observations = 0;
    double addresses = 0;
    double keys = 0;
    double inputs = 0;     ///< that are merged
    double input_keys = 0; ///< of their dictionaries, added up
    std::uint64_t parts = 0;
    std::uint64_t store_bytes = 0; ///< 0: not known
    double table_bytes = 0;
    double score_rows = 0;
    double scores_bytes = 0;
    double evidence_rows = 0; ///< of companies
    double company_rows = 0;
};

/// A number of nodes of one type.
struct PlanOption {
    std::size_t type = 0; ///< of PlanReport::instances.types
    int nodes = 1;
    double prepare_seconds = 0; ///< 0: no run of prepare was given
    double score_seconds = 0;   ///< 0: no run of score was given
    double alone_seconds = 0;   ///< of both, what no further node makes shorter
    double storage_seconds = 0; ///< of both, what the shared storage takes where it is slower than the nodes
    double seconds = 0;         ///< of the job: both, and what else was said to be done in it
    double memory_bytes = 0;    ///< of a node
    bool fits = false;          ///< the memory of a node
    bool on_own_disk = false;   ///< one node, whose disk has room for everything
    bool pays = false; ///< half of the nodes, and half of these and so on, would take a third longer at least
    double price = 0;  ///< of one run
    std::optional<double> spot_price;
};

struct PlanReport {
    std::string what; ///< the size is of: a path, or "--observations"
    PlanSize size;
    std::vector<std::string> runs; ///< a line each: what was measured
    double times_larger = 1;       ///< than the largest of these: the farther, the less it is worth
    double least_measured_seconds = std::numeric_limits<double>::infinity(); ///< of the largest of each verb
    io::Instances instances;
    std::uint64_t within_seconds = 0;
    std::uint64_t other_seconds = 0;
    std::uint32_t nights = 0;
    std::vector<PlanOption> options;     ///< by type, then nodes: 1, 2, 4 and so on
    std::optional<std::size_t> cheapest; ///< of options: that fits, and ends in within_seconds
    std::optional<std::size_t> fastest;  ///< of options: that fits, and whose nodes all pay
};

/// Reads what was measured, and predicts from it. Throws InputError.
[[nodiscard]] PlanReport plan(const PlanArgs& args);

/// For people, with the settings to paste.
[[nodiscard]] std::string plan_text(const PlanReport& report);
[[nodiscard]] nlohmann::ordered_json plan_json(const PlanReport& report);

/// What a job is to be submitted with.
struct NodeSettings {
    int nodes = 1;
    int cores = 1;                ///< of a node, for its one rank
    std::uint64_t memory_mib = 0; ///< of a node
    std::uint64_t limit_minutes = 0;
};
[[nodiscard]] NodeSettings settings_of(const PlanReport& report, const PlanOption& option);

} // namespace ipscore::stages
