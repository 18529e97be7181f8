#include "ipscore/comparing/schema.hpp"

#include <algorithm>

namespace ipscore::comparing {

bool is_measured(ValueKind kind) noexcept { return kind != ValueKind::flag && kind != ValueKind::name; }

std::optional<std::size_t> Schema::find_key(std::string_view name) const noexcept {
    const auto found = std::ranges::find(key, name, &KeyColumn::name);
    if (found == key.end()) return std::nullopt;
    return static_cast<std::size_t>(found - key.begin());
}

std::optional<std::size_t> Schema::find_value(std::string_view name) const noexcept {
    const auto found = std::ranges::find(values, name, &ValueColumn::name);
    if (found == values.end()) return std::nullopt;
    return static_cast<std::size_t>(found - values.begin());
}

std::size_t Schema::key_names() const noexcept {
    return static_cast<std::size_t>(std::ranges::count(key, KeyKind::name, &KeyColumn::kind));
}

const Schema& scores_schema() {
    static const Schema schema{{{"ip", KeyKind::address}, {"tag", KeyKind::name}},
                               {{"company", ValueKind::name},
                                {"score", ValueKind::number},
                                {"surge", ValueKind::number},
                                {"confident", ValueKind::flag},
                                {"hits", ValueKind::count},
                                {"keys", ValueKind::count},
                                {"days", ValueKind::count},
                                {"first_day", ValueKind::day},
                                {"last_day", ValueKind::day},
                                {"raw", ValueKind::count}}};
    return schema;
}

const Schema& company_rows_schema() {
    static const Schema schema{{{"company", KeyKind::name}, {"tag", KeyKind::name}},
                               {{"score", ValueKind::number},
                                {"surge", ValueKind::number},
                                {"addresses", ValueKind::count},
                                {"hits", ValueKind::count},
                                {"days", ValueKind::count},
                                {"raw", ValueKind::count}}};
    return schema;
}

const Schema& table_schema() {
    static const Schema schema{{{"ip", KeyKind::address}, {"key", KeyKind::text}, {"day", KeyKind::day}},
                               {{"hits", ValueKind::count}}};
    return schema;
}

} // namespace ipscore::comparing
