// Verb `inspect`: what lies on the disk, how large it is and why, and what it costs in memory to use it.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/table.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

struct InspectArgs {
    std::vector<std::filesystem::path> models; ///< whose look-backs are compared with the days that are kept
    std::optional<Day> as_of;                  ///< overrides that of all models
    std::size_t top = 10;                      ///< how many of the heaviest, at least 1
    bool quick = false;                        ///< reads no rows
    std::uint64_t memory_bytes = 0;            ///< 0: default_memory_bytes()
};

/// A column over all files that have it.
struct ColumnFigures {
    std::string name;
    std::string type;
    std::string filters;
    std::uint64_t files = 0;
    std::uint64_t values = 0;
    std::uint64_t chunks = 0;
    std::uint64_t stored_bytes = 0;
    std::uint64_t decoded_bytes = 0;
};

/// An address, key, tag or company with its rows, and their hits (saturating).
struct Heavy {
    std::string name;
    std::uint64_t rows = 0;
    std::uint64_t hits = 0;
};

/// The heaviest come first, equal ones in the order of addresses and of bytes.
struct Heaviest {
    std::vector<Heavy> by_rows;
    std::vector<Heavy> by_hits;
};

/// What takes reading all observations. Equal ones in several segments count in each; those that were pruned
/// do not count.
struct ObservationFigures {
    std::uint64_t addresses = 0;       ///< distinct
    std::optional<std::uint64_t> keys; ///< distinct, of all rows; nothing where there is no dictionary
    std::uint64_t hits = 0;            ///< saturating
    io::RowsPerDay rows_per_day;
    Heaviest heaviest_addresses;
    Heaviest heaviest_keys;
    std::uint64_t memory_bytes = 0; ///< that was set aside to count them
};

/// Segments that `compact` would merge into one; a single one of which much was pruned.
struct CompactableGroup {
    std::vector<std::string> segments; ///< ids
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

struct StoreFigures {
    io::Manifest manifest;
    std::vector<CompactableGroup> compactable;
    std::uint64_t unnamed_files = 0; ///< in segments/, but not in the manifest
    std::uint64_t unnamed_bytes = 0;
    std::uint64_t prepare_least_bytes = 0;     ///< --memory of a prepare without MPI that just does
    std::uint64_t prepare_one_merge_bytes = 0; ///< that needs no merges before the last one, on one thread
};

struct TableFigures {
    Day first_day = 0;
    Day last_day = 0;
    std::uint64_t parts = 0;
    std::optional<io::TableClassification> classification;
    std::uint64_t score_least_bytes =
        0; ///< --memory of a score without MPI, but for classification and companies
};

/// A job's output without its index.
struct UnfinishedFigures {
    std::uint64_t parts = 0; ///< that are whole
    std::uint64_t runs = 0;  ///< merged segments, on the way to a table
    std::uint64_t runs_bytes = 0;
    std::uint64_t temporary_files = 0; ///< being written, or left by a run that was killed
    std::uint64_t temporary_bytes = 0;
};

struct ScoresFigures {
    nlohmann::ordered_json model; ///< all values that were used
    std::uint64_t parts = 0;
    std::uint64_t tags = 0;
    std::uint64_t companies = 0;
    std::uint64_t company_rows = 0;
};

inline constexpr std::size_t score_bins = 10;

/// What takes reading all rows of scores.
struct ScoreRowFigures {
    std::uint64_t hits = 0; ///< saturating
    std::uint64_t confident_rows = 0;
    std::array<std::uint64_t, score_bins> rows_per_score{}; ///< from 0, 10, ... 90 on; 100 is in the last one
    std::uint64_t tags_without_rows = 0;
    Heaviest heaviest_addresses;
    Heaviest heaviest_tags;
    Heaviest heaviest_companies;
    std::uint64_t memory_bytes = 0; ///< that was set aside to count them
};

/// Which of the days that are there a model looks back on.
struct ModelDays {
    std::string path;
    Day as_of = 0;
    int lookback_days = 0;
    std::uint64_t days_with_rows = 0; ///< of the look-back
    std::uint64_t rows = 0;           ///< of these days
};

/// Days with rows, and what they take. Bytes go by the share of rows in their file.
struct DaysFigures {
    std::vector<Day> days;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

struct ModelsFigures {
    std::vector<ModelDays> models;
    DaysFigures unused; ///< no model looks back on them, and they are before the last as_of
    DaysFigures later;  ///< after the last as_of
};

/// What one path holds. What is not there, or was not read, is left out.
struct InspectReport {
    std::filesystem::path path;
    std::string kind; ///< store, table, scores, or what a single file says it is
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;            ///< of these files
    std::vector<ColumnFigures> columns; ///< the largest first
    std::optional<std::uint64_t> rows;
    std::optional<std::uint64_t> addresses; ///< distinct, where that is known without reading rows
    std::optional<std::uint64_t> keys;      ///< of the dictionary, or of all dictionaries added up
    std::optional<io::RowsPerDay> rows_per_day;
    std::optional<StoreFigures> store;
    std::optional<TableFigures> table;
    std::optional<UnfinishedFigures> unfinished;
    std::optional<ScoresFigures> scores;
    std::optional<ObservationFigures> observations;
    std::optional<ScoreRowFigures> score_rows;
    std::optional<ModelsFigures> models;
};

/// Reads a store, a table or scores (also unfinished ones), or one HDF5 file of ours, and changes nothing.
/// Throws InputError for what is none of these, is damaged, or takes more memory than there may be;
/// Interrupted when stopped.
[[nodiscard]] InspectReport inspect(const std::filesystem::path& path, const InspectArgs& args,
                                    const StopFlag& stop);

/// For people: tables.
[[nodiscard]] std::string inspect_text(const InspectReport& report);
[[nodiscard]] nlohmann::ordered_json inspect_json(const InspectReport& report);

} // namespace ipscore::stages
