#include "ipscore/scoring/explanation.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/scoring/formula.hpp"

#include <algorithm>

namespace ipscore::scoring {

namespace {

/// Nothing when the key has not the tag.
std::optional<Millionths> weight_of(const PostingLists& postings, std::uint32_t key, std::uint32_t tag) {
    const auto of_key = postings.of(key);
    const auto posting = std::ranges::lower_bound(of_key, tag, {}, &Posting::tag);
    if (posting == of_key.end() || posting->tag != tag) return std::nullopt;
    return posting->weight;
}

} // namespace

TagSums sum_up(std::span<const Contribution> contributions, const TagRules& rules, std::uint32_t tag) {
    TagSums sums;
    const Contribution* before = nullptr;
    for (const Contribution& contribution : contributions) {
        sums.raw = add_saturating(sums.raw, contribution.raw);
        sums.hits = add_saturating(sums.hits, std::uint64_t{contribution.hits});
        if (before == nullptr || before->key != contribution.key) ++sums.keys;
        sums.days.insert(static_cast<unsigned>(contribution.age));
        std::uint64_t& surge_sum = contribution.recent ? sums.recent : sums.base;
        surge_sum = add_saturating(surge_sum, std::uint64_t{contribution.hits} * contribution.weight);
        before = &contribution;
    }
    const TagRule& rule = rules.tags[tag];
    sums.score = score_of(sums.raw, rule.saturation_raw);
    sums.surge = surge_of(sums.recent, sums.base, rules.recent_days, rule.base_days);
    sums.confident = sums.score >= rules.confident_min_score && sums.keys >= rules.confident_min_keys &&
                     static_cast<std::uint64_t>(sums.days.size()) >= rules.confident_min_days;
    return sums;
}

void TagExplanation::rows(std::span<const std::uint32_t> key, std::span<const std::uint16_t> day,
                          std::span<const std::uint32_t> hits) {
    const TagRules& rules = inputs_->rules;
    const Profile& profile = rules.profiles[rules.tags[tag_].profile];
    for (std::size_t i = 0; i < key.size(); ++i) {
        const auto weight = weight_of(inputs_->postings, key[i], tag_);
        if (!weight) {
            ++others_;
            continue;
        }
        const int age = rules.as_of - static_cast<Day>(day[i]);
        if (age < 0 || age >= profile.lookback_days) {
            outside_.push_back({key[i], day[i], hits[i]});
            continue;
        }
        const std::uint32_t decay = profile.decay[static_cast<std::size_t>(age)];
        const std::uint64_t decayed = std::uint64_t{hits[i]} * decay;
        contributions_.push_back({.key = key[i],
                                  .day = day[i],
                                  .hits = hits[i],
                                  .age = age,
                                  .decay = decay,
                                  .weight = *weight,
                                  .raw = multiply_saturating(decayed, std::uint64_t{*weight}),
                                  .recent = age < rules.recent_ages});
    }
}

} // namespace ipscore::scoring
