// Runs of company evidence for tests, and their sum by another way than the program's.
#pragma once

#include "ipscore/scoring/company_evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace ipscore {

using scoring::CompanyEvidence;

using SortedRun = std::vector<CompanyEvidence>;

inline bool same_bytes(const CompanyEvidence& a, const CompanyEvidence& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

inline constexpr auto most = ~std::uint64_t{0};

/// All of the runs in one.
inline SortedRun sum_of(const std::vector<SortedRun>& runs) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, CompanyEvidence> sums;
    for (const SortedRun& run : runs) {
        for (const CompanyEvidence& row : run) {
            const auto [at, is_new] = sums.emplace(std::pair(row.company, row.tag), row);
            if (!is_new) at->second.add(row);
        }
    }
    SortedRun all;
    for (const auto& [key, sum] : sums) all.push_back(sum);
    return all;
}

/// In no order; some sums at their limit.
inline SortedRun random_evidence(std::mt19937_64& random, std::size_t rows) {
    SortedRun run;
    for (std::size_t i = 0; i < rows; ++i) {
        CompanyEvidence evidence;
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
    return run;
}

/// Sorted and distinct.
inline SortedRun random_run(std::mt19937_64& random, std::size_t rows) {
    return sum_of({random_evidence(random, rows)});
}

} // namespace ipscore
