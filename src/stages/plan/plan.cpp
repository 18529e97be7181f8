#include "ipscore/stages/plan.hpp"

#include "../memory_needs.hpp"
#include "../merge_plan.hpp"
#include "../part_cut.hpp"
#include "../score_inputs.hpp"
#include "cost_model.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/prepare.hpp"
#include "ipscore/stages/summary.hpp"
#include "measured_run.hpp"

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

constexpr double seconds_of_an_hour = 3600;
constexpr double bytes_of_a_gb = 1e9;
constexpr double bytes_of_a_mb = 1e6;
constexpr double bytes_of_a_gib = 1024.0 * 1024 * 1024;
// What of a node's memory or disk a job may take; the rest is the system's.
constexpr double share_for_the_job = 0.9;

/// The runs of both verbs, and what their sizes tell about others.
struct Measurements {
    std::vector<MeasuredRun> prepare;
    std::vector<MeasuredRun> score;

    explicit Measurements(const std::vector<std::filesystem::path>& paths) {
        for (const auto& path : paths) {
            MeasuredRun run = planning::read_measured_run(path);
            (run.verb == "prepare" ? prepare : score).push_back(std::move(run));
        }
    }
    /// The largest, which tells most of larger ones; nullptr where there is none.
    [[nodiscard]] static const MeasuredRun* largest(const std::vector<MeasuredRun>& runs) {
        const auto found = std::ranges::max_element(runs, {}, &MeasuredRun::rows_in);
        return found == runs.end() ? nullptr : &*found;
    }
    [[nodiscard]] const MeasuredRun& any() const {
        const MeasuredRun* of_prepare = largest(prepare);
        return of_prepare != nullptr ? *of_prepare : *largest(score);
    }
};

double whole(std::uint64_t value) { return static_cast<double>(value); }

void size_of_table(const PlanArgs& args, PlanSize& size) {
    constexpr bool with_dictionary = false;
    const io::TableIndex index = io::read_table_index(args.table, with_dictionary);
    size.observations = whole(index.rows());
    size.addresses = whole(index.addresses());
    size.keys = whole(io::table_keys(args.table));
    size.parts = index.parts.size();
    size.table_bytes = index.counts.value("stored_bytes", 0.0);
    size.rows_read = index.counts.value("rows_read", size.observations);
}

void size_of_store(const PlanArgs& args, PlanSize& size) {
    const io::Store store = io::Store::open(args.store);
    const io::Manifest manifest = store.read();
    const io::RowsPerDay days = manifest.rows_per_day();
    if (days.empty())
        throw InputError(fmt::format("{}: holds no observations; ingest some, or say --observations",
                                     args.store.string()));
    const Day last = args.as_of.value_or(days.rbegin()->first);
    const Day first = args.lookback_days ? last - *args.lookback_days + 1 : days.begin()->first;
    const auto counts = [&](Day day) { return day >= first && day <= last; };
    for (const auto& [day, rows] : days) {
        if (counts(day)) size.observations += whole(rows);
    }
    if (size.observations == 0)
        throw InputError(fmt::format("{}: holds no observations from {} to {}; its days are {} to {}",
                                     args.store.string(), date_text(first), date_text(last),
                                     date_text(days.begin()->first), date_text(days.rbegin()->first)));
    for (const io::SegmentInfo& segment : manifest.segments) {
        if (std::ranges::none_of(segment.days, counts, &io::RowsPerDay::value_type::first)) continue;
        ++size.inputs;
        size.rows_read += whole(segment.rows);
        size.input_keys += whole(segment.keys);
        size.keys = std::max(size.keys, whole(segment.keys));
        size.store_bytes += segment.bytes;
    }
}

/// What is not known is as in the runs.
PlanSize size_of(const PlanArgs& args, const Measurements& measured) {
    PlanSize size;
    size.observations = whole(args.observations);
    if (!args.table.empty()) size_of_table(args, size);
    if (!args.store.empty()) size_of_store(args, size);
    const MeasuredRun& run = measured.any();
    const MeasuredRun* prepare = Measurements::largest(measured.prepare);
    const MeasuredRun* score = Measurements::largest(measured.score);
    if (!args.store.empty() && prepare != nullptr) // what several segments have is one observation
        size.observations *= std::min(1.0, prepare->rows_out / prepare->rows_in);
    if (args.addresses > 0) size.addresses = whole(args.addresses);
    if (size.addresses == 0) {
        const double observations = prepare != nullptr ? prepare->rows_out : score->rows_in;
        size.addresses = size.observations * run.addresses / observations;
    }
    if (size.rows_read == 0) size.rows_read = size.observations;
    if (size.keys == 0) size.keys = run.keys;
    if (size.inputs == 0) size.inputs = prepare != nullptr ? prepare->inputs : 1;
    if (size.input_keys == 0) size.input_keys = prepare != nullptr ? prepare->input_keys : size.keys;
    if (size.parts == 0)
        size.parts = parts_for(static_cast<std::uint64_t>(size.rows_read), part_rows_default);
    if (size.table_bytes == 0 && prepare != nullptr)
        size.table_bytes = size.observations * prepare->bytes_written / prepare->rows_out;
    if (score != nullptr) {
        size.score_rows = planning::score_rows_for(*score, size.observations, size.addresses);
        size.company_rows = score->company_rows;
        size.evidence_rows = planning::evidence_rows_for(*score, size.observations, whole(size.parts));
        size.scores_bytes = size.score_rows * score->bytes_written / std::max(score->rows_out, 1.0);
    }
    return size;
}

/// For one rank a node that has a thread a core. Smaller budgets do, too, with more work or fewer threads.
double memory_bytes(const Measurements& measured, const PlanSize& size, int cores) {
    auto most = static_cast<double>(memory::program_bytes);
    if (const MeasuredRun* run = Measurements::largest(measured.prepare)) {
        const auto merges = [](double threads, double inputs) {
            const auto fan_in = static_cast<std::uint64_t>(std::max(2.0, inputs));
            return threads * whole(merge_bytes(fan_in));
        };
        most = std::max(most, run->peak_memory_bytes + merges(cores, size.inputs) -
                                  merges(run->threads / run->ranks, run->inputs));
    }
    if (const MeasuredRun* run = Measurements::largest(measured.score)) {
        const double a_worker = whole(scoring_worker_bytes(static_cast<std::size_t>(run->tags)));
        most = std::max(most, run->peak_memory_bytes + (cores - run->threads / run->ranks) * a_worker +
                                  (size.keys - run->keys) * sizeof(std::uint32_t));
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
                .store_bytes = whole(report.size.store_bytes),
                .table_bytes = report.size.table_bytes,
                .scores_bytes = report.size.scores_bytes,
                .evidence_rows = report.size.evidence_rows,
                .company_rows = report.size.company_rows} {
        if (!measured.prepare.empty()) prepare_.emplace(measured.prepare);
        if (!measured.score.empty()) score_.emplace(measured.score);
    }

    [[nodiscard]] PlanOption option(std::size_t type_index, int nodes) const {
        const io::InstanceType& type = report_->instances.types[type_index];
        const double bytes = work_.store_bytes + work_.table_bytes + work_.scores_bytes;
        PlanOption option;
        option.type = type_index;
        option.nodes = nodes;
        option.on_own_disk = nodes == 1 && bytes <= share_for_the_job * type.disk_gb * bytes_of_a_gb;
        const planning::Cluster cluster{
            .nodes = static_cast<double>(nodes),
            .cores = static_cast<double>(type.cores),
            .core_speed = type.core_speed,
            .bytes_per_second =
                option.on_own_disk ? 0 : report_->instances.storage.mb_per_second * bytes_of_a_mb};
        const auto predict = [&](const CostModel& model, double observations) {
            planning::Work work = work_;
            work.observations = observations;
            const planning::Prediction time = model.predict(work, cluster);
            option.alone_seconds += time.alone_seconds;
            option.storage_seconds += time.storage_seconds;
            return time.seconds;
        };
        if (prepare_) option.prepare_seconds = predict(*prepare_, report_->size.rows_read);
        if (score_) option.score_seconds = predict(*score_, report_->size.observations);
        option.seconds = option.prepare_seconds + option.score_seconds + whole(report_->other_seconds);
        option.memory_bytes = memory_bytes(*measured_, report_->size, type.cores);
        option.fits = option.memory_bytes <= share_for_the_job * type.memory_gib * bytes_of_a_gib;
        const double node_hours = nodes * billed_seconds(option) / seconds_of_an_hour;
        option.price = node_hours * type.price_per_hour;
        if (type.spot_price_per_hour) option.spot_price = node_hours * *type.spot_price_per_hour;
        return option;
    }

    [[nodiscard]] double billed_seconds(const PlanOption& option) const {
        return std::max(report_->instances.billed_seconds_min,
                        report_->instances.start_seconds + option.seconds);
    }

private:
    const Measurements* measured_;
    const PlanReport* report_;
    planning::Work work_;
    std::optional<CostModel> prepare_;
    std::optional<CostModel> score_;
};

void add_options(const Planner& planner, std::uint32_t nodes_max, PlanReport& report) {
    // Twice the nodes are to save a quarter of what is paid for: then they cost half as much again at most.
    constexpr double worth_doubling = 0.75;
    for (std::size_t type = 0; type < report.instances.types.size(); ++type) {
        double seconds_of_half = 0;
        bool pays = true;
        for (std::uint32_t nodes = 1; nodes <= nodes_max; nodes *= 2) {
            PlanOption option = planner.option(type, static_cast<int>(nodes));
            const double seconds = planner.billed_seconds(option);
            pays = nodes == 1 || (pays && seconds <= worth_doubling * seconds_of_half);
            option.pays = pays;
            seconds_of_half = seconds;
            report.options.push_back(option);
        }
    }
}

std::optional<std::size_t> cheapest_of(const std::vector<PlanOption>& options, const auto& counts) {
    std::optional<std::size_t> cheapest;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (counts(options[i]) && (!cheapest || options[i].price < options[*cheapest].price)) cheapest = i;
    }
    return cheapest;
}

/// The cheapest of those that are about as fast as the fastest.
std::optional<std::size_t> fastest_of(const std::vector<PlanOption>& options) {
    constexpr double about = 1.05;
    double least_seconds = std::numeric_limits<double>::infinity();
    const auto counts = [](const PlanOption& option) { return option.fits && option.pays; };
    for (const PlanOption& option : options) {
        if (counts(option)) least_seconds = std::min(least_seconds, option.seconds);
    }
    return cheapest_of(options, [&](const PlanOption& option) {
        return counts(option) && option.seconds <= about * least_seconds;
    });
}

} // namespace

PlanReport plan(const PlanArgs& args) {
    const Measurements measured(args.runs);
    PlanReport report;
    report.instances = io::read_instances(args.instances);
    report.within_seconds = args.within_seconds;
    report.other_seconds = args.other_seconds;
    report.nights = args.nights;
    for (const auto* runs : {&measured.prepare, &measured.score}) {
        for (const MeasuredRun& run : *runs) report.runs.push_back(run_line(run));
    }
    report.what = !args.table.empty()   ? args.table.string()
                  : !args.store.empty() ? args.store.string()
                                        : "--observations";
    report.size = size_of(args, measured);
    report.times_larger = report.size.rows_read / measured.any().rows_in;
    for (const auto* runs : {&measured.prepare, &measured.score}) {
        const MeasuredRun* run = Measurements::largest(*runs);
        if (run != nullptr)
            report.least_measured_seconds = std::min(report.least_measured_seconds, run->seconds());
    }
    add_options(Planner(measured, report), args.nodes_max, report);
    report.cheapest = cheapest_of(report.options, [&](const PlanOption& option) {
        return option.fits && (args.within_seconds == 0 || option.seconds <= whole(args.within_seconds));
    });
    report.fastest = fastest_of(report.options);
    return report;
}

NodeSettings settings_of(const PlanReport& report, const PlanOption& option) {
    constexpr double mib_of_a_gib = 1024;
    constexpr double seconds_of_a_minute = 60;
    constexpr double limit_factor = 2; // what a job that is stopped by it has done is not lost
    constexpr std::uint64_t limit_minutes_min = 10;
    const io::InstanceType& type = report.instances.types[option.type];
    const double minutes = std::ceil(limit_factor * option.seconds / seconds_of_a_minute);
    return {.nodes = option.nodes,
            .cores = type.cores,
            .memory_mib = static_cast<std::uint64_t>(share_for_the_job * type.memory_gib * mib_of_a_gib),
            .limit_minutes = std::max(limit_minutes_min, static_cast<std::uint64_t>(minutes))};
}

} // namespace ipscore::stages
