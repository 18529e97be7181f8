// The model: how evidence turns into a score. SPEC "Model" fixes names, defaults and limits.
#pragma once

#include "ipscore/core/age_set.hpp"
#include "ipscore/core/day.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::scoring {

/// What one tag does differently; what is left out takes the model's own value.
struct TagOverride {
    std::optional<int> lookback_days;
    std::optional<double> half_life_days;
    std::optional<double> half_saturation;
    friend bool operator==(const TagOverride&, const TagOverride&) = default;
};

/// What the flag `confident` asks for: all three.
struct Confident {
    double min_score = 60.0;
    std::uint64_t min_keys = 2;
    std::uint64_t min_days = 2;
    friend bool operator==(const Confident&, const Confident&) = default;
};

/// A model whose values have been checked against SPEC's limits (io::read_model does).
struct Model {
    Day as_of = 0;                        ///< the last day that counts
    int lookback_days = 90;               ///< 2 to 128
    std::optional<double> half_life_days; ///< nothing: no decay
    int recent_days = 7;                  ///< 1 to the shortest look-back less 1
    double half_saturation = 50.0;        ///< weighted hits that score 50
    double company_half_saturation = 500.0;
    double min_score = 0.0; ///< rows below are not written
    std::vector<std::string> exclude_types;
    Confident confident;
    std::map<std::string, TagOverride, std::less<>> tags;

    [[nodiscard]] Day first_day() const noexcept { return as_of - lookback_days + 1; }
    friend bool operator==(const Model&, const Model&) = default;
};

/// decay(age) = floor(65536 * 2^(-age / half_life) + 0.5) for ages 0 to 127, and 0 from the look-back on
/// (SPEC "Per (address, tag)"); 65536 without a half-life.
using DecayTable = std::array<std::uint32_t, lookback_days_max>;
[[nodiscard]] DecayTable decay_table(int lookback_days, std::optional<double> half_life_days);

/// A distinct pair of look-back and half-life among the tags: observations are folded once for each.
struct Profile {
    int lookback_days = 0;
    std::optional<double> half_life_days;
    DecayTable decay{};
};

/// What the kernel needs of one tag.
struct TagRule {
    std::uint32_t profile = 0;         ///< index into TagRules::profiles
    double saturation_raw = 0;         ///< k of SPEC's score, in units of raw
    double company_saturation_raw = 0; ///< the same for company rows
    double base_days = 0;              ///< L - R
};

/// The model resolved for a list of tags.
struct TagRules {
    std::vector<Profile> profiles;
    std::vector<TagRule> tags; ///< by tag id
    double recent_days = 0;    ///< R
    int recent_ages = 0;       ///< R as a whole number
    float min_score = 0;       ///< thresholds are rounded to f32 before a score is compared with them
    float confident_min_score = 0;
    std::uint64_t confident_min_keys = 0;
    std::uint64_t confident_min_days = 0;
    Day as_of = 0;
    int lookback_days = 0; ///< the longest look-back of any tag, and of the model

    TagRules() = default;
    /// `tag_names` by tag id.
    TagRules(const Model& model, const std::vector<std::string_view>& tag_names);
};

} // namespace ipscore::scoring
