#include "ipscore/stages/prune.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/model_toml.hpp"
#include "ipscore/io/store_lock.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

std::optional<Day> newest_day(const io::Manifest& manifest) {
    const io::RowsPerDay days = manifest.rows_per_day();
    if (days.empty()) return std::nullopt;
    return days.rbegin()->first;
}

/// The first day that anybody needs.
std::optional<Day> first_day_to_keep(const PruneArgs& args, const io::Manifest& manifest) {
    std::optional<Day> first;
    const auto need = [&](Day day) { first = first ? std::min(*first, day) : day; };
    for (const auto& path : args.models) need(io::read_model(path, args.as_of).first_day());
    if (const auto last = args.as_of ? args.as_of : newest_day(manifest); args.keep_days && last)
        need(*last - *args.keep_days + 1);
    return first;
}

/// Takes the days before `first` from the manifest. False when there are none.
bool take_days(io::Manifest& manifest, Day first, PruneReport& report) {
    report.rows = report.segments_removed = report.bytes_removed = report.segments_worn = 0;
    report.days = 0;
    for (const auto& [day, rows] : manifest.rows_per_day()) {
        if (day >= first) break;
        ++report.days;
        report.rows += rows;
    }
    if (report.rows == 0) return false;
    std::vector<io::SegmentInfo> kept;
    for (io::SegmentInfo& segment : manifest.segments) {
        segment.prune(first);
        if (segment.days.empty()) {
            ++report.segments_removed;
            report.bytes_removed += segment.bytes;
            continue;
        }
        if (is_worn(segment)) ++report.segments_worn;
        kept.push_back(std::move(segment));
    }
    manifest.segments = std::move(kept);
    return true;
}

} // namespace

PruneReport prune(const PruneArgs& args, const StopFlag& stop, RunMonitor& monitor) {
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("prune");
    if (!args.keep_days && args.models.empty())
        throw InputError("neither --keep-days nor --models tells what to keep; give at least one of them");
    const io::Store store = io::Store::open(args.store);
    PruneReport report;
    io::Manifest manifest = store.read();
    report.first_day = first_day_to_keep(args, manifest);
    if (!report.first_day) return report;
    if (args.dry_run) {
        take_days(manifest, *report.first_day, report);
        return report;
    }
    const Day first = *report.first_day;
    store.publish([&](io::Manifest& newest) { return take_days(newest, first, report); });
    report.compaction = compact(
        {.store = args.store, .memory_bytes = args.memory_bytes, .metrics = args.metrics}, stop, monitor);
    return report;
}

} // namespace ipscore::stages
