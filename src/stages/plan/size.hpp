// How much it is that a plan is for.
#pragma once

#include "ipscore/stages/plan.hpp"
#include "measured_run.hpp"

#include <vector>

namespace ipscore::stages::planning {

/// The runs that a plan goes by.
struct Measurements {
    std::vector<MeasuredRun> prepare;
    std::vector<MeasuredRun> score;

    /// Throws as read_measured_run().
    explicit Measurements(const std::vector<std::filesystem::path>& paths);
    /// The largest of each, which tells most of larger ones; nullptr where there is none.
    [[nodiscard]] const MeasuredRun* largest_prepare() const;
    [[nodiscard]] const MeasuredRun* largest_score() const;
};

/// Reads the table or the store, whichever it is for. Throws InputError.
[[nodiscard]] PlanSize size_of(const PlanArgs& args, const Measurements& measured);

} // namespace ipscore::stages::planning
