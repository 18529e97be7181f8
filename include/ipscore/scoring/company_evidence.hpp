// What addresses of a company add up to.
#pragma once

#include "ipscore/core/age_set.hpp"
#include "ipscore/core/id_set.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ipscore::scoring {

/// What the addresses of one company in one part add up to for one tag; all sums saturate.
struct CompanyEvidence {
    std::uint32_t company = 0;
    std::uint32_t tag = 0;
    std::uint64_t addresses = 0;
    std::uint64_t hits = 0;
    AgeSet days;
    std::uint64_t raw = 0; ///< sum of floor(raw * confidence / 10^6)
    std::uint64_t recent = 0;
    std::uint64_t base = 0;

    void add(const CompanyEvidence& other) noexcept;
};

/// The evidence of one company, tag by tag: sums that are found by their tag, which no order of what is added
/// makes slower.
class CompanySums {
public:
    /// For tags below `tags`.
    explicit CompanySums(std::size_t tags = 0) { make_room(tags); }

    void make_room(std::size_t tags) {
        if (tags <= sums_.size()) return;
        sums_.resize(tags);
        touched_.make_room(tags);
    }
    /// To be added to.
    [[nodiscard]] CompanyEvidence& of(std::uint32_t tag) noexcept {
        touched_.insert(tag);
        return sums_[tag];
    }
    void add(const CompanyEvidence& evidence) noexcept { of(evidence.tag).add(evidence); }
    /// Calls visit(evidence) for each tag that was added to, in rising order, and forgets it.
    template <class Visit>
    void drain(std::uint32_t company, Visit visit) {
        touched_.drain([&](std::uint32_t tag) {
            CompanyEvidence& sum = sums_[tag];
            sum.company = company;
            sum.tag = tag;
            visit(std::as_const(sum));
            sum = {};
        });
    }
    void clear() noexcept;

private:
    std::vector<CompanyEvidence> sums_; ///< by tag
    IdSet touched_;
};

/// Sorts by (company, tag) and adds up equal ones. Made for evidence that comes in stretches of one company
/// each, sorted by tag, of which a company may have several: its time is that of moving them. In place, but
/// for 4 bytes a row. `sums` has room for all tags, and nothing in it.
void sort_and_merge(std::vector<CompanyEvidence>& evidence, CompanySums& sums);

} // namespace ipscore::scoring
