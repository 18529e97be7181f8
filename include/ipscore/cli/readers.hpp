// How the value of an option becomes a field of Args. The field must outlive the reader.
#pragma once

#include "ipscore/cli/arguments.hpp"
#include "ipscore/core/address.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/stages/run_log.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::cli {

[[nodiscard]] Reader path_into(std::filesystem::path& field);
[[nodiscard]] Reader paths_into(std::vector<std::filesystem::path>& field);
[[nodiscard]] Reader text_into(std::string& field);
[[nodiscard]] Reader texts_into(std::vector<std::string>& field);

inline constexpr std::uint64_t unbounded = ~std::uint64_t{0};

/// A whole number, also as 100k, 8.4M or 1G.
[[nodiscard]] Reader quantity_into(std::uint64_t& field, std::uint64_t lowest, std::uint64_t highest);
[[nodiscard]] Reader quantity_into(std::uint32_t& field, std::uint32_t lowest, std::uint32_t highest);
[[nodiscard]] Reader quantity_into(int& field, int lowest, int highest);
[[nodiscard]] Reader quantity_into(std::optional<int>& field, int lowest, int highest);

/// A plain decimal from `lowest` to `highest`.
[[nodiscard]] Reader decimal_into(double& field, int lowest, int highest);
[[nodiscard]] Reader decimal_into(std::optional<double>& field, int lowest, int highest);

[[nodiscard]] Reader day_into(Day& field);
[[nodiscard]] Reader day_into(std::optional<Day>& field);

/// An address, which is held as a /128, or a network.
[[nodiscard]] Reader networks_into(std::vector<Network>& field);

/// `--memory`: a size such as 512MiB, above 0.
[[nodiscard]] Reader memory_into(std::uint64_t& field);
inline constexpr const char* memory_help = "memory that this process may take, such as 512MiB or 2GiB";
inline constexpr const char* memory_default = "3/4 of what the machine or cgroup has";
inline constexpr const char* rank_memory_help = "memory that each rank may take, such as 512MiB or 2GiB";
inline constexpr const char* rank_memory_default =
    "3/4 of what the machine or cgroup has, divided by the ranks on the node";

/// `--threads`, which all verbs have.
[[nodiscard]] Reader threads_into(int& field);
inline constexpr const char* threads_help = "threads to compute with, 1 to 1024";
inline constexpr const char* threads_default = "the cores that this process may use";
inline constexpr const char* rank_threads_help = "threads of each rank to compute with, 1 to 1024";
inline constexpr const char* rank_threads_default =
    "the cores that this process may use, divided by the ranks on its node";

/// `--log-format`, which all verbs have. log_format_of() has taken it from the words before they are read,
/// for what is wrong with them is told in that format.
[[nodiscard]] Reader log_format_reader();
[[nodiscard]] stages::LogFormat log_format_of(const Words& words);
inline constexpr const char* log_format_help = "how messages look: text, logfmt (key=value) or json";
inline constexpr const char* log_format_default = "text on a terminal, logfmt elsewhere";

inline constexpr const char* metrics_help = "file that tells of the run in the text format of Prometheus, "
                                            "rewritten every 2 s, such as for the textfile "
                                            "collector of node_exporter";
inline constexpr const char* metrics_default = "none";

} // namespace ipscore::cli
