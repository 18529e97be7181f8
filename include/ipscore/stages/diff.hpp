// Verb `diff`: whether two results are the same, and if not, where they differ and what that has in common.
#pragma once

#include "ipscore/comparing/attribution.hpp"
#include "ipscore/comparing/column_differences.hpp"
#include "ipscore/comparing/difference.hpp"
#include "ipscore/comparing/differences.hpp"
#include "ipscore/comparing/samples.hpp"
#include "ipscore/comparing/schema.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// What is allowed of one column.
struct ColumnTolerance {
    std::string column;
    comparing::Tolerance tolerance;
};

struct DiffArgs {
    std::filesystem::path before; ///< scores, a table, packed scores or a packed table, or CSV; OLD
    std::filesystem::path now;    ///< the same in any form; NEW
    bool series = false;          ///< they are directories of such, whose names have dates
    bool companies = false;       ///< the company rows of scores
    std::vector<std::string> key; ///< columns that tell the rows of other CSV files apart; empty: by the kind
    std::vector<std::pair<std::string, std::string>> columns; ///< what a CSV file calls them: ours, theirs
    std::vector<std::string> ignore;                          ///< columns that are not compared
    std::vector<ColumnTolerance> tolerances;
    std::uint64_t samples = 10;     ///< of the first and of the worst rows of each kind of difference
    std::uint64_t memory_bytes = 0; ///< per rank; 0: default_memory_bytes()
    std::uint64_t sort_bytes = 0;   ///< of unsorted CSV, sorted in memory; 0: what the memory has left
    int threads = 0; ///< per rank; 0: the cores of this process, divided by the ranks on the node
};

/// What was compared.
struct DiffSide {
    std::filesystem::path path;
    std::string kind; ///< "scores", "packed scores", "company rows", "table", "packed table" or "CSV"
    std::uint64_t rows = 0;
    std::vector<std::string> columns_alone; ///< that the other side lacks, and nobody ignores
};

/// A column that both sides have.
struct DiffColumn {
    comparing::ValueColumn column;
    comparing::Tolerance tolerance;
    comparing::ColumnDifferences differences;
    comparing::Samples samples{0};

    /// Also where all of it is within the tolerance.
    [[nodiscard]] bool differs() const noexcept {
        return differences.rows > 0 || differences.rows_within_tolerance > 0;
    }
};

/// Something that two jobs were given, and that is not the same.
struct InputDifference {
    std::string name;
    std::string before; ///< empty: there was none
    std::string now;
};

struct DiffReport {
    DiffSide before;
    DiffSide now;
    std::vector<comparing::KeyColumn> key;
    std::vector<DiffColumn> columns;
    comparing::OutcomeCounts counts;
    comparing::DuplicateCounts duplicates;
    comparing::Samples only_old{0};
    comparing::Samples only_new{0};
    comparing::Samples duplicate_keys{0};
    std::vector<comparing::Finding> findings; ///< by outcome, the strongest first
    bool jobs_compared = false;               ///< both sides had their job.json
    std::vector<InputDifference> inputs;      ///< what differs between their jobs
    std::uint64_t parts_skipped = 0;          ///< whose checksums are equal, so that nobody decoded them
    double seconds = 0;

    /// No row differs by more than its tolerance, no key comes twice, and no side has a column of its own.
    [[nodiscard]] bool same() const noexcept;
    [[nodiscard]] std::uint64_t rows_before() const noexcept;
    [[nodiscard]] std::uint64_t rows_now() const noexcept;
};

/// Compares two results row by row, matched by their keys. All ranks must call. Returns the report on rank 0,
/// and an empty one elsewhere. Throws InputError for what cannot be compared; as score() does otherwise.
[[nodiscard]] DiffReport diff(mpi::World& world, const DiffArgs& args, StopFlag& stop, RunMonitor& monitor);

/// One day of a series.
struct DiffDay {
    std::string date;
    DiffReport report;   ///< where both sides have the day
    std::string missing; ///< the directory that lacks the day; empty: neither
    std::string failure; ///< why the two could not be compared; empty: they were

    [[nodiscard]] bool same() const noexcept { return missing.empty() && failure.empty() && report.same(); }
};

/// Pairs what lies in two directories by the dates in the names, and compares each pair; a pair that cannot
/// be compared does not keep others from it. Throws InputError when a directory has two of one date, or no
/// date at all, and what diff() throws besides InputError.
[[nodiscard]] std::vector<DiffDay> diff_series(mpi::World& world, const DiffArgs& args, StopFlag& stop,
                                               RunMonitor& monitor);

[[nodiscard]] nlohmann::ordered_json diff_json(const DiffReport& report);
[[nodiscard]] nlohmann::ordered_json diff_json(const std::vector<DiffDay>& days);
/// For people at a terminal.
[[nodiscard]] std::string diff_text(const DiffReport& report);
[[nodiscard]] std::string diff_text(const std::vector<DiffDay>& days);
/// One page for a browser, which needs nothing besides.
[[nodiscard]] std::string diff_html(const DiffReport& report);
[[nodiscard]] std::string diff_html(const std::vector<DiffDay>& days);

} // namespace ipscore::stages
