// A run.json of prepare or score, as a measurement.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ipscore::stages::planning {

struct MeasuredRun {
    std::filesystem::path path;
    std::string verb; ///< `prepare` or `score`
    std::map<std::string, double> phases_seconds;
    double nodes = 1; ///< hosts that ranks were on
    double ranks = 1;
    double threads = 1; ///< of all ranks
    double parts = 1;
    double rows_in = 0;      ///< observations read
    double rows_of_days = 0; ///< of these, those of the days that were asked for
    double rows_out = 0;
    double addresses = 0;
    double keys = 0;              ///< of the table's dictionary
    double bytes_written = 0;     ///< of the parts
    double peak_memory_bytes = 0; ///< of the rank that took the most

    // Of prepare.
    double inputs = 0;     ///< segments and so on that the parts were merged from
    double input_keys = 0; ///< of their dictionaries, added up

    // Of score.
    double tags = 0;
    double evidence_rows = 0; ///< of companies, of all parts
    double company_rows = 0;  ///< that it added up to

    [[nodiscard]] double seconds() const noexcept; ///< of all phases
    /// Observations of the table that it made, or read.
    [[nodiscard]] double rows_of_table() const noexcept { return verb == "prepare" ? rows_out : rows_in; }
};

/// `path`: the file, or the directory that has it. Throws InputError where it is no run.json of prepare or
/// score, or of a run whose seconds tell nothing.
[[nodiscard]] MeasuredRun read_measured_run(const std::filesystem::path& path);

} // namespace ipscore::stages::planning
