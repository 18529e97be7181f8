// Why an address has the score that it has for one tag: the same sums as the kernel's, observation by
// observation.
#pragma once

#include "ipscore/core/age_set.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/core/decimal.hpp"
#include "ipscore/scoring/scorer.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ipscore::scoring {

/// What one observation adds to a tag.
struct Contribution {
    std::uint32_t key = 0; ///< id in the table
    Day day = 0;
    std::uint32_t hits = 0;
    int age = 0;             ///< days before as_of
    std::uint32_t decay = 0; ///< of 65536
    Millionths weight = 0;
    std::uint64_t raw = 0; ///< hits x decay x weight, saturating
    bool recent = false;   ///< of the days that surge calls recent
};

/// The sums of some contributions, and what comes of them: SPEC "Per (address, tag)".
struct TagSums {
    std::uint64_t raw = 0;
    std::uint64_t hits = 0;
    std::uint32_t keys = 0;
    AgeSet days;
    std::uint64_t recent = 0;
    std::uint64_t base = 0;
    float score = 0;
    float surge = 0;
    bool confident = false;
};

/// Contributions in order of (key, day).
[[nodiscard]] TagSums sum_up(std::span<const Contribution> contributions, const TagRules& rules,
                             std::uint32_t tag);

/// An observation of a key of the tag that does not count.
struct OutsideObservation {
    std::uint32_t key = 0;
    Day day = 0;
    std::uint32_t hits = 0;
};

/// Takes the observations of one address apart.
class TagExplanation {
public:
    /// The inputs must outlive it.
    TagExplanation(const ScoringInputs& inputs, std::uint32_t tag) : inputs_(&inputs), tag_(tag) {}

    /// In order of (key, day), any number of times.
    void rows(std::span<const std::uint32_t> key, std::span<const std::uint16_t> day,
              std::span<const std::uint32_t> hits);

    [[nodiscard]] const std::vector<Contribution>& contributions() const noexcept { return contributions_; }
    /// After as_of, or before the tag's look-back.
    [[nodiscard]] const std::vector<OutsideObservation>& outside() const noexcept { return outside_; }
    [[nodiscard]] std::uint64_t other_observations() const noexcept {
        return others_;
    } ///< of keys without the tag
    [[nodiscard]] TagSums sums() const { return sum_up(contributions_, inputs_->rules, tag_); }

private:
    const ScoringInputs* inputs_;
    std::uint32_t tag_;
    std::vector<Contribution> contributions_;
    std::vector<OutsideObservation> outside_;
    std::uint64_t others_ = 0;
};

} // namespace ipscore::scoring
