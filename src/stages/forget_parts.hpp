// Addresses taken out of finished tables and scores, part by part.
#pragma once

#include "ipscore/core/network_set.hpp"
#include "ipscore/core/stop.hpp"

#include <cstdint>
#include <filesystem>

namespace ipscore::stages {

struct ForgottenParts {
    std::uint64_t rewritten = 0;
    std::uint64_t addresses = 0; ///< that are there no more
};

/// Rewrites each part that has any of the addresses, and then the index, each whole before it has its name.
/// A directory whose rewriting was interrupted is no readable one until it is done again. Throws InputError
/// for what is no finished directory of that kind or is damaged, EnvironmentError when a job is at work there
/// or writing fails, Interrupted.
ForgottenParts forget_in_table(const std::filesystem::path& table, const NetworkSet& addresses,
                               const StopFlag& stop);
/// The same. Company evidence and company rows stay.
ForgottenParts forget_in_scores(const std::filesystem::path& scores, const NetworkSet& addresses,
                                const StopFlag& stop);

} // namespace ipscore::stages
