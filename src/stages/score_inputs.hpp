// What `score` reads before the parts, checked on rank 0 and brought to all ranks.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/classification_csv.hpp"
#include "ipscore/io/companies_csv.hpp"
#include "ipscore/io/output_directory.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/scoring/scorer.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/score.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ipscore::stages {

/// The input files as rank 0 has read them.
struct ScoreFiles {
    io::TableIndex table; ///< without the dictionary
    ByteStrings tags;     ///< of the classification
    io::InputFile classification;
    std::uint64_t classification_runs = 0; ///< sorted runs that were written, for it did not fit into memory
    io::CompaniesFile companies;
    scoring::Model model;
    scoring::PostingLists postings;
    std::vector<std::string> tags_unknown; ///< of the model: no key is classified to them
};

/// Reads and checks all inputs, and joins classification and table. Sets aside what stays in memory; where
/// that does not fit, it is only counted, and the caller must check the budget. Throws InputError and
/// Interrupted.
[[nodiscard]] ScoreFiles read_score_files(const ScoreArgs& args, MemoryBudget& budget, int threads,
                                          const StopFlag& stop);

/// The job that these inputs stand for.
[[nodiscard]] io::Job score_job(const ScoreArgs& args, const ScoreFiles& files);

/// What every rank needs; made on rank 0, broadcast to the others.
struct SharedInputs {
    scoring::ScoringInputs scoring;
    std::uint64_t keys = 0;                    ///< of the table's dictionary
    std::vector<std::uint64_t> part_rows;      ///< of the table
    std::vector<std::uint64_t> part_checksums; ///< of the table
    std::string job_hash;
};
/// Takes the postings from `files`.
[[nodiscard]] SharedInputs share_inputs(ScoreFiles& files, const io::Job& job);
/// Bytes of what every rank holds of these.
[[nodiscard]] std::uint64_t bytes_of(const SharedInputs& inputs);
/// What a worker takes with the least company evidence.
[[nodiscard]] std::uint64_t scoring_worker_bytes(std::size_t tags);
/// Rank 0's inputs on all ranks. All ranks must call; `files` counts on rank 0 only.
void broadcast_inputs(mpi::World& world, SharedInputs& inputs, const ScoreFiles& files);

} // namespace ipscore::stages
