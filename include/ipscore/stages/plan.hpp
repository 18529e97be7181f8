// Verb `plan`: what prepare and score of so many observations will take on how many nodes, and what that
// costs.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/io/instances_toml.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
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
    std::uint64_t within_seconds = 0; ///< a run is to end in, `other_seconds` included; 0: whenever
    std::uint64_t other_seconds = 0;  ///< what else a run does on its nodes, such as ingest and export
    std::uint32_t nights = 30;        ///< runs of a month
};

/// What is to be prepared and scored. What nobody knows is as in the runs that were measured.
struct PlanSize {
    double rows_read = 0;    ///< by prepare
    double observations = 0; ///< of the table
    double addresses = 0;
    double keys = 0;
    double inputs = 0;     ///< that the table is merged from
    double input_keys = 0; ///< of their dictionaries, added up
    std::uint64_t parts = 0;
    double store_bytes = 0;
    double table_bytes = 0;
    double score_rows = 0;
    double scores_bytes = 0;
    double evidence_rows = 0; ///< of companies
    double company_rows = 0;

    [[nodiscard]] double bytes() const noexcept { return store_bytes + table_bytes + scores_bytes; }
};

/// A number of nodes of one type.
struct PlanOption {
    std::size_t type = 0; ///< of PlanReport::instances.types
    int nodes = 1;
    double prepare_seconds = 0; ///< 0: no run of prepare was given
    double score_seconds = 0;   ///< 0: no run of score was given
    double seconds = 0;         ///< of a run: both, and what else was said to be done in it
    double billed_seconds = 0;  ///< of each node
    // What keeps more nodes from saving more, of both:
    double alone_seconds = 0;   ///< starting ranks, and what rank 0 does alone
    double last_seconds = 0;    ///< waiting for the last parts
    double storage_seconds = 0; ///< what the shared storage takes where it is slower than the nodes
    double memory_bytes = 0;    ///< of a node
    bool fits = false;          ///< into what a rank gets of a node's memory
    bool on_own_disk = false;   ///< one node, whose disk has room for everything
    bool pays = false; ///< half of the nodes, half of these and so on would each take a third longer at least
    double price = 0;  ///< of one run
    std::optional<double> spot_price;
};

struct PlanReport {
    PlanArgs args;
    PlanSize size;
    io::Instances instances;
    // What the plan goes by:
    std::vector<std::string> runs;     ///< a line each
    double times_larger = 1;           ///< than the largest run of a verb, that for which it is more
    double least_measured_seconds = 0; ///< of the largest run of each verb
    double most_threads = 1;           ///< of a host in any run

    std::vector<PlanOption> options;     ///< by type, then nodes: 1, 2, 4 and so on
    std::optional<std::size_t> cheapest; ///< of options: that fits, and ends in within_seconds
    /// Of options: the cheapest that fits and is about as fast as the fastest whose nodes all pay.
    std::optional<std::size_t> fastest;
};

/// Reads what was measured, and predicts from it. Throws InputError.
[[nodiscard]] PlanReport plan(const PlanArgs& args);

/// For people, with the settings to paste.
[[nodiscard]] std::string plan_text(const PlanReport& report);
[[nodiscard]] nlohmann::ordered_json plan_json(const PlanReport& report);

/// What a job is to be submitted with.
struct NodeSettings {
    std::uint64_t memory_mib = 0; ///< of a node
    std::uint64_t limit_minutes = 0;
};
[[nodiscard]] NodeSettings settings_of(const PlanReport& report, const PlanOption& option);

} // namespace ipscore::stages
