// The company evidence of all parts, added up.
#pragma once

#include "evidence_merge.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/scoring/company_scores.hpp"
#include "ipscore/stages/run_monitor.hpp"
#include "kept_evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace ipscore::stages {

/// What the ranks kept of the parts that they made.
struct EvidenceOfRanks {
    KeptEvidence& kept;             ///< of this rank; given up on the way
    const scoring::TagRules& rules; ///< what makes rows of it
    std::uint64_t companies = 0;    ///< there are so many; counts on rank 0
    int threads = 1;                ///< of this rank
    std::uint64_t memory_bytes = 0; ///< of this rank, beside `kept`
    bool made_all_parts = false;    ///< all ranks together, in this run
};

/// Rows in order of (company, tag), in pieces.
using CompanyRows = std::vector<std::vector<scoring::CompanyRow>>;

/// The rows that the sum of all evidence stands for, on rank 0; empty elsewhere. Each rank adds up what all
/// parts have of a range of companies. Nothing where a rank did not keep all, or has no room: then the parts
/// have to be read. All ranks must call; throws AgreedError when one was asked to stop.
std::optional<CompanyRows> add_up_kept_evidence(mpi::World& world, const EvidenceOfRanks& of,
                                                const StopFlag& stop, RunMonitor& monitor);

/// Parts of scores that are all there.
struct EvidenceParts {
    std::filesystem::path scores;
    std::uint64_t parts = 0;
    int threads = 1;                     ///< workers of this rank
    std::size_t fan_in = 2;              ///< parts that this rank reads at a time
    std::uint64_t parts_per_run_min = 0; ///< 0: as many as are worth it, on more than one rank
};

/// Files of company evidence, whose sum is that of all parts.
struct EvidenceFiles {
    std::vector<std::filesystem::path> files;
    bool are_parts = true; ///< else runs, each merged from consecutive parts
};

/// Merges the evidence of consecutive parts into runs in the directory format::runs_name, side by side on all
/// ranks, so that what rank 0 has to add up depends on companies and tags more than on parts. Where few parts
/// or a single rank make that no gain, the files are the parts themselves. All ranks must call; throws as
/// work_on_claims does.
EvidenceFiles merge_evidence_of_parts(mpi::World& world, const EvidenceParts& of, StopFlag& stop,
                                      RunMonitor& monitor);

/// Brings what `of` holds to `sink` in order of (company, tag), each of these once, `fan_in` files being read
/// at a time; what is merged in between goes to a file without a name in `scores`. Throws InputError on what
/// is damaged, Interrupted when `stop` is requested.
void add_up_evidence(const EvidenceFiles& of, const std::filesystem::path& scores, std::size_t fan_in,
                     const StopFlag& stop, const EvidenceSink& sink);

} // namespace ipscore::stages
