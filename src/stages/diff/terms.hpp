// What of two sides is compared.
#pragma once

#include "ipscore/comparing/differences.hpp"
#include "side.hpp"

namespace ipscore::stages::diffing {

/// The columns that both sides have, with their tolerances; what one side has alone goes into the report.
/// Throws InputError when the rows of the two are of different kinds, and for an option that names a column
/// that there is not.
[[nodiscard]] comparing::Terms agree_on_terms(const Side& before, const Side& now, const DiffArgs& args,
                                              const comparing::NameTable& names, DiffReport& report);

} // namespace ipscore::stages::diffing
