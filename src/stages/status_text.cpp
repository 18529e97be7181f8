// The status of a job as text, JSON and metrics.
#include "ipscore/stages/job_status.hpp"
#include "ipscore/stages/summary.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using State = JobStatus::State;

std::string time_text(double seconds) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string rate_text(double per_second) {
    return per_second < 10 ? fmt::format("{:.1f}", per_second)
                           : count_text(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string units_text(const WorkStatus& work, std::uint64_t units) {
    return work.unit == "bytes" ? bytes_text(units) : count_text(units);
}

std::string first_line(const JobStatus& job) {
    const RankStatus& root = job.root();
    const std::string since =
        fmt::format("since {} ({})", time_text(root.began_at), seconds_text(job.seconds()));
    const std::string name = job.directory.string() + ": " + root.verb;
    switch (job.state) {
    case State::running:
        return fmt::format("{} is running {}, phase {}", name, since, root.phase);
    case State::done:
        return fmt::format("{} is done, since {}, after {}", name, time_text(root.written_at),
                           seconds_text(job.seconds()));
    case State::failed:
    case State::stopped:
        return fmt::format("{} {} at {}, after {}, with exit code {}: {}", name,
                           job.state == State::failed ? "failed" : "was stopped",
                           time_text(job.last_word().written_at), seconds_text(job.seconds()),
                           static_cast<int>(job.exit_code()), job.reason());
    case State::dead:
        break;
    }
    return fmt::format("{} is dead, last sign of life at {}, after {}: {}", name,
                       time_text(job.last_word().written_at), seconds_text(job.seconds()), job.reason());
}

std::string work_line(const JobStatus& job) {
    const WorkStatus& work = job.root().work;
    std::string line = fmt::format("{}: {}", work.name, units_text(work, job.units_done()));
    if (work.total > 0) {
        line += fmt::format(
            " of {}{} ({})", units_text(work, work.total), work.unit == "bytes" ? "" : " " + work.unit,
            percent_text(static_cast<double>(job.units_done()), static_cast<double>(work.total)));
    } else if (work.unit != "bytes") {
        line += ' ' + work.unit;
    }
    if (work.before > 0) line += fmt::format(", {} of them by earlier runs", units_text(work, work.before));
    line += work.unit == "bytes"
                ? fmt::format("; {}/s", bytes_text(static_cast<std::uint64_t>(job.units_per_second())))
                : fmt::format("; {} {}/s", rate_text(job.units_per_second()), work.unit);
    line += fmt::format(", {} rows/s", rate_text(job.rows_per_second()));
    if (const auto left = job.seconds_left()) line += fmt::format("; about {} left", seconds_text(*left));
    return line;
}

std::string ranks_table(const JobStatus& job) {
    const std::string& unit = job.root().work.unit;
    constexpr std::size_t host = 1;
    constexpr std::size_t phase = 3;
    constexpr std::size_t last_sign_of_life = 8;
    TextTable table({"rank", "host", "process", "phase", unit.empty() ? "parts" : unit, "rows", "rows/s",
                     "memory", "last sign of life"},
                    {host, phase, last_sign_of_life});
    const double work_seconds = job.work_seconds();
    for (const RankStatus& rank : job.ranks) {
        const double rows_per_second =
            work_seconds > 0 ? static_cast<double>(rank.work.rows) / work_seconds : 0.0;
        const double age = std::max(0.0, job.seen_at - rank.written_at);
        std::string life = seconds_text(age) + " ago";
        if (job.state == State::running && rank.state == RunState::running && age > silent_after_seconds)
            life += ": SILENT";
        table.add({std::to_string(rank.rank), rank.host, std::to_string(rank.pid), rank.phase,
                   units_text(rank.work, rank.work.done), count_text(rank.work.rows),
                   rate_text(rows_per_second), bytes_text(rank.peak_memory_bytes), std::move(life)});
    }
    return table.text();
}

/// One metric with its values.
class Metric {
public:
    Metric(std::string& text, std::string name, const char* help) : text_(text), name_(std::move(name)) {
        text_ += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name_, help, name_);
    }
    void add(const std::string& labels, double value) {
        text_ += fmt::format("{}{{{}}} {}\n", name_, labels, value);
    }

private:
    std::string& text_;
    std::string name_;
};

/// As a label's value: backslash, quote and line end are escaped.
std::string label(const char* name, const std::string& value) {
    std::string text = std::string(name) + "=\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '\n') {
            text += "\\n";
        } else {
            text += c;
        }
    }
    return text + '"';
}

} // namespace

std::string status_text(const JobStatus& job) {
    std::string text = first_line(job) + "\n";
    if (!job.root().work.name.empty()) text += work_line(job) + "\n";
    text += ranks_table(job);
    if (job.ranks.size() < static_cast<std::size_t>(job.root().ranks)) {
        text += fmt::format("{} of {} ranks have said nothing yet\n",
                            static_cast<std::size_t>(job.root().ranks) - job.ranks.size(), job.root().ranks);
    }
    if (const RankStatus* slowest = job.slowest_rank()) {
        const double mean = static_cast<double>(job.rows_done()) / static_cast<double>(job.ranks.size());
        text +=
            fmt::format("slowest: rank {} on {}, {} fewer rows than the mean of the ranks\n", slowest->rank,
                        slowest->host, percent_text(mean - static_cast<double>(slowest->work.rows), mean));
    }
    return text;
}

Json status_json(const JobStatus& job) {
    const RankStatus& root = job.root();
    const auto left = job.seconds_left();
    const RankStatus* slowest = job.slowest_rank();
    const bool runs = job.state == State::running;
    Json json{
        {"directory", job.directory.string()},
        {"verb", root.verb},
        {"state", name_of(job.state)},
        {"phase", root.phase},
        {"began_at", root.began_at},
        {"seen_at", job.seen_at},
        {"seconds", job.seconds()},
        {"work", root.work.name.empty() ? Json()
                                        : Json{{"name", root.work.name},
                                               {"unit", root.work.unit},
                                               {"total", root.work.total},
                                               {"done", job.units_done()},
                                               {"done_by_earlier_runs", root.work.before},
                                               {"rows", job.rows_done()},
                                               {"per_second", job.units_per_second()},
                                               {"rows_per_second", job.rows_per_second()},
                                               {"seconds_left", left ? Json(*left) : Json()}}},
        {"slowest_rank", slowest == nullptr ? Json() : Json(slowest->rank)},
        {"exit_code", runs || job.state == State::dead ? Json() : Json(static_cast<int>(job.exit_code()))},
        {"reason", job.reason()},
        {"ranks", Json::array()}};
    for (const RankStatus& rank : job.ranks) {
        Json one = to_json(rank);
        for (const char* name : {"format", "format_version", "run", "verb", "shared", "ranks"})
            one.erase(name);
        one["silent_seconds"] = std::max(0.0, job.seen_at - rank.written_at);
        json["ranks"].push_back(std::move(one));
    }
    return json;
}

std::string metrics_text(const JobStatus& job) {
    const RankStatus& root = job.root();
    const std::string job_labels =
        label("verb", root.verb) + "," + label("directory", job.directory.string());
    const auto rank_labels = [&](const RankStatus& rank) {
        return fmt::format("{},rank=\"{}\",{}", job_labels, rank.rank, label("host", rank.host));
    };
    std::string text;
    Metric states(text, "ipscore_job_state", "1 for the state that the job is in.");
    for (const State state : {State::running, State::done, State::failed, State::stopped, State::dead}) {
        states.add(fmt::format("{},state=\"{}\"", job_labels, name_of(state)), job.state == state ? 1 : 0);
    }
    Metric(text, "ipscore_job_began_timestamp_seconds", "When the job began.").add(job_labels, root.began_at);
    if (job.state != State::running && job.state != State::dead) {
        Metric(text, "ipscore_job_exit_code", "How the job ended.")
            .add(job_labels, static_cast<int>(job.exit_code()));
    }
    if (!root.work.name.empty()) {
        const std::string labels =
            job_labels + "," + label("phase", root.work.name) + "," + label("unit", root.work.unit);
        Metric(text, "ipscore_work_units", "Units of the work at hand, 0 when nobody knows.")
            .add(labels, static_cast<double>(root.work.total));
        Metric(text, "ipscore_work_units_done", "Units that are done, by this run or earlier ones.")
            .add(labels, static_cast<double>(job.units_done()));
        Metric(text, "ipscore_work_rows_per_second", "Rows a second since the work at hand began.")
            .add(labels, job.rows_per_second());
        if (const auto left = job.seconds_left())
            Metric(text, "ipscore_work_left_seconds", "About how long the work at hand will take yet.")
                .add(labels, *left);
    }
    Metric lives(text, "ipscore_rank_last_sign_of_life_timestamp_seconds",
                 "When the rank was last heard of.");
    for (const RankStatus& rank : job.ranks) lives.add(rank_labels(rank), rank.written_at);
    Metric units(text, "ipscore_rank_units_done", "Units of the work at hand that the rank has done.");
    for (const RankStatus& rank : job.ranks)
        units.add(rank_labels(rank), static_cast<double>(rank.work.done));
    Metric rows(text, "ipscore_rank_rows_done", "Rows of the work at hand that the rank has done.");
    for (const RankStatus& rank : job.ranks) rows.add(rank_labels(rank), static_cast<double>(rank.work.rows));
    Metric memory(text, "ipscore_rank_peak_memory_bytes", "Highest resident set of the rank.");
    for (const RankStatus& rank : job.ranks)
        memory.add(rank_labels(rank), static_cast<double>(rank.peak_memory_bytes));
    return text;
}

} // namespace ipscore::stages
