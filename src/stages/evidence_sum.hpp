// Runs of company evidence in memory, added up by many threads.
#pragma once

#include "evidence_merge.hpp"
#include "ipscore/core/on_threads.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/scoring/company_evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <tbb/parallel_for.h>
#include <type_traits>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// Of all runs together.
[[nodiscard]] std::size_t rows_of(const auto& runs) {
    std::size_t rows = 0;
    for (const auto& run : runs) rows += run.size();
    return rows;
}

/// What `run` has of the companies from `first` to before `end`.
[[nodiscard]] EvidenceRun of_companies(EvidenceRun run, std::uint64_t first, std::uint64_t end);

/// The sum of some runs, cut into stretches of companies that are added up each for itself.
class EvidenceSum {
public:
    static constexpr std::size_t stretch_rows_default = 1U << 15U;
    /// Of about so much evidence each. The runs must stay where they are.
    explicit EvidenceSum(std::vector<EvidenceRun> runs, std::size_t stretch_rows = stretch_rows_default);

    [[nodiscard]] std::size_t stretches() const noexcept { return first_companies_.size(); }
    /// What the runs have of a stretch.
    [[nodiscard]] std::vector<EvidenceRun> runs_of(std::size_t stretch) const;

private:
    std::vector<EvidenceRun> runs_;
    std::vector<std::uint32_t> first_companies_; ///< of each stretch, rising; the first is 0
};

/// The sum of all runs in order of (company, tag), each of these once, as `make(sum)` has it: in pieces, so
/// that none is moved. Throws Interrupted when `stop` is requested.
template <class Make>
auto add_up_runs(std::vector<EvidenceRun> runs, int threads, const StopFlag& stop, const Make& make,
                 std::size_t stretch_rows = EvidenceSum::stretch_rows_default) {
    using Value = std::invoke_result_t<Make, const scoring::CompanyEvidence&>;
    const EvidenceSum sum(std::move(runs), stretch_rows);
    std::vector<std::vector<Value>> pieces(sum.stretches());
    on_threads(threads, [&] {
        tbb::parallel_for(std::size_t{0}, pieces.size(), [&](std::size_t stretch) {
            std::vector<EvidenceSource> sources;
            const std::vector<EvidenceRun> of_stretch = sum.runs_of(stretch);
            sources.reserve(of_stretch.size());
            for (const EvidenceRun& run : of_stretch) sources.push_back(source_in_memory(run));
            pieces[stretch].reserve(rows_of(of_stretch)); // what is not used is never touched
            merge_evidence(sources, stop, [&](const scoring::CompanyEvidence& row) {
                pieces[stretch].push_back(make(row));
            });
        });
    });
    return pieces;
}

} // namespace ipscore::stages
