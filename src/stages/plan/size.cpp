#include "size.hpp"

#include "../part_cut.hpp"
#include "cost_model.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/prepare.hpp"
#include "numbers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::stages::planning {

namespace {

const MeasuredRun* largest(const std::vector<MeasuredRun>& runs) {
    const auto found = std::ranges::max_element(runs, {}, &MeasuredRun::rows_in);
    return found == runs.end() ? nullptr : &*found;
}

std::uint64_t parts_of(double rows) {
    const auto whole_rows = static_cast<std::uint64_t>(rows);
    return parts_for(whole_rows, part_rows_for(whole_rows));
}

PlanSize size_of_table(const PlanArgs& args) {
    constexpr bool with_dictionary = false;
    const io::TableIndex index = io::read_table_index(args.table, with_dictionary);
    PlanSize size;
    size.observations = whole(index.rows());
    if (size.observations == 0)
        throw InputError(
            fmt::format("{}: has no observations, so there is nothing to plan for", args.table.string()));
    size.rows_read = index.counts.value("rows_read", size.observations);
    size.addresses = whole(index.addresses());
    size.keys = whole(io::table_keys(args.table));
    size.parts = index.parts.size();
    size.table_bytes = index.counts.value("stored_bytes", 0.0);
    return size;
}

/// Of some segments, between the most that one of them has and what all of them have added up.
double between(double estimate, double most, double sum) {
    return std::clamp(estimate, most, std::max(most, sum));
}

PlanSize size_of_store(const PlanArgs& args, const Measurements& measured) {
    const io::Manifest manifest = io::Store::open(args.store).read();
    const io::RowsPerDay days = manifest.rows_per_day();
    if (days.empty())
        throw InputError(fmt::format("{}: holds no observations; ingest some, or say --observations",
                                     args.store.string()));
    const Day last = args.as_of.value_or(days.rbegin()->first);
    const Day first = args.lookback_days ? last - *args.lookback_days + 1 : days.begin()->first;
    const auto counts = [&](Day day) { return day >= first && day <= last; };
    double rows = 0;
    double rows_of_all_days = 0;
    for (const auto& [day, rows_of_day] : days) {
        rows_of_all_days += whole(rows_of_day);
        if (counts(day)) rows += whole(rows_of_day);
    }
    if (rows == 0)
        throw InputError(fmt::format("{}: holds no observations from {} to {}; its days are {} to {}",
                                     args.store.string(), date_text(first), date_text(last),
                                     date_text(days.begin()->first), date_text(days.rbegin()->first)));
    PlanSize size;
    size.parts = parts_of(rows);
    double most_addresses = 0;
    double addresses = 0;
    double most_keys = 0;
    for (const io::SegmentInfo& segment : manifest.segments) {
        if (std::ranges::none_of(segment.days, counts, &io::RowsPerDay::value_type::first)) continue;
        ++size.inputs;
        size.rows_read += whole(segment.rows);
        size.store_bytes += whole(segment.bytes);
        size.input_keys += whole(segment.keys);
        most_keys = std::max(most_keys, whole(segment.keys));
        addresses += whole(segment.addresses);
        most_addresses = std::max(most_addresses, whole(segment.addresses));
    }
    // What several segments have is one observation. Keys and addresses have a similar number of their own in
    // every table.
    const MeasuredRun* prepare = measured.largest_prepare();
    size.observations = prepare != nullptr ? rows * prepare->rows_out / prepare->rows_of_days : rows;
    const MeasuredRun& run = prepare != nullptr ? *prepare : *measured.largest_score();
    size.keys = between(run.keys, most_keys, size.input_keys);
    const double share_of_days = rows / rows_of_all_days; // segments of more days may have more addresses
    size.addresses = between(size.observations * run.addresses / run.rows_of_table(),
                             most_addresses * share_of_days, addresses);
    return size;
}

PlanSize size_of_numbers(const PlanArgs& args) {
    PlanSize size;
    size.observations = size.rows_read = whole(args.observations);
    size.parts = parts_of(size.rows_read);
    return size;
}

} // namespace

Measurements::Measurements(const std::vector<std::filesystem::path>& paths) {
    for (const auto& path : paths) {
        MeasuredRun run = read_measured_run(path);
        (run.verb == "prepare" ? prepare : score).push_back(std::move(run));
    }
}

const MeasuredRun* Measurements::largest_prepare() const { return largest(prepare); }
const MeasuredRun* Measurements::largest_score() const { return largest(score); }

PlanSize size_of(const PlanArgs& args, const Measurements& measured) {
    PlanSize size = !args.table.empty()   ? size_of_table(args)
                    : !args.store.empty() ? size_of_store(args, measured)
                                          : size_of_numbers(args);
    const MeasuredRun* prepare = measured.largest_prepare();
    const MeasuredRun* score = measured.largest_score();
    const MeasuredRun& run = prepare != nullptr ? *prepare : *score;
    if (args.addresses > 0) size.addresses = whole(args.addresses);
    if (size.addresses == 0)
        size.addresses = std::max(1.0, size.observations * run.addresses / run.rows_of_table());
    if (size.keys == 0) size.keys = run.keys;
    if (size.inputs == 0) size.inputs = prepare != nullptr ? prepare->inputs : 1;
    if (size.input_keys == 0)
        size.input_keys = prepare != nullptr ? size.keys * prepare->input_keys / prepare->keys : size.keys;
    if (size.table_bytes == 0 && prepare != nullptr)
        size.table_bytes = size.observations * prepare->bytes_written / prepare->rows_out;
    if (size.store_bytes == 0) size.store_bytes = size.table_bytes; // they hold about the same
    if (score != nullptr) {
        size.score_rows = score_rows_for(*score, size.observations, size.addresses);
        size.company_rows = score->company_rows;
        size.evidence_rows = evidence_rows_for(*score, size.observations, whole(size.parts));
        size.scores_bytes = size.score_rows * score->bytes_written / std::max(score->rows_out, 1.0);
    }
    return size;
}

} // namespace ipscore::stages::planning
