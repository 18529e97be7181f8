// Rows per (company, tag), from the evidence of all parts.
#pragma once

#include "ipscore/scoring/model.hpp"
#include "ipscore/scoring/scorer.hpp"

namespace ipscore::scoring {

/// Values as in SPEC "Per (company, tag)".
struct CompanyRow {
    std::uint32_t company = 0;
    std::uint32_t tag = 0;
    float score = 0;
    float surge = 0;
    std::uint64_t addresses = 0;
    std::uint64_t hits = 0;
    std::uint8_t days = 0;
    std::uint64_t raw = 0;
};

/// The row that a company's evidence of all parts stands for.
[[nodiscard]] CompanyRow company_row(const CompanyEvidence& evidence, const TagRules& rules) noexcept;

} // namespace ipscore::scoring
