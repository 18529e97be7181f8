#include "ipscore/io/rows_per_day.hpp"

#include "ipscore/io/csv.hpp"

#include <stdexcept>

namespace ipscore::io {

nlohmann::ordered_json to_json(const RowsPerDay& days) {
    auto json = nlohmann::ordered_json::object();
    for (const auto& [day, rows] : days) json[date_text(day)] = rows;
    return json;
}

RowsPerDay rows_per_day_of(const nlohmann::ordered_json& json) {
    RowsPerDay days;
    for (const auto& [text, rows] : json.items()) {
        const ParsedDay day = parse_date(text);
        if (day.fault != DayFault::none)
            throw std::invalid_argument(quoted_for_message(text) + " is not a day");
        days[day.day] = rows.get<std::uint64_t>();
    }
    return days;
}

} // namespace ipscore::io
