// Sorted runs of company evidence merged into one.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/spill_file.hpp"
#include "ipscore/scoring/scorer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// The next evidence of a run, in order of (company, tag), as much as is at hand; empty at its end. Valid
/// until the next call.
using EvidenceSource = std::function<std::span<const scoring::CompanyEvidence>()>;
/// A run in memory: in order of (company, tag), each of these once.
using EvidenceRun = std::span<const scoring::CompanyEvidence>;
/// All of a run at once.
[[nodiscard]] EvidenceSource source_in_memory(EvidenceRun run);
using EvidenceSink = std::function<void(const scoring::CompanyEvidence&)>;

/// Brings all evidence to `sink` in order of (company, tag), each of these once, added up. Throws Interrupted
/// when `stop` is requested.
void merge_evidence(const std::vector<EvidenceSource>& sources, const StopFlag& stop,
                    const EvidenceSink& sink);

/// Runs that do not fit into memory together.
class EvidenceSpill {
public:
    /// At most `fan_in` (at least 2) runs are read at a time, io::SpillReader::buffer_bytes each.
    EvidenceSpill(std::filesystem::path directory, std::size_t fan_in)
        : directory_(std::move(directory)), fan_in_(fan_in) {}

    [[nodiscard]] std::size_t runs() const noexcept { return runs_.size(); }
    /// A sorted run. Throws EnvironmentError.
    void add(std::span<const scoring::CompanyEvidence> run);
    /// A run that is merged from others.
    void add_merged(const std::vector<EvidenceSource>& sources, const StopFlag& stop);
    /// All runs merged, and `last` with them. The spill is empty afterwards.
    void merge(std::span<const scoring::CompanyEvidence> last, const StopFlag& stop,
               const EvidenceSink& sink);

private:
    using Run = std::pair<std::uint64_t, std::uint64_t>; ///< begin and end in the file
    [[nodiscard]] io::SpillFile& file();
    [[nodiscard]] EvidenceSource source_of(const Run& run);

    std::filesystem::path directory_;
    std::size_t fan_in_;
    std::optional<io::SpillFile> file_; ///< made for the first run
    std::vector<Run> runs_;
};

} // namespace ipscore::stages
