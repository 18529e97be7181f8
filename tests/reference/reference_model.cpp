#include "reference_model.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

namespace ipscore::reference {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("model: " + what); }

void refuse_unknown_names(const toml::table& table, const std::set<std::string>& known) {
    for (const auto& [name, value] : table) {
        if (!known.contains(std::string(name.str()))) fail("unknown name " + std::string(name.str()));
    }
}

/// A finite number, whole or with decimals.
std::optional<double> number(const toml::table& table, const std::string& name) {
    const toml::node* node = table.get(name);
    if (!node) return std::nullopt;
    double value = 0.0;
    if (node->is_integer()) {
        value = static_cast<double>(node->as_integer()->get());
    } else if (node->is_floating_point()) {
        value = node->as_floating_point()->get();
    } else {
        fail(name + " is not a number");
    }
    if (!std::isfinite(value)) fail(name + " is not finite");
    return value;
}

std::optional<double> positive_number(const toml::table& table, const std::string& name) {
    const auto value = number(table, name);
    if (value && !(*value > 0.0)) fail(name + " must be above 0");
    return value;
}

std::optional<std::int64_t> whole(const toml::table& table, const std::string& name, std::int64_t least,
                                  std::int64_t most) {
    const toml::node* node = table.get(name);
    if (!node) return std::nullopt;
    if (!node->is_integer()) fail(name + " is not a whole number");
    const std::int64_t value = node->as_integer()->get();
    if (value < least || value > most) fail(name + " is out of range");
    return value;
}

const toml::table& sub_table(const toml::table& table, const std::string& name) {
    static const toml::table empty;
    const toml::node* node = table.get(name);
    if (!node) return empty;
    if (!node->is_table()) fail(name + " is not a table");
    return *node->as_table();
}

Day read_as_of(const toml::table& root, const std::optional<std::string>& override_text) {
    std::optional<Day> day;
    if (const toml::node* node = root.get("as_of")) {
        if (!node->is_date()) fail("as_of is not a date");
        const toml::date date = node->as_date()->get();
        char text[32];
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", int{date.year}, int{date.month}, int{date.day});
        day = parse_date(text);
        if (!day) fail("as_of is out of range");
    }
    if (override_text) {
        day = parse_date(*override_text);
        if (!day) fail("as_of is not a date: " + *override_text);
    }
    if (!day) fail("as_of is missing");
    return *day;
}

TagRules read_rules(const toml::table& table, const TagRules& otherwise, int longest_lookback_days) {
    TagRules rules = otherwise;
    if (const auto value = whole(table, "lookback_days", 2, longest_lookback_days)) {
        rules.lookback_days = static_cast<int>(*value);
    }
    if (const auto value = positive_number(table, "half_life_days")) rules.half_life_days = *value;
    if (const auto value = positive_number(table, "half_saturation")) rules.half_saturation = *value;
    return rules;
}

} // namespace

Model read_model(const std::string& toml_text, const std::optional<std::string>& as_of) {
    const toml::table root = toml::parse(toml_text); // toml::parse_error is a std::runtime_error
    refuse_unknown_names(root,
                         {"as_of", "lookback_days", "half_life_days", "recent_days", "half_saturation",
                          "company_half_saturation", "min_score", "exclude_types", "confident", "tags"});
    Model model;
    model.as_of = read_as_of(root, as_of);
    model.rules = read_rules(root, TagRules{}, 128);
    if (const auto value = whole(root, "recent_days", 1, 127)) model.recent_days = static_cast<int>(*value);
    if (const auto value = positive_number(root, "company_half_saturation")) {
        model.company_half_saturation = *value;
    }
    if (const auto value = number(root, "min_score")) model.min_score = static_cast<float>(*value);

    if (const toml::node* types = root.get("exclude_types")) {
        if (!types->is_array()) fail("exclude_types is not an array");
        for (const toml::node& type : *types->as_array()) {
            if (!type.is_string()) fail("exclude_types holds something else than text");
            model.exclude_types.insert(type.as_string()->get());
        }
    }

    const toml::table& confident = sub_table(root, "confident");
    refuse_unknown_names(confident, {"min_score", "min_keys", "min_days"});
    constexpr auto any = std::numeric_limits<std::int64_t>::max();
    if (const auto value = number(confident, "min_score")) {
        model.confident_min_score = static_cast<float>(*value);
    }
    if (const auto value = whole(confident, "min_keys", 0, any)) {
        model.confident_min_keys = static_cast<std::uint64_t>(*value);
    }
    if (const auto value = whole(confident, "min_days", 0, any)) {
        model.confident_min_days = static_cast<std::uint64_t>(*value);
    }

    for (const auto& [name, node] : sub_table(root, "tags")) {
        const std::string tag(name.str());
        if (!node.is_table()) fail("tag " + tag + " is not a table");
        const toml::table& table = *node.as_table();
        refuse_unknown_names(table, {"lookback_days", "half_life_days", "half_saturation"});
        model.tags[tag] = read_rules(table, model.rules, model.rules.lookback_days);
    }

    if (model.recent_days >= model.rules.lookback_days) fail("recent_days reaches lookback_days");
    for (const auto& [tag, rules] : model.tags) {
        if (model.recent_days >= rules.lookback_days) fail("recent_days reaches lookback_days of " + tag);
    }
    return model;
}

} // namespace ipscore::reference
