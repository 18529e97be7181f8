#include "merge_levels.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "merge_plan.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

/// What a merge of these files makes: the name tells the content, so that a later run knows it again.
MergeFile merged_file(const std::vector<MergeFile>& inputs, const std::filesystem::path& directory) {
    StreamHash hash;
    MergeFile merged;
    for (const MergeFile& input : inputs) {
        hash.update(input.id + input.filter.text() + "\n");
        merged.rows += input.rows;
    }
    merged.id = hash.digest128_text();
    merged.path = directory / ("run-" + merged.id + ".h5");
    return merged;
}

/// False when `halt` was requested before the end.
bool make_merged(const std::vector<MergeFile>& inputs, const std::filesystem::path& path,
                 const StopFlag& halt) {
    io::TemporaryFile file(path);
    if (!merge_files(inputs, file.path(), path.parent_path() / "keys", halt)) return false;
    file.publish(false); // a later run verifies what is there
    return true;
}

} // namespace

std::uint64_t merge_levels(mpi::World& world, std::vector<MergeFile>& files, const MergeLevels& levels,
                           const StopFlag& stop, RunMonitor& monitor) {
    std::uint64_t merges = 0;
    for (;;) {
        std::vector<std::uint64_t> rows;
        rows.reserve(files.size());
        for (const MergeFile& file : files) rows.push_back(file.rows);
        const auto plan = plan_level(rows, levels.fan_in);
        if (plan.empty()) return merges;
        monitor.begin_phase("merge-levels");
        if (world.is_root()) std::filesystem::create_directories(levels.directory);
        std::vector<bool> replaced(files.size());
        std::vector<std::vector<MergeFile>> groups;
        std::vector<MergeFile> merged;
        std::vector<Claim> claims;
        for (const auto& indexes : plan) {
            std::vector<MergeFile> group;
            for (const std::size_t index : indexes) {
                replaced[index] = true;
                group.push_back(files[index]);
            }
            merged.push_back(merged_file(group, levels.directory));
            claims.push_back({.first_part = groups.size()});
            groups.push_back(std::move(group));
        }
        world.barrier(); // the directory is there
        const auto work = [&](const Claim& claim, const StopFlag& halt, WorkCounters& counters) {
            const MergeFile& target = merged[claim.first_part];
            if (!io::segment_is_whole(target.path) &&
                !make_merged(groups[claim.first_part], target.path, halt))
                return;
            counters.rows += target.rows;
            ++counters.parts;
        };
        work_on_claims(world, claims, {.parts = groups.size(), .threads = levels.threads, .unit = "merges"},
                       stop, monitor, work);
        merges += groups.size();
        std::vector<MergeFile> next;
        for (std::size_t i = 0; i < files.size(); ++i) {
            if (!replaced[i]) next.push_back(std::move(files[i]));
        }
        std::ranges::move(merged, std::back_inserter(next));
        files = std::move(next);
    }
}

} // namespace ipscore::stages
