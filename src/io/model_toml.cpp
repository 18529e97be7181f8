#include "ipscore/io/model_toml.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "toml_reader.hpp"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ipscore::io {

namespace {

constexpr std::array<std::string_view, 10> model_names{
    "as_of",     "lookback_days",           "half_life_days", "recent_days", "half_saturation",
    "min_score", "company_half_saturation", "exclude_types",  "confident",   "tags"};
constexpr std::array<std::string_view, 3> confident_names{"min_score", "min_keys", "min_days"};
constexpr std::array<std::string_view, 3> override_names{"lookback_days", "half_life_days",
                                                         "half_saturation"};
constexpr std::string_view lookback_range = "a whole number from 2 to 128";

std::optional<int> lookback(const TomlReader& table) {
    const auto days = table.whole("lookback_days", 2, lookback_days_max, lookback_range);
    if (!days) return std::nullopt;
    return static_cast<int>(*days);
}

scoring::Confident read_confident(const TomlReader& table) {
    table.allow_only(confident_names);
    constexpr std::int64_t count_max = 0xffff'ffff;
    constexpr std::string_view range = "a whole number from 0 to 4294967295";
    scoring::Confident confident;
    confident.min_score = table.decimal("min_score").value_or(confident.min_score);
    if (const auto keys = table.whole("min_keys", 0, count_max, range))
        confident.min_keys = static_cast<std::uint64_t>(*keys);
    if (const auto days = table.whole("min_days", 0, count_max, range))
        confident.min_days = static_cast<std::uint64_t>(*days);
    return confident;
}

scoring::TagOverride read_override(const TomlReader& table, const scoring::Model& model) {
    table.allow_only(override_names);
    scoring::TagOverride override;
    override.lookback_days = lookback(table);
    override.half_life_days = table.positive("half_life_days");
    override.half_saturation = table.positive("half_saturation");
    if (override.lookback_days && *override.lookback_days > model.lookback_days) {
        table.bad("lookback_days", fmt::format("is longer than the model's own {}", model.lookback_days));
    }
    if (override.lookback_days && *override.lookback_days <= model.recent_days) {
        table.bad("lookback_days", fmt::format("is not longer than recent_days, {}", model.recent_days));
    }
    return override;
}

} // namespace

scoring::Model read_model(const std::filesystem::path& path, std::optional<Day> as_of) {
    const toml::table root = read_toml(path);
    const TomlReader table(root, path.string(), "");
    table.allow_only(model_names);

    scoring::Model model;
    const std::optional<Day> own_as_of = table.day("as_of");
    if (!as_of && !own_as_of) {
        throw InputError(path.string() + ": as_of is missing; write as_of = YYYY-MM-DD or give --as-of");
    }
    model.as_of = as_of ? *as_of : *own_as_of;
    model.lookback_days = lookback(table).value_or(model.lookback_days);
    model.half_life_days = table.positive("half_life_days");
    const auto recent = table.whole("recent_days", 1, lookback_days_max - 1, "a whole number from 1 to 127");
    if (recent) model.recent_days = static_cast<int>(*recent);
    if (model.recent_days >= model.lookback_days) {
        // Whichever of the two the file gives: the defaults alone fit each other.
        if (recent) {
            table.bad("recent_days",
                      fmt::format("is not shorter than lookback_days, {}", model.lookback_days));
        }
        table.bad("lookback_days", fmt::format("is not longer than recent_days, {}", model.recent_days));
    }
    model.half_saturation = table.positive("half_saturation").value_or(model.half_saturation);
    model.company_half_saturation =
        table.positive("company_half_saturation").value_or(model.company_half_saturation);
    model.min_score = table.decimal("min_score").value_or(model.min_score);
    model.exclude_types = table.texts("exclude_types");
    if (const auto* confident = table.table("confident")) {
        model.confident = read_confident(TomlReader(*confident, path.string(), "confident."));
    }
    if (const auto* tags = table.table("tags")) {
        const TomlReader tags_reader(*tags, path.string(), "tags.");
        for (const auto& [name, node] : *tags) {
            const auto* tag = tags_reader.table(name.str());
            model.tags.emplace(
                std::string(name.str()),
                read_override(
                    TomlReader(*tag, path.string(), fmt::format("tags.{}.", quoted_for_message(name.str()))),
                    model));
        }
    }
    return model;
}

nlohmann::ordered_json model_json(const scoring::Model& model) {
    const auto optional = [](const auto& value) {
        return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
    };
    nlohmann::ordered_json tags = nlohmann::ordered_json::object();
    for (const auto& [name, override] : model.tags) {
        tags[name] = {{"lookback_days", optional(override.lookback_days)},
                      {"half_life_days", optional(override.half_life_days)},
                      {"half_saturation", optional(override.half_saturation)}};
    }
    return {{"as_of", date_text(model.as_of)},
            {"lookback_days", model.lookback_days},
            {"half_life_days", optional(model.half_life_days)},
            {"recent_days", model.recent_days},
            {"half_saturation", model.half_saturation},
            {"company_half_saturation", model.company_half_saturation},
            {"min_score", model.min_score},
            {"exclude_types", model.exclude_types},
            {"confident",
             {{"min_score", model.confident.min_score},
              {"min_keys", model.confident.min_keys},
              {"min_days", model.confident.min_days}}},
            {"tags", tags}};
}

scoring::Model model_of_json(const nlohmann::ordered_json& json) {
    const auto decimal = [](const nlohmann::ordered_json& value) {
        return value.is_null() ? std::optional<double>() : std::optional<double>(value.get<double>());
    };
    scoring::Model model;
    model.as_of = parse_date(json.at("as_of").get<std::string>()).day;
    model.lookback_days = json.at("lookback_days");
    model.half_life_days = decimal(json.at("half_life_days"));
    model.recent_days = json.at("recent_days");
    model.half_saturation = json.at("half_saturation");
    model.company_half_saturation = json.at("company_half_saturation");
    model.min_score = json.at("min_score");
    model.exclude_types = json.at("exclude_types");
    model.confident = {json.at("confident").at("min_score"), json.at("confident").at("min_keys"),
                       json.at("confident").at("min_days")};
    for (const auto& [name, value] : json.at("tags").items()) {
        scoring::TagOverride override;
        if (!value.at("lookback_days").is_null())
            override.lookback_days = value.at("lookback_days").get<int>();
        override.half_life_days = decimal(value.at("half_life_days"));
        override.half_saturation = decimal(value.at("half_saturation"));
        model.tags.emplace(name, override);
    }
    return model;
}

} // namespace ipscore::io
