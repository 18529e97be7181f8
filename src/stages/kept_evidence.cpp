#include "kept_evidence.hpp"

#include "ipscore/core/on_threads.hpp"

#include <algorithm>
#include <memory>
#include <tbb/parallel_pipeline.h>
#include <utility>

namespace ipscore::stages {

using scoring::CompanyEvidence;

namespace {

/// What parts have of the companies from `first` to before `end`.
std::span<const CompanyEvidence> of_companies(std::span<const CompanyEvidence> part, std::uint64_t first,
                                              std::uint64_t end) {
    const auto begin = std::ranges::lower_bound(part, first, {}, &CompanyEvidence::company);
    return {begin, std::ranges::lower_bound(begin, part.end(), end, {}, &CompanyEvidence::company)};
}

} // namespace

void KeptEvidence::keep(std::span<const CompanyEvidence> evidence) {
    {
        const std::lock_guard lock(mutex_);
        if (evidence.size_bytes() > bytes_left_) drop();
        if (!keeps_) return;
        bytes_left_ -= evidence.size_bytes();
    }
    Part part(evidence.begin(), evidence.end());
    const std::lock_guard lock(mutex_);
    if (keeps_) parts_.push_back(std::move(part));
}

void KeptEvidence::give_up() {
    const std::lock_guard lock(mutex_);
    drop();
}

std::size_t KeptEvidence::rows() const noexcept {
    std::size_t rows = 0;
    for (const Part& part : parts_) rows += part.size();
    return rows;
}

/// The caller holds the mutex.
void KeptEvidence::drop() {
    keeps_ = false;
    parts_ = {};
}

/// Where stretches of about so much evidence each begin, rising; the first is 0.
std::vector<std::uint32_t> KeptEvidence::first_companies(std::size_t stretch_rows) const {
    // By some of it, as many for each stretch, whatever the parts.
    constexpr std::size_t samples_a_stretch = 16;
    const std::size_t all_rows = rows();
    const std::size_t stretches = all_rows / stretch_rows + 1;
    const std::size_t step = std::max<std::size_t>(1, all_rows / (stretches * samples_a_stretch));
    std::vector<std::uint32_t> companies;
    std::size_t next = 0;
    for (const Part& part : parts_) {
        for (; next < part.size(); next += step) companies.push_back(part[next].company);
        next -= part.size();
    }
    std::ranges::sort(companies);
    std::vector<std::uint32_t> first{0};
    for (std::size_t stretch = 1; stretch < stretches && !companies.empty(); ++stretch) {
        const std::uint32_t company = companies[companies.size() * stretch / stretches];
        if (company > first.back()) first.push_back(company);
    }
    return first;
}

void KeptEvidence::add_up(int threads, const StopFlag& stop, const EvidenceSink& sink,
                          std::size_t stretch_rows) const {
    const std::vector<std::uint32_t> first = first_companies(stretch_rows);
    using Sums = std::shared_ptr<std::vector<CompanyEvidence>>;
    const auto add_up_stretch = [&](std::size_t stretch) {
        const std::uint64_t end =
            stretch + 1 < first.size() ? first[stretch + 1] : ~std::uint64_t{0}; // of no company
        std::vector<EvidenceSource> sources;
        for (const Part& part : parts_) {
            const auto evidence = of_companies(part, first[stretch], end);
            if (evidence.empty()) continue;
            sources.emplace_back([left = evidence]() mutable { return std::exchange(left, {}); });
        }
        auto sums = std::make_shared<std::vector<CompanyEvidence>>();
        merge_evidence(sources, stop, [&](const CompanyEvidence& sum) { sums->push_back(sum); });
        return sums;
    };
    std::size_t next = 0;
    const auto next_stretch = [&](tbb::flow_control& flow) {
        if (next == first.size()) flow.stop();
        return next++;
    };
    const auto bring = [&](const Sums& sums) {
        for (const CompanyEvidence& sum : *sums) sink(sum);
    };
    using tbb::filter_mode;
    on_threads(threads, [&] {
        tbb::parallel_pipeline(
            2 * static_cast<std::size_t>(threads),
            tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, next_stretch) &
                tbb::make_filter<std::size_t, Sums>(filter_mode::parallel, add_up_stretch) &
                tbb::make_filter<Sums, void>(filter_mode::serial_in_order, bring));
    });
}

} // namespace ipscore::stages
