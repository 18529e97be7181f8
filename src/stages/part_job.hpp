// What `prepare` and `score` share: an output directory of parts that the ranks make, verify or leave as they
// are.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/output_directory.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "ipscore/stages/summary.hpp"
#include "part_results.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ipscore::stages {

/// Writes one part to `path` and returns its record; nullopt when `halt` was requested meanwhile.
using MakePart = std::function<std::optional<io::PartRecord>(
    std::uint64_t part, const std::filesystem::path& path, const StopFlag& halt, WorkCounters& counters)>;
/// Made anew for every claim, so that consecutive parts can share open readers.
using BeginClaim = std::function<MakePart()>;

struct PartJob {
    std::filesystem::path output;
    std::string job_hash;
    const char* part_format = nullptr;
    std::span<const io::ColumnName> columns;
    std::uint64_t parts = 0;
    int threads = 1;
    const char* phase = nullptr; ///< in which the parts are made
};

struct PartJobResult {
    std::vector<io::PartRecord> parts; ///< on rank 0
    nlohmann::ordered_json counts;     ///< on rank 0: of all parts, added up
    std::uint64_t parts_verified = 0;  ///< on rank 0: were there already
    std::uint64_t spilled_runs = 0;    ///< on rank 0: over all ranks
    nlohmann::ordered_json ranks;      ///< on rank 0: load and peak memory of every rank
    double imbalance = 0;              ///< on rank 0: busiest rank's seconds over the mean, less 1
};

/// Looks at the parts that an earlier run of this job left, all ranks sharing the work, and keeps those that
/// are whole; warns of those that are damaged. Afterwards results.missing() is the same on all ranks. All
/// ranks must call; throws as work_on_claims does.
void verify_parts(mpi::World& world, const PartJob& job, const StopFlag& stop, RunMonitor& monitor,
                  PartResults& results);

/// Makes the parts of `claims` (the same on all ranks), all of which are missing, waits until all parts are
/// on the disk, and gathers their records. All ranks must call; throws as work_on_claims does.
PartJobResult make_parts(mpi::World& world, const PartJob& job, const std::vector<Claim>& claims,
                         const StopFlag& stop, RunMonitor& monitor, PartResults& results,
                         const BeginClaim& begin_claim);

/// For the end of a job on rank 0: run.json, and what is said of an output that was finished before.
void write_run(const std::filesystem::path& output, const RunSummary& summary);
[[nodiscard]] std::string finished_already_text(const std::filesystem::path& output);

/// Ends a job on rank 0: writes run.json and gives the index, which is written, its name. Where
/// `all_verified` (the job was finished, and every part is whole) and `index_stands()` says that the index
/// that is there holds the same values, nothing is changed, and the summary's verdict says so. `index_stands`
/// may throw InputError for a damaged index.
void publish_index(const std::filesystem::path& output, io::TemporaryFile& index, RunSummary& summary,
                   bool all_verified, const std::function<bool()>& index_stands);

/// Stretches of consecutive parts for `workers` workers, shrinking towards the end so that all finish
/// together. `parts` in rising order.
[[nodiscard]] std::vector<Claim> shrinking_stretches(const std::vector<std::uint64_t>& parts,
                                                     std::uint64_t workers);

} // namespace ipscore::stages
