#include "inspect_models.hpp"

#include "ipscore/io/model_toml.hpp"

#include <algorithm>
#include <set>

namespace ipscore::stages::inspecting {

namespace {

/// Adds the rows and bytes that `file` has of the days of `figures`.
void add_file(DaysFigures& figures, const DatedBytes& file) {
    std::uint64_t rows = 0;
    for (const auto& [day, day_rows] : *file.rows_per_day) {
        if (std::ranges::binary_search(figures.days, day)) rows += day_rows;
    }
    figures.rows += rows;
    if (rows == 0) return;
    const long double share = static_cast<long double>(rows) / static_cast<long double>(file.rows);
    figures.bytes += static_cast<std::uint64_t>(static_cast<long double>(file.bytes) * share);
}

} // namespace

std::vector<scoring::Model> read_models(const InspectArgs& args) {
    std::vector<scoring::Model> models;
    for (const auto& path : args.models) models.push_back(io::read_model(path, args.as_of));
    return models;
}

ModelsFigures compare_days(const InspectArgs& args, const std::vector<scoring::Model>& models,
                           const std::vector<DatedBytes>& files) {
    io::RowsPerDay rows_per_day;
    for (const DatedBytes& file : files) {
        for (const auto& [day, rows] : *file.rows_per_day) rows_per_day[day] += rows;
    }
    ModelsFigures figures;
    std::set<Day> used;
    Day last_as_of = 0;
    for (std::size_t m = 0; m < models.size(); ++m) {
        const scoring::Model& model = models[m];
        ModelDays days{
            .path = args.models[m].string(), .as_of = model.as_of, .lookback_days = model.lookback_days};
        for (auto day = rows_per_day.lower_bound(model.first_day());
             day != rows_per_day.end() && day->first <= model.as_of; ++day) {
            ++days.days_with_rows;
            days.rows += day->second;
            used.insert(day->first);
        }
        last_as_of = std::max(last_as_of, model.as_of);
        figures.models.push_back(days);
    }
    for (const auto& [day, rows] : rows_per_day) {
        if (!used.contains(day)) (day > last_as_of ? figures.later : figures.unused).days.push_back(day);
    }
    for (const DatedBytes& file : files) {
        add_file(figures.unused, file);
        add_file(figures.later, file);
    }
    return figures;
}

} // namespace ipscore::stages::inspecting
