// The file of instance types (TOML) that `plan` goes through: what a node has, and what it costs.
#pragma once

#include "ipscore/core/day.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::io {

struct InstanceType {
    std::string name;
    int cores = 0;         ///< that a job can use
    double core_speed = 1; ///< of one core, as a multiple of those that the runs were measured on
    double memory_gib = 0;
    double disk_gb = 0;            ///< of its own; 0: too little for data
    double disk_mb_per_second = 0; ///< that it reads and writes; 0: no limit is known
    double price_per_hour = 0;
    std::optional<double> spot_price_per_hour; ///< not set: there is none
};

/// The file system that all nodes see.
struct SharedStorage {
    double capacity_gb = 0;     ///< 0: no limit is known
    double mb_per_second = 0;   ///< that all nodes together read and write; 0: no limit is known
    double price_per_month = 0; ///< of all of it, whatever runs
};

struct Instances {
    std::string currency = "USD";
    std::optional<Day> dated;      ///< the day of the prices
    double start_seconds = 0;      ///< of a node that is paid for before the job begins
    double billed_seconds_min = 0; ///< of each node
    SharedStorage storage;
    std::vector<InstanceType> types; ///< by name; at least one
};

/// Throws InputError that names file, line, column and value: of an unknown name, a wrong type, a value that
/// cannot be.
[[nodiscard]] Instances read_instances(const std::filesystem::path& path);

} // namespace ipscore::io
