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
#include <optional>
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

/// The sources of the rows that count, by id.
std::vector<std::string> sources_of(const io::Manifest& manifest, const Group& group) {
    std::set<std::string> ids;
    for (const io::SegmentInfo& segment : group) {
        const std::vector<std::string> sources = manifest.sources_of(segment);
        for (std::uint32_t number = 0; number < sources.size(); ++number) {
            if (!std::ranges::binary_search(segment.filter.removed_sources, number))
                ids.insert(sources[number]);
        }
    }
    return {ids.begin(), ids.end()};
}

void add_rows(io::RowsPerDay& to, const io::RowsPerDay& rows) {
    for (const auto& [day, count] : rows) to[day] += count;
}

/// What the manifest says of a group that was merged, as it is now: what stopped to count meanwhile is among
/// the merged rows, and does not count there either. Nothing where a segment is there no more.
std::optional<io::SegmentInfo> merged_info(const io::Manifest& manifest, const Group& group,
                                           const std::vector<std::string>& sources, io::SegmentInfo merged) {
    std::map<std::string, io::RowsPerDay> days;
    std::set<std::string> removed;
    merged.days.clear();
    for (const io::SegmentInfo& before : group) {
        const auto now = std::ranges::find(manifest.segments, before.id, &io::SegmentInfo::id);
        if (now == manifest.segments.end()) return std::nullopt;
        if (now->filter.keep_from > before.filter.keep_from)
            merged.filter.keep_from = std::max(merged.filter.keep_from, now->filter.keep_from);
        for (const Network& network : now->filter.forgotten.networks()) {
            if (!before.filter.forgotten.holds(network)) merged.filter.forgotten.add({&network, 1});
        }
        add_rows(merged.days, now->days);
        const std::vector<std::string> ids = manifest.sources_of(*now);
        for (std::uint32_t number = 0; number < ids.size(); ++number) {
            add_rows(days[ids[number]], now->sources.empty() ? now->days : now->sources[number].days);
            const auto is_removed = [&](const io::SegmentInfo& segment) {
                return std::ranges::binary_search(segment.filter.removed_sources, number);
            };
            if (is_removed(*now) && !is_removed(before)) removed.insert(ids[number]);
        }
    }
    if (sources.size() > 1) {
        for (const std::string& id : sources) merged.sources.push_back({id, days[id]});
        for (const std::string& id : removed) merged.remove_source(id);
    }
    return merged;
}

/// Replaces the group by what it was merged into, where the newest manifest still has all of it.
bool replace(io::Manifest& manifest, const Group& group, const std::vector<std::string>& sources,
             const io::SegmentInfo& merged) {
    std::optional<io::SegmentInfo> added = merged_info(manifest, group, sources, merged);
    if (!added) return false;
    const bool has_rows = added->rows > 0;
    std::set<std::string> ids;
    for (const io::SegmentInfo& segment : group) ids.insert(segment.id);
    const auto gone = [&](const std::string& id) { return ids.contains(id); };
    std::erase_if(manifest.segments, [&](const auto& segment) { return gone(segment.id); });
    if (has_rows) manifest.segments.push_back(*std::move(added));
    for (io::Source& source : manifest.sources) {
        if (std::ranges::none_of(source.segments, gone)) continue;
        std::erase_if(source.segments, gone);
        if (has_rows) source.segments.push_back(merged.id);
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

/// 0 for one whose rows do not count.
std::uint32_t number_in(const std::vector<std::string>& sources, const std::string& id) {
    const auto at = std::ranges::lower_bound(sources, id);
    return at == sources.end() || *at != id ? 0 : static_cast<std::uint32_t>(at - sources.begin());
}

/// Merges one group and publishes it. False when the group is no more what it was.
bool compact_group(const io::Store& store, const io::Manifest& manifest, const Group& group,
                   const StopFlag& stop) {
    const std::vector<std::string> sources = sources_of(manifest, group);
    std::vector<MergeFile> files;
    for (const io::SegmentInfo& segment : group) {
        files.push_back(merge_file_of(store, segment));
        if (sources.size() == 1) continue;
        for (const std::string& id : manifest.sources_of(segment))
            files.back().sources.push_back(number_in(sources, id));
    }
    io::TemporaryFile file(store.segment_path("segment"));
    auto merged = merge_files(files, file.path(), store.segment_path("keys"), stop);
    if (!merged) throw Interrupted("stopped on request");
    merged->id = id_of(group, *merged);
    io::sync_to_disk(file.path());
    std::filesystem::rename(file.path(), store.segment_path(merged->id));
    io::sync_to_disk(store.path() / "segments");
    bool replaced = false;
    store.publish([&](io::Manifest& newest) { return replaced = replace(newest, group, sources, *merged); });
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
        const bool is_due = is_worn(segments[i]) || !segments[i].filter.forgotten.empty();
        if (!merged.contains(i) && is_due) plan.push_back({i});
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
            if (!compact_group(store, snapshot.manifest(), group, stop)) continue;
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
