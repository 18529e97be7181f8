#include "ipscore/scoring/company_scores.hpp"

#include "ipscore/scoring/formula.hpp"

namespace ipscore::scoring {

CompanyRow company_row(const CompanyEvidence& evidence, const TagRules& rules) noexcept {
    const TagRule& rule = rules.tags[evidence.tag];
    return {.company = evidence.company,
            .tag = evidence.tag,
            .score = score_of(evidence.raw, rule.company_saturation_raw),
            .surge = surge_of(evidence.recent, evidence.base, rules.recent_days, rule.base_days),
            .addresses = evidence.addresses,
            .hits = evidence.hits,
            .days = static_cast<std::uint8_t>(evidence.days.size()),
            .raw = evidence.raw};
}

} // namespace ipscore::scoring
