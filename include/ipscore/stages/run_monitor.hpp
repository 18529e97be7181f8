// Shows a run from outside while it goes on: its phases, what is done and why it ends, in its log, in the
// files of job_status.hpp and as metrics.
#pragma once

#include "ipscore/core/error.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/job_status.hpp"
#include "ipscore/stages/run_log.hpp"
#include "ipscore/stages/summary.hpp"
#include "ipscore/stages/work_counters.hpp"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace ipscore::stages {

/// One a process and run. What it cannot write it warns of, once; the run goes on.
class RunMonitor {
public:
    /// `log` must live longer.
    explicit RunMonitor(RunLog& log);
    RunMonitor(const RunMonitor&) = delete;
    RunMonitor& operator=(const RunMonitor&) = delete;
    /// A run that nothing was said of has ended well.
    ~RunMonitor();

    void set_rank(int rank, int ranks);
    /// Rank 0 keeps this file up to date from the time on when the files of the status are, and writes it in
    /// any case when the run ends. Empty: none.
    void write_metrics_to(std::filesystem::path file);

    /// From now on a thread writes this rank's file in `directory`/status every 2 s. The directory is locked
    /// for this job: what an earlier run left there goes. All ranks must call.
    void watch(mpi::World& world, const std::filesystem::path& directory);
    /// The same for a run without ranks in a directory that others share: only what has ended goes.
    void watch_shared(const std::filesystem::path& directory);

    void begin_phase(const std::string& name);
    [[nodiscard]] std::string phase();
    /// No phase follows.
    void end_phases();
    [[nodiscard]] const Phases& phases() const noexcept { return phases_; }

    /// Work of `total` units on all ranks (0: nobody knows), `before` of which need not be done again, begins
    /// on this rank. Returns the counters for it, of which `unit` names one.
    WorkCounters& begin_work(std::uint64_t total, std::uint64_t before, int threads,
                             const std::string& unit = "parts");
    void end_work();

    /// Why the run ends; for any thread, and only the first call counts. With ExitCode::done it ended well.
    void ended(ExitCode code, const std::string& reason);

    [[nodiscard]] RunLog& log() noexcept { return log_; }

private:
    void start_writing(const std::filesystem::path& directory);
    void keep_writing();
    [[nodiscard]] RankStatus status_now();
    void write_files();
    void warn_once(const std::string& reason);

    RunLog& log_;
    Phases phases_;
    WorkCounters counters_;
    std::mutex mutex_; // of all below
    RankStatus status_;
    std::filesystem::path directory_; ///< empty: there are no files yet
    std::filesystem::path metrics_;
    bool warned_ = false;
    std::condition_variable wake_;
    bool over_ = false;
    std::mutex writing_; // one writer at a time
    std::thread thread_;
};

} // namespace ipscore::stages
