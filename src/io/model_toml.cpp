#include "ipscore/io/model_toml.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/byte_source.hpp"
#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <toml++/toml.h>

namespace ipscore::io {

namespace {

/// Reads values out of one table of the file; every fault names file, line, column and value.
class TableReader {
public:
    TableReader(const toml::table& table, std::string path, std::string prefix)
        : table_(&table), path_(std::move(path)), prefix_(std::move(prefix)) {}

    void allow_only(std::span<const std::string_view> names) const {
        for (const auto& [name, value] : *table_) {
            if (std::ranges::find(names, name.str()) == names.end()) {
                fail(name.source(),
                     fmt::format("unknown name {}{}", prefix_, quoted_for_message(name.str())));
            }
        }
    }

    [[nodiscard]] std::optional<double> decimal(std::string_view name) const {
        const toml::node* node = table_->get(name);
        if (node == nullptr) return std::nullopt;
        double value = 0;
        if (const auto* whole = node->as_integer()) {
            value = static_cast<double>(whole->get());
        } else if (const auto* floating = node->as_floating_point()) {
            value = floating->get();
        } else {
            bad(*node, name, "is not a number");
        }
        if (!std::isfinite(value)) bad(*node, name, "is not a finite number");
        return value;
    }
    [[nodiscard]] std::optional<double> positive(std::string_view name) const {
        const auto value = decimal(name);
        if (value && !(*value > 0)) bad(*table_->get(name), name, "is not above 0");
        return value;
    }
    [[nodiscard]] std::optional<std::int64_t> whole(std::string_view name, std::int64_t low,
                                                    std::int64_t high, std::string_view range) const {
        const toml::node* node = table_->get(name);
        if (node == nullptr) return std::nullopt;
        if (!node->is_integer()) bad(*node, name, "is not a whole number");
        const std::int64_t value = **node->as_integer();
        if (value < low || value > high) bad(*node, name, fmt::format("is not {}", range));
        return value;
    }
    [[nodiscard]] std::optional<Day> day(std::string_view name) const {
        const toml::node* node = table_->get(name);
        if (node == nullptr) return std::nullopt;
        if (!node->is_date()) bad(*node, name, "is not a date such as 2026-11-22 (without quotes)");
        const toml::date date = **node->as_date();
        const ParsedDay parsed =
            parse_date(fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day));
        if (parsed.fault != DayFault::none) bad(*node, name, "is not between 2000-01-01 and 2099-12-31");
        return parsed.day;
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const {
        std::vector<std::string> values;
        const toml::node* node = table_->get(name);
        if (node == nullptr) return values;
        if (!node->is_array()) bad(*node, name, "is not a list of texts");
        for (const toml::node& entry : *node->as_array()) {
            if (!entry.is_string()) bad(entry, name, "is not a text");
            values.push_back(**entry.as_string());
        }
        return values;
    }
    [[nodiscard]] const toml::table* table(std::string_view name) const {
        const toml::node* node = table_->get(name);
        if (node == nullptr) return nullptr;
        if (!node->is_table()) bad(*node, name, "is not a table");
        return node->as_table();
    }
    [[noreturn]] void bad(std::string_view name, std::string_view reason) const {
        bad(*table_->get(name), name, reason);
    }

private:
    [[noreturn]] void fail(const toml::source_region& where, std::string_view reason) const {
        throw InputError(fmt::format("{}:{}:{}: {}", path_, where.begin.line, where.begin.column, reason));
    }
    [[noreturn]] void bad(const toml::node& node, std::string_view name, std::string_view reason) const {
        std::ostringstream value;
        node.visit([&](const auto& entry) { value << entry; });
        std::string text = value.str();
        std::ranges::replace(text, '\n', ' ');
        fail(node.source(), fmt::format("{}{}: {} {}", prefix_, name, text, reason));
    }

    const toml::table* table_;
    std::string path_;
    std::string prefix_;
};

constexpr std::array<std::string_view, 10> model_names{
    "as_of",     "lookback_days",           "half_life_days", "recent_days", "half_saturation",
    "min_score", "company_half_saturation", "exclude_types",  "confident",   "tags"};
constexpr std::array<std::string_view, 3> confident_names{"min_score", "min_keys", "min_days"};
constexpr std::array<std::string_view, 3> override_names{"lookback_days", "half_life_days",
                                                         "half_saturation"};
constexpr std::string_view lookback_range = "a whole number from 2 to 128";

std::optional<int> lookback(const TableReader& table) {
    const auto days = table.whole("lookback_days", 2, lookback_days_max, lookback_range);
    if (!days) return std::nullopt;
    return static_cast<int>(*days);
}

scoring::Confident read_confident(const TableReader& table) {
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

scoring::TagOverride read_override(const TableReader& table, const scoring::Model& model) {
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

std::string read_text(const std::filesystem::path& path) {
    ByteSource source(path);
    constexpr std::size_t piece_bytes = 1U << 16U;
    std::string text;
    std::size_t bytes = 0;
    do {
        const std::size_t before = text.size();
        text.resize(before + piece_bytes);
        bytes = source.read(std::span(text).subspan(before));
        text.resize(before + bytes);
    } while (bytes == piece_bytes);
    return text;
}

toml::table parse(const std::filesystem::path& path, const std::string& text) {
    try {
        return toml::parse(text, path.string());
    } catch (const toml::parse_error& error) {
        throw InputError(fmt::format("{}:{}:{}: {}", path.string(), error.source().begin.line,
                                     error.source().begin.column, error.description()));
    }
}

} // namespace

scoring::Model read_model(const std::filesystem::path& path, std::optional<Day> as_of) {
    const toml::table root = parse(path, read_text(path));
    const TableReader table(root, path.string(), "");
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
        model.confident = read_confident(TableReader(*confident, path.string(), "confident."));
    }
    if (const auto* tags = table.table("tags")) {
        const TableReader tags_reader(*tags, path.string(), "tags.");
        for (const auto& [name, node] : *tags) {
            const auto* tag = tags_reader.table(name.str());
            model.tags.emplace(
                std::string(name.str()),
                read_override(
                    TableReader(*tag, path.string(), fmt::format("tags.{}.", quoted_for_message(name.str()))),
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
