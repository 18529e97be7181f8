#include "ipscore/stages/job_status.hpp"

#include "ipscore/core/host.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/output_directory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <utility>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* status_format = "ipscore status";
constexpr std::array run_state_names{"running", "done", "failed", "stopped"};

RunState state_named(const std::string& name) {
    const auto found = std::ranges::find(run_state_names, name);
    return found == run_state_names.end() ? RunState::failed
                                          : static_cast<RunState>(found - run_state_names.begin());
}

Json json_of(const WorkStatus& work) {
    return {{"name", work.name},         {"unit", work.unit},
            {"total", work.total},       {"before", work.before},
            {"done", work.done},         {"rows", work.rows},
            {"began_at", work.began_at}, {"ended_at", work.ended_at ? Json(*work.ended_at) : Json()}};
}

/// Throws Json::exception.
RankStatus from_json(const Json& json) {
    RankStatus status;
    status.run = json.at("run");
    status.verb = json.at("verb");
    status.shared = json.at("shared");
    status.rank = json.at("rank");
    status.ranks = json.at("ranks");
    status.host = json.at("host");
    status.pid = json.at("pid");
    status.threads = json.at("threads");
    status.began_at = json.at("began_at");
    status.written_at = json.at("written_at");
    status.state = state_named(json.at("state"));
    status.phase = json.at("phase");
    const Json& work = json.at("work");
    status.work.name = work.at("name");
    status.work.unit = work.at("unit");
    status.work.total = work.at("total");
    status.work.before = work.at("before");
    status.work.done = work.at("done");
    status.work.rows = work.at("rows");
    status.work.began_at = work.at("began_at");
    if (!work.at("ended_at").is_null()) status.work.ended_at = work.at("ended_at").get<double>();
    status.peak_memory_bytes = json.at("peak_memory_bytes");
    status.exit_code = static_cast<ExitCode>(json.at("exit_code").get<int>());
    status.reason = json.at("reason");
    return status;
}

/// All that can be read: a file may go while we look.
std::vector<RankStatus> read_ranks(const std::filesystem::path& directory) {
    std::vector<RankStatus> ranks;
    std::error_code error;
    std::filesystem::directory_iterator entries(directory / io::format::status_name, error);
    if (error) {
        throw InputError(
            fmt::format("{}: holds no status of a job; give the --output of prepare or score, or "
                        "the --store of ingest",
                        directory.string()));
    }
    for (const auto& entry : entries) {
        if (entry.path().extension() != ".json" || io::is_temporary_name(entry.path())) continue;
        try {
            const Json json = Json::parse(io::read_file(entry.path()));
            if (json.at("format") == status_format) ranks.push_back(from_json(json));
        } catch (const InputError&) {
            continue;
        } catch (const Json::exception&) {
            continue;
        }
    }
    return ranks;
}

/// Of a process that tells of itself alone: no lock says that it lives.
bool is_alive(const RankStatus& status, double now) {
    if (status.host == host_name()) return ::kill(static_cast<pid_t>(status.pid), 0) == 0 || errno == EPERM;
    return now - status.written_at < silent_after_seconds;
}

JobStatus::State state_of(const JobStatus& job, bool alive) {
    const auto any = [&](RunState state) {
        return std::ranges::any_of(job.ranks, [&](const RankStatus& rank) { return rank.state == state; });
    };
    if (any(RunState::failed)) return JobStatus::State::failed;
    if (any(RunState::stopped)) return JobStatus::State::stopped;
    if (job.root().state == RunState::done) return JobStatus::State::done;
    return alive ? JobStatus::State::running : JobStatus::State::dead;
}

std::vector<JobStatus> jobs_of_store(const std::filesystem::path& directory, std::vector<RankStatus> runs,
                                     double now) {
    std::ranges::sort(runs, [](const auto& a, const auto& b) { return a.began_at > b.began_at; });
    std::vector<JobStatus> jobs;
    for (RankStatus& run : runs) {
        JobStatus job{.directory = directory, .state = {}, .ranks = {std::move(run)}, .seen_at = now};
        job.state = state_of(job, is_alive(job.root(), now));
        jobs.push_back(std::move(job));
    }
    return jobs;
}

} // namespace

double unix_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json to_json(const RankStatus& status) {
    return {{"format", status_format},
            {"format_version", 1},
            {"run", status.run},
            {"verb", status.verb},
            {"shared", status.shared},
            {"rank", status.rank},
            {"ranks", status.ranks},
            {"host", status.host},
            {"pid", status.pid},
            {"threads", status.threads},
            {"began_at", status.began_at},
            {"written_at", status.written_at},
            {"state", run_state_names.at(static_cast<std::size_t>(status.state))},
            {"phase", status.phase},
            {"work", json_of(status.work)},
            {"peak_memory_bytes", status.peak_memory_bytes},
            {"exit_code", static_cast<int>(status.exit_code)},
            {"reason", status.reason}};
}

std::string status_file_name(const RankStatus& status) {
    if (status.shared) return fmt::format("{}-{}-{}.json", status.verb, status.host, status.pid);
    return fmt::format("rank-{:05}.json", status.rank);
}

const char* name_of(JobStatus::State state) {
    constexpr std::array names{"running", "done", "failed", "stopped", "dead"};
    return names.at(static_cast<std::size_t>(state));
}

std::vector<JobStatus> read_status(const std::filesystem::path& directory) {
    std::vector<RankStatus> ranks = read_ranks(directory);
    const double now = unix_seconds();
    if (std::ranges::any_of(ranks, &RankStatus::shared))
        return jobs_of_store(directory, std::move(ranks), now);
    std::ranges::sort(ranks, {}, &RankStatus::rank);
    if (ranks.empty() || ranks.front().rank != 0) {
        throw InputError(
            fmt::format("{}: holds no status of a job yet; look again in a moment", directory.string()));
    }
    // A rank of an earlier run may have had the last word after the next one began.
    const std::string run = ranks.front().run;
    std::erase_if(ranks, [&](const RankStatus& rank) { return rank.run != run; });
    JobStatus job{.directory = directory, .state = {}, .ranks = std::move(ranks), .seen_at = now};
    job.state = state_of(job, io::is_locked(directory));
    return {job};
}

double JobStatus::seconds() const {
    return (state == State::running ? seen_at : last_word().written_at) - root().began_at;
}

std::uint64_t JobStatus::units_done() const {
    std::uint64_t done = root().work.before;
    for (const RankStatus& rank : ranks) done += rank.work.name == root().work.name ? rank.work.done : 0;
    return done;
}

std::uint64_t JobStatus::rows_done() const {
    std::uint64_t rows = 0;
    for (const RankStatus& rank : ranks) rows += rank.work.name == root().work.name ? rank.work.rows : 0;
    return rows;
}

double JobStatus::work_seconds() const {
    // Until the counters were read last: a rank says every 2 s how far it is.
    return std::max(0.0, root().work.ended_at.value_or(root().written_at) - root().work.began_at);
}

double JobStatus::units_per_second() const {
    const double seconds = work_seconds();
    return seconds > 0 ? static_cast<double>(units_done() - root().work.before) / seconds : 0;
}

double JobStatus::rows_per_second() const {
    const double seconds = work_seconds();
    return seconds > 0 ? static_cast<double>(rows_done()) / seconds : 0;
}

std::optional<double> JobStatus::seconds_left() const {
    const double rate = units_per_second();
    const std::uint64_t done = units_done();
    if (state != State::running || rate <= 0 || root().work.ended_at || done > root().work.total)
        return std::nullopt;
    return static_cast<double>(root().work.total - done) / rate;
}

const RankStatus* JobStatus::slowest_rank() const {
    if (ranks.size() < 2 || rows_done() == 0) return nullptr;
    return &*std::ranges::min_element(ranks, {}, [](const RankStatus& rank) { return rank.work.rows; });
}

const RankStatus& JobStatus::last_word() const {
    for (const RunState wanted : {RunState::failed, RunState::stopped}) {
        // A rank that fails ends the others: the first is the one that knows why.
        const RankStatus* first = nullptr;
        for (const RankStatus& rank : ranks) {
            if (rank.state != wanted || (first != nullptr && first->written_at <= rank.written_at)) continue;
            first = &rank;
        }
        if (first != nullptr) return *first;
    }
    if (state == State::done) return root();
    return *std::ranges::max_element(ranks, {}, &RankStatus::written_at);
}

std::string JobStatus::reason() const {
    const RankStatus& last = last_word();
    switch (state) {
    case State::running:
    case State::done:
        return "";
    case State::failed:
    case State::stopped:
        return ranks.size() == 1 ? last.reason
                                 : fmt::format("rank {} on {}: {}", last.rank, last.host, last.reason);
    case State::dead:
        break;
    }
    const RankStatus& first_silent = *std::ranges::min_element(ranks, {}, &RankStatus::written_at);
    return fmt::format(
        "no process of it lives, and none said why: killed, out of memory, or its machine was lost; "
        "rank {} on {} fell silent first, in phase {}",
        first_silent.rank, first_silent.host, first_silent.phase);
}

} // namespace ipscore::stages
