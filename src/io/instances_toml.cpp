#include "ipscore/io/instances_toml.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "toml_reader.hpp"

#include <array>
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace ipscore::io {

namespace {

constexpr std::array<std::string_view, 6> file_names{"currency",           "dated",          "start_seconds",
                                                     "billed_seconds_min", "shared_storage", "instances"};
constexpr std::array<std::string_view, 3> storage_names{"capacity_gb", "mb_per_second", "price_per_month"};
constexpr std::array<std::string_view, 7> type_names{
    "cores",          "core_speed",         "memory_gib", "disk_gb", "disk_mb_per_second",
    "price_per_hour", "spot_price_per_hour"};
constexpr std::int64_t cores_max = 4096;

void at_least_0(const TomlReader& table, std::string_view name, double& field) {
    const auto value = table.decimal(name);
    if (!value) return;
    if (*value < 0) table.bad(name, "is below 0");
    field = *value;
}

double required_positive(const TomlReader& table, std::string_view name, std::string_view example) {
    const auto value = table.positive(name);
    if (!value) table.missing(name, fmt::format("is missing; write {} = {}", name, example));
    return *value;
}

InstanceType read_type(const TomlReader& table, std::string name) {
    table.allow_only(type_names);
    InstanceType type;
    type.name = std::move(name);
    const auto cores = table.whole("cores", 1, cores_max, "a whole number from 1 to 4096");
    if (!cores) table.missing("cores", "is missing; write cores = 16");
    type.cores = static_cast<int>(*cores);
    type.core_speed = table.positive("core_speed").value_or(1);
    type.memory_gib = required_positive(table, "memory_gib", "32");
    at_least_0(table, "disk_gb", type.disk_gb);
    at_least_0(table, "disk_mb_per_second", type.disk_mb_per_second);
    type.price_per_hour = required_positive(table, "price_per_hour", "0.58");
    type.spot_price_per_hour = table.positive("spot_price_per_hour");
    return type;
}

} // namespace

Instances read_instances(const std::filesystem::path& path) {
    const toml::table root = read_toml(path);
    const TomlReader table(root, path.string(), "");
    table.allow_only(file_names);
    Instances instances;
    if (const auto currency = table.text("currency")) instances.currency = *currency;
    instances.dated = table.day("dated");
    at_least_0(table, "start_seconds", instances.start_seconds);
    at_least_0(table, "billed_seconds_min", instances.billed_seconds_min);
    if (table.table("shared_storage") != nullptr) {
        const TomlReader storage = table.inner("shared_storage", "shared_storage.");
        storage.allow_only(storage_names);
        at_least_0(storage, "capacity_gb", instances.storage.capacity_gb);
        at_least_0(storage, "mb_per_second", instances.storage.mb_per_second);
        at_least_0(storage, "price_per_month", instances.storage.price_per_month);
    }
    const toml::table* types = table.table("instances");
    if (types == nullptr || types->empty())
        throw InputError(fmt::format(
            "{}: there are no instance types; write [instances.\"NAME\"] and what it has", path.string()));
    const TomlReader all(*types, path.string(), "instances.");
    for (const auto& [key, node] : *types) {
        const std::string name(key.str());
        if (name.empty()) throw InputError(path.string() + ": an instance type has an empty name");
        const std::string prefix = fmt::format("instances.{}.", quoted_for_message(name));
        instances.types.push_back(read_type(all.inner(name, prefix), name));
    }
    return instances;
}

} // namespace ipscore::io
