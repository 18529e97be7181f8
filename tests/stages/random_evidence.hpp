// Runs of company evidence for tests, and their sum by another way than the program's.
#pragma once

#include "ipscore/scoring/scorer.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace ipscore::stages {

using SortedRun = std::vector<scoring::CompanyEvidence>;

inline constexpr auto most = ~std::uint64_t{0};

/// Sorted and distinct; some sums at their limit.
inline SortedRun random_run(std::mt19937_64& random, std::size_t rows) {
    SortedRun run;
    for (std::size_t i = 0; i < rows; ++i) {
        scoring::CompanyEvidence evidence;
        evidence.company = static_cast<std::uint32_t>(random() % 40);
        evidence.tag = static_cast<std::uint32_t>(random() % 25);
        evidence.addresses = 1 + random() % 100;
        evidence.hits = random() % 10 == 0 ? most - random() % 3 : random() % 1000;
        evidence.days = {random(), random()};
        evidence.raw = random() >> (random() % 64);
        evidence.recent = random() % 1000;
        evidence.base = random() % 10 == 0 ? most : random() % 7;
        run.push_back(evidence);
    }
    scoring::sort_and_merge(run);
    return run;
}

/// All of the runs in one.
inline SortedRun sum_of(const std::vector<SortedRun>& runs) {
    SortedRun all;
    for (const SortedRun& run : runs) all.insert(all.end(), run.begin(), run.end());
    scoring::sort_and_merge(all);
    return all;
}

} // namespace ipscore::stages
