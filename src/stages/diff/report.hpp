// How the reports of a diff call things, whatever form they have.
#pragma once

#include "ipscore/stages/diff.hpp"

#include <string>
#include <vector>

namespace ipscore::stages::diffing {

/// "changed", "only_old", "only_new", "equal".
[[nodiscard]] const char* outcome_name(comparing::Outcome outcome) noexcept;
/// "changed rows", "rows only in OLD", "rows only in NEW".
[[nodiscard]] const char* outcome_text(comparing::Outcome outcome) noexcept;

/// "the same: 10 800 000 rows" or "different: …", in one line.
[[nodiscard]] std::string verdict_text(const DiffReport& report);
/// The same of a series.
[[nodiscard]] std::string verdict_text(const std::vector<DiffDay>& days);
/// What one day of a series came to, behind its date.
[[nodiscard]] std::string day_text(const DiffDay& day);

/// "98.6 % of the changed rows have tag finance; 0.2 % of all others changed".
[[nodiscard]] std::string finding_text(const comparing::Finding& finding);

/// A size for people, in at most four digits: 0.0123, 1.2e-07, 345. The exact values are in the samples.
[[nodiscard]] std::string size_text(double size);
/// "abs 1e-06 or rel 0.0001"; empty for none.
[[nodiscard]] std::string tolerance_text(const comparing::Tolerance& tolerance);

/// A percentage with as many decimals as it takes to tell that it is not 0 or 100.
[[nodiscard]] std::string share_text(double share);

} // namespace ipscore::stages::diffing
