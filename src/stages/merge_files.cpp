#include "merge_files.hpp"

#include "dictionary_merge.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/key_map.hpp"
#include "merge.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

std::vector<MergeInput> inputs_of(const std::vector<MergeFile>& files, const OpenSegments& segments,
                                  const io::KeyMap& map) {
    std::vector<MergeInput> inputs;
    for (std::size_t s = 0; s < segments.size(); ++s)
        inputs.push_back({segments[s].get(), map.of(s), files[s].filter, files[s].sources});
    return inputs;
}

/// By id of the merged dictionary: whether a row that is kept has the key.
std::vector<bool> used_keys(const std::vector<MergeInput>& inputs, std::uint64_t keys, const StopFlag& halt) {
    std::vector<bool> used(keys);
    for (const MergeInput& input : inputs) {
        io::FilteredRowsReader reader = input.segment->reader(input.table_key.size(), input.filter);
        while (reader.next_address()) {
            for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
                if (halt.requested()) throw Interrupted("stopped on request");
                for (const std::uint32_t key : rows.key) used[input.table_key[key]] = true;
            }
        }
    }
    return used;
}

} // namespace

MergeFile merge_file_of(const io::Store& store, const io::SegmentInfo& segment) {
    return {.path = store.segment_path(segment.id),
            .id = segment.id,
            .rows = segment.rows,
            .filter = segment.filter,
            .sources = {}};
}

std::optional<io::SegmentInfo> merge_files(const std::vector<MergeFile>& inputs,
                                           const std::filesystem::path& path,
                                           const std::filesystem::path& scratch, const StopFlag& halt) {
    std::vector<std::filesystem::path> paths;
    paths.reserve(inputs.size());
    for (const MergeFile& input : inputs) paths.push_back(input.path);
    const OpenSegments segments = open_segments(paths);
    const Dictionaries dictionaries = dictionaries_of(segments);
    const bool with_sources =
        std::ranges::none_of(inputs, [](const auto& input) { return input.sources.empty(); });
    io::SegmentWriter writer(path, with_sources);
    const io::TemporaryFile map_file(scratch);
    try {
        std::vector<bool> used;
        KeepKey keep; // all
        const bool drops_rows =
            std::ranges::any_of(inputs, [](const auto& input) { return !input.filter.keeps_all(); });
        if (drops_rows) {
            const std::uint64_t keys = merge_dictionaries(dictionaries, map_file.path(), halt, [](auto) {});
            const io::KeyMap map(map_file.path(), key_counts(dictionaries));
            used = used_keys(inputs_of(inputs, segments, map), keys, halt);
            keep = [&used, number = std::size_t{0}](std::string_view) mutable { return used[number++]; };
        }
        merge_dictionaries(
            dictionaries, map_file.path(), halt, [&](std::string_view key) { writer.add_key(key); }, keep);
    } catch (const Interrupted&) {
        return std::nullopt;
    }
    const io::KeyMap map(map_file.path(), key_counts(dictionaries));
    SegmentMerge merge(inputs_of(inputs, segments, map), first_valid_day, last_valid_day);
    merge.merge_all(writer, halt);
    if (halt.requested()) return std::nullopt;
    return writer.finish();
}

} // namespace ipscore::stages
