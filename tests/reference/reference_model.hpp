#pragma once

#include "reference_text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ipscore::reference {

/// What can differ from tag to tag.
struct TagRules {
    int lookback_days = 90;
    std::optional<double> half_life_days; ///< none: no decay
    double half_saturation = 50.0;        ///< weighted hits
};

struct Model {
    Day as_of{};
    TagRules rules;
    int recent_days = 7;
    double company_half_saturation = 500.0;
    float min_score = 0.0F;
    std::set<std::string> exclude_types;
    float confident_min_score = 60.0F;
    std::uint64_t confident_min_keys = 2;
    std::uint64_t confident_min_days = 2;
    std::map<std::string, TagRules> tags;

    const TagRules& rules_of(const std::string& tag) const {
        const auto found = tags.find(tag);
        return found == tags.end() ? rules : found->second;
    }
};

/// Reads the TOML text; `as_of`, where given, overrides its day. Throws std::runtime_error.
Model read_model(const std::string& toml_text, const std::optional<std::string>& as_of);

} // namespace ipscore::reference
