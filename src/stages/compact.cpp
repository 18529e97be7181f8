#include "ipscore/stages/compact.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "memory_needs.hpp"
#include "merge_files.hpp"
#include "merge_plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace ipscore::stages {

namespace {

using Group = std::vector<io::SegmentInfo>;

constexpr std::uint64_t tier_growth = 8;
constexpr std::uint64_t lowest_tier_rows = 1U << 18U;

/// 0 for the smallest, one more for each eightfold.
int tier_of(std::uint64_t rows) {
    int tier = 0;
    for (std::uint64_t limit = lowest_tier_rows; rows >= limit && limit <= ~std::uint64_t{0} / tier_growth;
         limit *= tier_growth)
        ++tier;
    return tier;
}

std::uint64_t rows_that_count(const io::SegmentInfo& segment) {
    std::uint64_t rows = 0;
    for (const auto& [day, day_rows] : segment.days) rows += day_rows;
    return rows;
}

/// Replaces the group by what it was merged into, where the newest manifest still has all of it as it was.
bool replace(io::Manifest& manifest, const Group& group, const io::SegmentInfo& merged) {
    std::set<std::string> ids;
    Day keep_from = 0;
    for (const io::SegmentInfo& segment : group) {
        const auto found = std::ranges::find(manifest.segments, segment.id, &io::SegmentInfo::id);
        if (found == manifest.segments.end()) return false;
        // Pruned meanwhile: from this day on, which the merge did not know.
        if (found->keep_from > segment.keep_from) keep_from = std::max(keep_from, found->keep_from);
        ids.insert(segment.id);
    }
    std::erase_if(manifest.segments, [&](const auto& segment) { return ids.contains(segment.id); });
    io::SegmentInfo added = merged;
    added.keep_from = keep_from;
    added.days.erase(added.days.begin(), added.days.lower_bound(keep_from));
    if (added.rows > 0) manifest.segments.push_back(std::move(added));
    for (io::Source& source : manifest.sources) {
        const auto gone = [&](const std::string& id) { return ids.contains(id); };
        if (std::ranges::any_of(source.segments, gone)) {
            std::erase_if(source.segments, gone);
            if (merged.rows > 0) source.segments.push_back(merged.id);
        }
    }
    return true;
}

std::string id_of(const Group& group, const io::SegmentInfo& merged) {
    StreamHash hash;
    for (const io::SegmentInfo& segment : group) hash.update(segment.id + "\n");
    constexpr std::size_t id_digits = 16;
    constexpr std::size_t checksum_digits = 8;
    return fmt::format("{}-{}", hash.digest128_text().substr(0, id_digits),
                       checksum_text(merged.checksum).substr(0, checksum_digits));
}

/// Merges one group and publishes it. False when the group is no more what it was.
bool compact_group(const io::Store& store, const Group& group, const StopFlag& stop) {
    std::vector<MergeFile> files;
    for (const io::SegmentInfo& segment : group)
        files.push_back({store.segment_path(segment.id), segment.id, segment.rows, segment.keep_from});
    io::TemporaryFile file(store.segment_path("segment"));
    auto merged = merge_files(files, file.path(), store.segment_path("keys"), stop);
    if (!merged) throw Interrupted("stopped on request");
    merged->id = id_of(group, *merged);
    io::sync_to_disk(file.path());
    std::filesystem::rename(file.path(), store.segment_path(merged->id));
    io::sync_to_disk(store.path() / "segments");
    bool replaced = false;
    store.publish([&](io::Manifest& newest) { return replaced = replace(newest, group, *merged); });
    return replaced;
}

} // namespace

bool is_worn(const io::SegmentInfo& segment) { return rows_that_count(segment) <= segment.rows / 4 * 3; }

std::vector<std::vector<std::size_t>> plan_compaction(const std::vector<io::SegmentInfo>& segments,
                                                      std::uint64_t fan_in) {
    std::map<int, std::vector<std::size_t>> tiers;
    for (std::size_t i = 0; i < segments.size(); ++i)
        tiers[tier_of(rows_that_count(segments[i]))].push_back(i);
    std::vector<std::vector<std::size_t>> plan;
    std::set<std::size_t> merged;
    for (auto& [tier, members] : tiers) {
        const std::uint64_t least = std::min(tier_growth, fan_in);
        std::ranges::stable_sort(members, {}, [&](std::size_t i) { return segments[i].rows; });
        for (std::size_t from = 0; members.size() - from >= least;
             from += std::min<std::size_t>(fan_in, members.size() - from)) {
            const auto begin = members.begin() + static_cast<std::ptrdiff_t>(from);
            const std::size_t size = std::min<std::size_t>(fan_in, members.size() - from);
            plan.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
            merged.insert(plan.back().begin(), plan.back().end());
        }
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (!merged.contains(i) && is_worn(segments[i])) plan.push_back({i});
    }
    return plan;
}

CompactReport compact(const CompactArgs& args, const StopFlag& stop, RunMonitor& monitor) {
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("compact");
    const io::Store store = io::Store::open(args.store);
    MemoryBudget budget(args.memory_bytes > 0 ? args.memory_bytes : default_memory_bytes(1));
    budget.need("the program", memory::program_without_mpi_bytes);
    budget.need("the manifest", io::Store::manifest_bytes(args.store) * memory::manifest_factor);
    io::StoreWriter writer(store);
    CompactReport report;
    report.segments_before = store.read().segments.size();
    const MergeWidth width = plan_merge_width(budget, std::max(tier_growth, report.segments_before), 1);
    const std::uint64_t fan_in = args.fan_in_max > 0 ? std::min(args.fan_in_max, width.fan_in) : width.fan_in;
    monitor.watch_shared(args.store);
    for (;;) {
        const io::Snapshot snapshot(store);
        const auto& segments = snapshot.manifest().segments;
        const auto plan = plan_compaction(segments, fan_in);
        if (plan.empty()) break;
        WorkCounters& counters = monitor.begin_work(plan.size(), 0, 1, "merges");
        for (const auto& indexes : plan) {
            Group group;
            for (const std::size_t index : indexes) group.push_back(segments[index]);
            if (!compact_group(store, group, stop)) continue;
            ++report.merges;
            ++counters.parts;
            for (const io::SegmentInfo& segment : group) {
                report.rows += segment.rows;
                counters.rows += segment.rows;
            }
        }
        monitor.end_work();
    }
    report.segments = store.read().segments.size();
    monitor.begin_phase("clean");
    const io::StoreWriter::Freed freed = writer.clean();
    report.files_freed = freed.files;
    report.bytes_freed = freed.bytes;
    monitor.end_phases();
    return report;
}

} // namespace ipscore::stages
