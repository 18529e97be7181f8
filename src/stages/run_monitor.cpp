#include "ipscore/stages/run_monitor.hpp"

#include "ipscore/core/host.hpp"
#include "ipscore/core/memory.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/json_text.hpp"

#include <chrono>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace ipscore::stages {

namespace {

constexpr std::chrono::seconds write_interval{2};
constexpr bool durable = false; // who looks after a power failure sees what is there

RunState state_of(ExitCode code) {
    switch (code) {
    case ExitCode::done:
    case ExitCode::different:
        return RunState::done;
    case ExitCode::interrupted:
        return RunState::stopped;
    case ExitCode::bad_input:
    case ExitCode::environment:
        break;
    }
    return RunState::failed;
}

/// Of the whole job, as far as this rank can see it.
void write_metrics(const std::filesystem::path& file, const std::filesystem::path& directory,
                   const RankStatus& mine) {
    // Rank 0 tells of all. A rank that fails ends it before it could tell of that.
    if (mine.rank != 0 && mine.state != RunState::failed) return;
    JobStatus job{.directory = directory,
                  .state = static_cast<JobStatus::State>(mine.state), // which begin alike
                  .ranks = {mine},
                  .seen_at = mine.written_at};
    if (!directory.empty()) {
        for (JobStatus& there : read_status(directory)) {
            if (there.root().run == mine.run) job = std::move(there);
        }
    }
    if (mine.rank == 0 || job.root().host == mine.host) io::write_file(file, metrics_text(job), durable);
}

} // namespace

RunMonitor::RunMonitor(RunLog& log) : log_(log) {
    status_.verb = log.verb();
    status_.host = host_name();
    status_.pid = ::getpid();
    status_.began_at = unix_seconds();
    status_.phase = "start";
    status_.run = fmt::format("{}-{}-{:.3f}", status_.host, status_.pid, status_.began_at);
}

RunMonitor::~RunMonitor() {
    ended(ExitCode::done, "");
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void RunMonitor::set_rank(int rank, int ranks) {
    log_.set_rank(rank);
    const std::lock_guard lock(mutex_);
    status_.rank = rank;
    status_.ranks = ranks;
}

void RunMonitor::write_metrics_to(std::filesystem::path file) {
    const std::lock_guard lock(mutex_);
    metrics_ = std::move(file);
}

void RunMonitor::watch(mpi::World& world, const std::filesystem::path& directory) {
    std::string run;
    if (world.is_root()) {
        std::error_code ignored; // then the readers will ignore it: it is of another run
        std::filesystem::remove_all(directory / io::format::status_name, ignored);
        run = status_.run;
    }
    world.broadcast_text(run);
    {
        const std::lock_guard lock(mutex_);
        status_.run = run;
    }
    start_writing(directory);
}

void RunMonitor::watch_shared(const std::filesystem::path& directory) {
    {
        const std::lock_guard lock(mutex_);
        status_.shared = true;
    }
    try {
        for (const JobStatus& job : read_status(directory)) {
            if (job.state == JobStatus::State::running) continue;
            std::error_code ignored;
            std::filesystem::remove(directory / io::format::status_name / status_file_name(job.root()),
                                    ignored);
        }
    } catch (const InputError&) {
        // There is none yet.
    }
    start_writing(directory);
}

void RunMonitor::start_writing(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory / io::format::status_name, error);
    if (error) {
        warn_once(
            system_message("cannot make", (directory / io::format::status_name).string(), error.value()));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        directory_ = directory;
    }
    write_files();
    thread_ = std::thread([this] { keep_writing(); });
}

void RunMonitor::keep_writing() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, write_interval, [&] { return over_; })) {
        lock.unlock();
        write_files();
        lock.lock();
    }
}

void RunMonitor::begin_phase(const std::string& name) {
    phases_.begin(name);
    log_.set_phase(name);
    const std::lock_guard lock(mutex_);
    status_.phase = name;
}

std::string RunMonitor::phase() {
    const std::lock_guard lock(mutex_);
    return status_.phase;
}

void RunMonitor::end_phases() {
    phases_.end();
    log_.set_phase("end");
    const std::lock_guard lock(mutex_);
    status_.phase = "end";
}

WorkCounters& RunMonitor::begin_work(std::uint64_t total, std::uint64_t before, int threads,
                                     const std::string& unit) {
    counters_.reset();
    const std::lock_guard lock(mutex_);
    status_.threads = threads;
    status_.work = {.name = status_.phase,
                    .unit = unit,
                    .total = total,
                    .before = before,
                    .done = 0,
                    .rows = 0,
                    .began_at = unix_seconds(),
                    .ended_at = {}};
    return counters_;
}

void RunMonitor::end_work() {
    const std::lock_guard lock(mutex_);
    status_.work.ended_at = unix_seconds();
}

void RunMonitor::ended(ExitCode code, const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        if (status_.state != RunState::running) return;
        status_.state = state_of(code);
        status_.exit_code = code;
        status_.reason = reason;
    }
    write_files();
}

RankStatus RunMonitor::status_now() {
    const std::lock_guard lock(mutex_);
    RankStatus status = status_;
    status.written_at = unix_seconds();
    status.peak_memory_bytes = peak_memory_bytes();
    status.work.done = status.work.unit == "bytes" ? counters_.bytes : counters_.parts;
    status.work.rows = counters_.rows;
    return status;
}

void RunMonitor::write_files() {
    const std::lock_guard writing(writing_);
    const RankStatus status = status_now();
    std::filesystem::path directory;
    std::filesystem::path metrics;
    {
        const std::lock_guard lock(mutex_);
        directory = directory_;
        metrics = metrics_;
    }
    try {
        if (!directory.empty()) {
            io::write_file(directory / io::format::status_name / status_file_name(status),
                           io::json_text(to_json(status)), durable);
        }
        if (!metrics.empty()) write_metrics(metrics, directory, status);
    } catch (const Error& error) {
        warn_once(error.what());
    }
}

void RunMonitor::warn_once(const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(warned_, true)) return;
    }
    log_.warning(reason + "; the run goes on, but cannot be seen from outside");
}

} // namespace ipscore::stages
