#include "ipscore/stages/plan.hpp"

#include "../memory_needs.hpp"
#include "../merge_plan.hpp"
#include "../score_inputs.hpp"
#include "cost_model.hpp"
#include "ipscore/scoring/scorer.hpp"
#include "ipscore/stages/summary.hpp"
#include "numbers.hpp"
#include "size.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <vector>

namespace ipscore::stages {

namespace {

using planning::CostModel;
using planning::MeasuredRun;
using planning::Measurements;
using planning::whole;

constexpr double seconds_of_an_hour = 3600;
constexpr double bytes_of_a_gb = 1e9;
constexpr double bytes_of_a_mb = 1e6;
constexpr double bytes_of_a_gib = 1024.0 * 1024 * 1024;
// Of a node's memory or disk, a job gets so much; the rest is the system's.
constexpr double share_of_job = 0.9;
// And of that, a rank takes so much by itself, as under AWS Batch; slurm/job.sh gives it more.
constexpr double share_of_rank = 0.75;

double rank_bytes(const io::InstanceType& type) {
    return share_of_rank * share_of_job * type.memory_gib * bytes_of_a_gib;
}

/// For one rank a node that has a thread a core. Smaller budgets do, too, with more work or fewer threads.
double memory_bytes(const Measurements& measured, const PlanSize& size, const io::InstanceType& type,
                    int nodes) {
    const double cores = type.cores;
    const auto program = static_cast<double>(memory::program_bytes);
    double most = program;
    // As much as the run took, and for each thread more (or less) what a thread is given.
    const auto scaled = [&](const MeasuredRun& run, double per_thread, double per_thread_then) {
        return std::max(program + cores * per_thread, run.peak_memory_bytes + cores * per_thread -
                                                          run.threads / run.ranks * per_thread_then);
    };
    const auto merge = [](double inputs) {
        return whole(merge_bytes(static_cast<std::uint64_t>(std::max(2.0, inputs))));
    };
    if (const MeasuredRun* run = measured.largest_prepare())
        most = std::max(most, scaled(*run, merge(size.inputs), merge(run->inputs)));
    if (const MeasuredRun* run = measured.largest_score()) {
        const double worker = whole(scoring_worker_bytes(static_cast<std::size_t>(run->tags)));
        double bytes = scaled(*run, worker, worker) + (size.keys - run->keys) * sizeof(std::uint32_t);
        // The ranks keep the evidence of companies where that is no more than a quarter.
        const double row_bytes = sizeof(scoring::CompanyEvidence);
        const double more_evidence =
            row_bytes * (size.evidence_rows / nodes - run->evidence_rows / run->ranks);
        bytes += std::clamp(more_evidence, 0.0, rank_bytes(type) / 4);
        most = std::max(most, bytes);
    }
    return most;
}

std::string run_line(const MeasuredRun& run) {
    return fmt::format("{}: {} of {} observations, {}, {:.0f} {} on {:.0f} {}", run.path.string(), run.verb,
                       count_text(static_cast<std::uint64_t>(run.rows_in)), seconds_text(run.seconds()),
                       run.threads, run.threads == 1 ? "thread" : "threads", run.nodes,
                       run.nodes == 1 ? "host" : "hosts");
}

/// Predicts one option after the other.
class Planner {
public:
    Planner(const Measurements& measured, const PlanReport& report)
        : measured_(&measured),
          report_(&report),
          work_{.observations = 0, // which both have their own of
                .score_rows = report.size.score_rows,
                .inputs = report.size.inputs,
                .input_keys = report.size.input_keys,
                .parts = whole(report.size.parts),
                .store_bytes = report.size.store_bytes,
                .table_bytes = report.size.table_bytes,
                .scores_bytes = report.size.scores_bytes,
                .evidence_rows = report.size.evidence_rows,
                .company_rows = report.size.company_rows} {
        if (!measured.prepare.empty()) prepare_.emplace(measured.prepare);
        if (!measured.score.empty()) score_.emplace(measured.score);
    }

    [[nodiscard]] PlanOption option(std::size_t type_index, int nodes) const {
        const io::Instances& instances = report_->instances;
        const io::InstanceType& type = instances.types[type_index];
        PlanOption option;
        option.type = type_index;
        option.nodes = nodes;
        option.on_own_disk =
            nodes == 1 && report_->size.bytes() <= share_of_job * type.disk_gb * bytes_of_a_gb;
        const double mb_per_second =
            option.on_own_disk ? type.disk_mb_per_second : instances.storage.mb_per_second;
        const planning::Cluster cluster{.nodes = static_cast<double>(nodes),
                                        .cores = static_cast<double>(type.cores),
                                        .core_speed = type.core_speed,
                                        .bytes_per_second = mb_per_second * bytes_of_a_mb};
        const auto predict = [&](const CostModel& model, double observations) {
            planning::Work work = work_;
            work.observations = observations;
            const planning::Prediction time = model.predict(work, cluster);
            option.alone_seconds += time.alone_seconds;
            option.last_seconds += time.last_seconds;
            option.storage_seconds += time.storage_seconds;
            return time.seconds;
        };
        if (prepare_) option.prepare_seconds = predict(*prepare_, report_->size.rows_read);
        if (score_) option.score_seconds = predict(*score_, report_->size.observations);
        option.seconds = option.prepare_seconds + option.score_seconds + whole(report_->args.other_seconds);
        option.billed_seconds =
            std::max(instances.billed_seconds_min, instances.start_seconds + option.seconds);
        option.memory_bytes = memory_bytes(*measured_, report_->size, type, nodes);
        option.fits = option.memory_bytes <= rank_bytes(type);
        const double node_hours = nodes * option.billed_seconds / seconds_of_an_hour;
        option.price = node_hours * type.price_per_hour;
        if (type.spot_price_per_hour) option.spot_price = node_hours * *type.spot_price_per_hour;
        return option;
    }

private:
    const Measurements* measured_;
    const PlanReport* report_;
    planning::Work work_;
    std::optional<CostModel> prepare_;
    std::optional<CostModel> score_;
};

void add_options(const Planner& planner, PlanReport& report) {
    // Twice the nodes are to save a quarter of what is paid for: then they cost half as much again at most.
    constexpr double worth_doubling = 0.75;
    for (std::size_t type = 0; type < report.instances.types.size(); ++type) {
        double seconds_of_half = 0;
        bool pays = true;
        for (std::uint32_t nodes = 1; nodes <= report.args.nodes_max; nodes *= 2) {
            PlanOption option = planner.option(type, static_cast<int>(nodes));
            pays = nodes == 1 || (pays && option.billed_seconds <= worth_doubling * seconds_of_half);
            option.pays = pays;
            seconds_of_half = option.billed_seconds;
            report.options.push_back(option);
        }
    }
}

/// Of those that fit.
std::optional<std::size_t> cheapest_within(const std::vector<PlanOption>& options, double seconds) {
    std::optional<std::size_t> cheapest;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (!options[i].fits || options[i].seconds > seconds) continue;
        if (!cheapest || options[i].price < options[*cheapest].price) cheapest = i;
    }
    return cheapest;
}

std::optional<std::size_t> fastest_that_pays(const std::vector<PlanOption>& options) {
    constexpr double about = 1.05;
    double least_seconds = std::numeric_limits<double>::infinity();
    for (const PlanOption& option : options) {
        if (option.fits && option.pays) least_seconds = std::min(least_seconds, option.seconds);
    }
    if (std::isinf(least_seconds)) return std::nullopt;
    // Perhaps more nodes of another type, where they do not pay, are as fast and cheaper.
    return cheapest_within(options, about * least_seconds);
}

void say_what_it_goes_by(const Measurements& measured, PlanReport& report) {
    report.least_measured_seconds = std::numeric_limits<double>::infinity();
    for (const auto* runs : {&measured.prepare, &measured.score}) {
        for (const MeasuredRun& run : *runs) {
            report.runs.push_back(run_line(run));
            report.most_threads = std::max(report.most_threads, run.threads / run.nodes);
        }
    }
    const auto compare = [&](const MeasuredRun* run, double rows) {
        if (run == nullptr) return;
        report.least_measured_seconds = std::min(report.least_measured_seconds, run->seconds());
        report.times_larger = std::max(report.times_larger, rows / run->rows_in);
    };
    compare(measured.largest_prepare(), report.size.rows_read);
    compare(measured.largest_score(), report.size.observations);
}

} // namespace

PlanReport plan(const PlanArgs& args) {
    const Measurements measured(args.runs);
    PlanReport report;
    report.args = args;
    report.instances = io::read_instances(args.instances);
    report.size = planning::size_of(args, measured);
    say_what_it_goes_by(measured, report);
    add_options(Planner(measured, report), report);
    report.cheapest =
        cheapest_within(report.options, args.within_seconds > 0 ? whole(args.within_seconds)
                                                                : std::numeric_limits<double>::infinity());
    report.fastest = fastest_that_pays(report.options);
    return report;
}

NodeSettings settings_of(const PlanReport& report, const PlanOption& option) {
    constexpr double mib_of_a_gib = 1024;
    constexpr double seconds_of_a_minute = 60;
    constexpr double limit_factor = 2; // a job that is stopped by it goes on where it was
    constexpr double limit_minutes_min = 10;
    constexpr double limit_minutes_max = 30 * 24 * 60;
    const double minutes = std::ceil(limit_factor * option.seconds / seconds_of_a_minute);
    const double mib = share_of_job * report.instances.types[option.type].memory_gib * mib_of_a_gib;
    return {.memory_mib = static_cast<std::uint64_t>(std::max(1.0, mib)),
            .limit_minutes =
                static_cast<std::uint64_t>(std::clamp(minutes, limit_minutes_min, limit_minutes_max))};
}

} // namespace ipscore::stages
