// How far a job is and how it ended, told by the files that its ranks keep in <directory>/status: for whoever
// sees the directory, on this machine or another.
#pragma once

#include "ipscore/core/error.hpp"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

enum class RunState { running, done, failed, stopped };

/// Something of many units that the ranks share.
struct WorkStatus {
    std::string name;         ///< of the phase: score, merge, verify...; empty: there was none yet
    std::string unit;         ///< parts, merges or bytes
    std::uint64_t total = 0;  ///< of all ranks; 0: nobody knows
    std::uint64_t before = 0; ///< of these, done by earlier runs
    std::uint64_t done = 0;   ///< by this rank
    std::uint64_t rows = 0;   ///< by this rank
    double began_at = 0;
    std::optional<double> ended_at;
};

/// What one rank says of itself. Times are seconds since 1970, of the clock of its machine.
struct RankStatus {
    std::string run; ///< which run of the job: the files of an earlier one are not of this one
    std::string verb;
    bool shared = false; ///< others may be at work in the directory, and no lock says that this one lives
    int rank = 0;
    int ranks = 1;
    std::string host;
    std::int64_t pid = 0;
    int threads = 0;
    double began_at = 0;
    double written_at = 0; ///< the last sign of life
    RunState state = RunState::running;
    std::string phase;
    WorkStatus work;
    std::uint64_t peak_memory_bytes = 0;
    ExitCode exit_code = ExitCode::done; ///< when it is not running
    std::string reason;                  ///< why it failed or was stopped
};

[[nodiscard]] nlohmann::ordered_json to_json(const RankStatus& status);
/// "rank-00003.json"; one that shares its directory has the name of its process.
[[nodiscard]] std::string status_file_name(const RankStatus& status);

/// A running or ended job.
struct JobStatus {
    enum class State { running, done, failed, stopped, dead };

    std::filesystem::path directory;
    State state = State::dead;
    std::vector<RankStatus> ranks; ///< those that were heard of, in order; never empty
    double seen_at = 0;            ///< when it was looked at

    [[nodiscard]] const RankStatus& root() const { return ranks.front(); }
    /// Until now, or until the last sign of life.
    [[nodiscard]] double seconds() const;
    /// Of the work at hand, over all ranks, with what was done before.
    [[nodiscard]] std::uint64_t units_done() const;
    [[nodiscard]] std::uint64_t rows_done() const;
    [[nodiscard]] double work_seconds() const;
    [[nodiscard]] double units_per_second() const;
    [[nodiscard]] double rows_per_second() const;
    /// Nothing where there is no telling: at the very beginning, or behind the end.
    [[nodiscard]] std::optional<double> seconds_left() const;
    /// The rank with the fewest rows of the work at hand; nullptr when there are fewer than two.
    [[nodiscard]] const RankStatus* slowest_rank() const;
    /// The first rank that failed, or was stopped, or gave the last sign of life.
    [[nodiscard]] const RankStatus& last_word() const;
    /// Why it ended, in a sentence; empty while it runs and when it is done.
    [[nodiscard]] std::string reason() const;
    [[nodiscard]] ExitCode exit_code() const { return last_word().exit_code; }
};

[[nodiscard]] const char* name_of(JobStatus::State state);

/// A rank that was not heard of for so long is not well.
inline constexpr double silent_after_seconds = 30;

/// The jobs of a directory: the one of an output, or those of a store, newest first. Throws InputError
/// when the directory holds no status.
[[nodiscard]] std::vector<JobStatus> read_status(const std::filesystem::path& directory);

/// For people: some lines.
[[nodiscard]] std::string status_text(const JobStatus& job);
[[nodiscard]] nlohmann::ordered_json status_json(const JobStatus& job);
/// Prometheus text format, version 0.0.4.
[[nodiscard]] std::string metrics_text(const JobStatus& job);

/// Seconds since 1970.
[[nodiscard]] double unix_seconds();

} // namespace ipscore::stages
