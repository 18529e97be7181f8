#include "ipscore/scoring/model.hpp"

#include <cmath>

namespace ipscore::scoring {

namespace {

constexpr double decay_one = 65536.0;
constexpr double millionths_one = 1e6;

std::uint32_t profile_index(std::vector<Profile>& profiles, int lookback_days,
                            std::optional<double> half_life_days) {
    for (std::size_t i = 0; i < profiles.size(); ++i) {
        if (profiles[i].lookback_days == lookback_days && profiles[i].half_life_days == half_life_days) {
            return static_cast<std::uint32_t>(i);
        }
    }
    profiles.push_back({lookback_days, half_life_days, decay_table(lookback_days, half_life_days)});
    return static_cast<std::uint32_t>(profiles.size() - 1);
}

} // namespace

DecayTable decay_table(int lookback_days, std::optional<double> half_life_days) {
    DecayTable table{};
    for (int age = 0; age < lookback_days; ++age) {
        const double share = half_life_days ? std::exp2(-age / *half_life_days) : 1.0;
        table[static_cast<std::size_t>(age)] =
            static_cast<std::uint32_t>(std::floor(decay_one * share + 0.5));
    }
    return table;
}

TagRules::TagRules(const Model& model, const std::vector<std::string_view>& tag_names)
    : recent_days(model.recent_days),
      recent_ages(model.recent_days),
      min_score(static_cast<float>(model.min_score)),
      confident_min_score(static_cast<float>(model.confident.min_score)),
      confident_min_keys(model.confident.min_keys),
      confident_min_days(model.confident.min_days),
      as_of(model.as_of),
      lookback_days(model.lookback_days) {
    tags.reserve(tag_names.size());
    for (const std::string_view name : tag_names) {
        const auto found = model.tags.find(name);
        const TagOverride override = found == model.tags.end() ? TagOverride{} : found->second;
        const int lookback = override.lookback_days.value_or(model.lookback_days);
        const double half_saturation = override.half_saturation.value_or(model.half_saturation);
        const std::optional<double> half_life =
            override.half_life_days ? override.half_life_days : model.half_life_days;
        // The order of these products is SPEC's: other orders can round differently.
        const double company_half_saturation =
            (half_saturation * model.company_half_saturation) / model.half_saturation;
        tags.push_back({.profile = profile_index(profiles, lookback, half_life),
                        .saturation_raw = (half_saturation * decay_one) * millionths_one,
                        .company_saturation_raw = (company_half_saturation * decay_one) * millionths_one,
                        .base_days = static_cast<double>(lookback - model.recent_days)});
    }
}

} // namespace ipscore::scoring
