// How many rows there are of each day, as manifests, indexes and reports have it.
#pragma once

#include "ipscore/core/day.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

namespace ipscore::io {

using RowsPerDay = std::map<Day, std::uint64_t>;

/// An object with the rows by `YYYY-MM-DD`.
[[nodiscard]] nlohmann::ordered_json to_json(const RowsPerDay& days);
/// Throws nlohmann::json::exception, and std::invalid_argument for what is no day.
[[nodiscard]] RowsPerDay rows_per_day_of(const nlohmann::ordered_json& json);

} // namespace ipscore::io
