#include "evidence_sum.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ipscore::stages {

using scoring::CompanyEvidence;

namespace {

/// By some of the evidence, as much for each stretch, whatever the runs.
std::vector<std::uint32_t> cut(const std::vector<EvidenceRun>& runs, std::size_t stretch_rows) {
    constexpr std::size_t samples_a_stretch = 16;
    const std::size_t rows = rows_of(runs);
    const std::size_t stretches = rows / stretch_rows + 1;
    const std::size_t step = std::max<std::size_t>(1, rows / (stretches * samples_a_stretch));
    std::vector<std::uint32_t> companies;
    std::size_t next = 0;
    for (const EvidenceRun& run : runs) {
        for (; next < run.size(); next += step) companies.push_back(run[next].company);
        next -= run.size();
    }
    std::ranges::sort(companies);
    std::vector<std::uint32_t> first{0};
    for (std::size_t stretch = 1; stretch < stretches && !companies.empty(); ++stretch) {
        const std::uint32_t company = companies[companies.size() * stretch / stretches];
        if (company > first.back()) first.push_back(company);
    }
    return first;
}

} // namespace

EvidenceRun of_companies(EvidenceRun run, std::uint64_t first, std::uint64_t end) {
    const auto begin = std::ranges::lower_bound(run, first, {}, &CompanyEvidence::company);
    return {begin, std::ranges::lower_bound(begin, run.end(), end, {}, &CompanyEvidence::company)};
}

EvidenceSum::EvidenceSum(std::vector<EvidenceRun> runs, std::size_t stretch_rows)
    : runs_(std::move(runs)), first_companies_(cut(runs_, stretch_rows)) {}

std::vector<EvidenceRun> EvidenceSum::runs_of(std::size_t stretch) const {
    constexpr std::uint64_t beyond_all = ~std::uint64_t{0};
    const std::uint64_t first = first_companies_[stretch];
    const std::uint64_t end = stretch + 1 < stretches() ? first_companies_[stretch + 1] : beyond_all;
    std::vector<EvidenceRun> runs;
    for (const EvidenceRun& run : runs_) {
        const EvidenceRun part = of_companies(run, first, end);
        if (!part.empty()) runs.push_back(part);
    }
    return runs;
}

} // namespace ipscore::stages
