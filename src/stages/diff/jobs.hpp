// What two outputs were made of.
#pragma once

#include "ipscore/stages/diff.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace ipscore::stages::diffing {

/// What differs between the job.json of two directories: inputs, values of the model, version. Nothing when
/// one of them has none that can be read.
[[nodiscard]] std::optional<std::vector<InputDifference>> compare_jobs(const std::filesystem::path& before,
                                                                       const std::filesystem::path& now);

} // namespace ipscore::stages::diffing
