#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::reference {

/// The text of every input file, and the day that the command line would give.
struct Inputs {
    std::vector<std::string> observations_csv;
    std::string classification_csv;
    std::string companies_csv;
    std::string model_toml;
    std::optional<std::string> as_of; ///< YYYY-MM-DD
};

/// The text that `ipscore export` writes for the same inputs.
struct Outputs {
    std::string scores_csv;
    std::string companies_csv;
    std::string observations_csv; ///< the days of the model's look-back, sorted by (address, key, day)
    std::uint64_t bad_rows = 0;   ///< of observations, over all files
};

/// Scores by the letter of SPEC.md, slowly and plainly: the program is checked against this, so nothing of
/// the program is used here. Throws std::runtime_error for whatever stops the run.
Outputs score(const Inputs& inputs);

} // namespace ipscore::reference
