// The days that models look back on, against the days that there are.
#pragma once

#include "ipscore/scoring/model.hpp"
#include "ipscore/stages/inspect.hpp"

#include <cstdint>
#include <vector>

namespace ipscore::stages::inspecting {

/// Throws InputError.
[[nodiscard]] std::vector<scoring::Model> read_models(const InspectArgs& args);

/// A file, or many, with the rows of its days.
struct DatedBytes {
    const io::RowsPerDay* rows_per_day = nullptr;
    std::uint64_t rows = 0; ///< with those that were pruned
    std::uint64_t bytes = 0;
};

/// `models` as read_models() gives them for `args`.
[[nodiscard]] ModelsFigures compare_days(const InspectArgs& args, const std::vector<scoring::Model>& models,
                                         const std::vector<DatedBytes>& files);

} // namespace ipscore::stages::inspecting
