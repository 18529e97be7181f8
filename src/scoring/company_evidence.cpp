#include "ipscore/scoring/company_evidence.hpp"

#include "ipscore/core/saturating.hpp"

#include <algorithm>
#include <functional>
#include <span>

namespace ipscore::scoring {

namespace {

/// Consecutive rows of one company, by rising tag.
struct Stretch {
    std::uint32_t company = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

std::vector<Stretch> stretches_of(std::span<const CompanyEvidence> evidence) {
    std::vector<Stretch> stretches;
    for (std::uint32_t row = 0; row < evidence.size(); ++row) {
        const bool goes_on = row > 0 && evidence[row].company == evidence[row - 1].company &&
                             evidence[row].tag > evidence[row - 1].tag;
        if (!goes_on) stretches.push_back({evidence[row].company, row, row});
        stretches.back().end = row + 1;
    }
    return stretches;
}

/// Where the rows are that belong in an order, and after them those that are free.
struct Places {
    std::vector<std::uint32_t> rows;
    std::vector<std::uint32_t> free;
};

/// Adds up the stretches of one company, in as many of their rows as it takes.
void merge(std::span<const Stretch> stretches, std::span<CompanyEvidence> evidence, CompanySums& sums,
           Places& places) {
    const auto for_each_row = [&](auto visit) {
        for (const Stretch& stretch : stretches) {
            for (std::uint32_t row = stretch.begin; row < stretch.end; ++row) visit(row);
        }
    };
    const std::size_t first = places.rows.size();
    for_each_row([&](std::uint32_t row) { places.rows.push_back(row); });
    if (stretches.size() == 1) return;
    for_each_row([&](std::uint32_t row) { sums.add(evidence[row]); });
    std::size_t used = first;
    sums.drain(stretches.front().company,
               [&](const CompanyEvidence& sum) { evidence[places.rows[used++]] = sum; });
    const auto free = places.rows.begin() + static_cast<std::ptrdiff_t>(used);
    places.free.insert(places.free.end(), free, places.rows.end());
    places.rows.erase(free, places.rows.end());
}

/// `from[row]` is the place of what belongs to `row`; a permutation.
void permute(std::span<CompanyEvidence> evidence, std::vector<std::uint32_t>& from) {
    for (std::uint32_t first = 0; first < from.size(); ++first) {
        if (from[first] == first) continue;
        const CompanyEvidence displaced = evidence[first];
        std::uint32_t row = first;
        for (std::uint32_t next = from[row]; next != first; next = from[row]) {
            evidence[row] = evidence[next];
            from[row] = row;
            row = next;
        }
        evidence[row] = displaced;
        from[row] = row;
    }
}

} // namespace

void CompanyEvidence::add(const CompanyEvidence& other) noexcept {
    addresses = add_saturating(addresses, other.addresses);
    hits = add_saturating(hits, other.hits);
    days |= other.days;
    raw = add_saturating(raw, other.raw);
    recent = add_saturating(recent, other.recent);
    base = add_saturating(base, other.base);
}

void CompanySums::clear() noexcept {
    std::ranges::fill(sums_, CompanyEvidence{});
    touched_.clear();
}

void sort_and_merge(std::vector<CompanyEvidence>& evidence, CompanySums& sums) {
    std::vector<Stretch> stretches = stretches_of(evidence);
    if (std::ranges::adjacent_find(stretches, std::ranges::greater_equal{}, &Stretch::company) ==
        stretches.end())
        return;
    std::ranges::sort(stretches, {}, &Stretch::company);
    Places places;
    places.rows.reserve(evidence.size());
    for (auto begin = stretches.begin(); begin != stretches.end();) {
        const auto end =
            std::ranges::upper_bound(begin, stretches.end(), begin->company, {}, &Stretch::company);
        merge({begin, end}, evidence, sums, places);
        begin = end;
    }
    const std::size_t rows = places.rows.size();
    places.rows.insert(places.rows.end(), places.free.begin(), places.free.end());
    permute(evidence, places.rows);
    evidence.resize(rows);
}

} // namespace ipscore::scoring
