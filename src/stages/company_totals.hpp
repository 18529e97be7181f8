// The company evidence of all parts, added up.
#pragma once

#include "evidence_merge.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages {

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
