#pragma once

#include "reference_text.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace ipscore::reference {

/// Wide enough that no sum of a test ever wraps, so that saturating is one comparison at the end.
__extension__ typedef unsigned __int128 Uint128;

/// The hits of each (address, key, day), not yet saturated.
using Observations = std::map<std::tuple<Address, std::string, Day>, Uint128>;

/// Key to tag to weight in millionths.
using Classification = std::map<std::string, std::map<std::string, std::uint32_t>>;

struct CompanyNetwork {
    Network network;
    std::string company;
    std::string type;
    std::uint32_t confidence_millionths = 0;
};

/// Adds the rows of one file to `observations` and returns how many were bad.
/// Throws std::runtime_error when the file cannot be used, or more rows are bad than the default allows.
std::uint64_t add_observations(const std::string& csv, Observations& observations);

/// Throws std::runtime_error for any bad row.
Classification read_classification(const std::string& csv);

/// Throws std::runtime_error for any bad row.
std::vector<CompanyNetwork> read_companies(const std::string& csv);

} // namespace ipscore::reference
