#include "dictionary_merge.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/key_map.hpp"
#include "memory_needs.hpp"

#include <functional>
#include <queue>
#include <utility>

namespace ipscore::stages {

OpenSegments open_segments(const std::vector<std::filesystem::path>& paths) {
    OpenSegments segments;
    for (const auto& path : paths)
        segments.push_back(std::make_unique<io::Segment>(path, memory::seek_points_kept));
    return segments;
}

std::vector<std::uint64_t> key_counts(const OpenSegments& segments) {
    std::vector<std::uint64_t> counts;
    for (const auto& segment : segments) counts.push_back(segment->keys());
    return counts;
}

std::uint64_t merge_dictionaries(const OpenSegments& segments, const StopFlag& stop,
                                 const std::function<void(std::string_view)>& add,
                                 const std::function<void(std::size_t, std::uint32_t)>& give_id,
                                 const KeepKey& keep) {
    std::vector<io::StringsReader> dictionaries;
    dictionaries.reserve(segments.size());
    for (const auto& segment : segments) dictionaries.push_back(segment->dictionary());
    using Next = std::pair<std::string_view, std::size_t>; // a segment's next key
    std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
    const auto advance = [&](std::size_t segment) {
        std::string_view key;
        if (dictionaries[segment].next(key)) next.emplace(key, segment);
    };
    for (std::size_t s = 0; s < segments.size(); ++s) advance(s);
    constexpr std::uint64_t keys_max = 0xffff'ffff;
    constexpr std::uint64_t look_every = 1U << 16U;
    std::string key;
    std::uint64_t number = 0; // of the distinct keys
    std::uint64_t id = 0;     // of those that are kept
    for (; !next.empty(); ++number) {
        if (id == keys_max)
            throw InputError("more than 4294967295 distinct keys in the store; prepare a shorter look-back");
        if (number % look_every == 0 && stop.requested()) throw Interrupted("stopped on request");
        key = next.top().first; // goes with the reader's next one
        const bool is_kept = !keep || keep(key);
        if (is_kept) add(key);
        while (!next.empty() && next.top().first == key) {
            const std::size_t segment = next.top().second;
            next.pop();
            give_id(segment, is_kept ? static_cast<std::uint32_t>(id) : io::no_key);
            advance(segment);
        }
        if (is_kept) ++id;
    }
    return id;
}

std::uint64_t merge_dictionaries(const OpenSegments& segments, const std::filesystem::path& map_path,
                                 const StopFlag& stop, const std::function<void(std::string_view)>& add,
                                 const KeepKey& keep) {
    io::KeyMapWriter map(map_path, key_counts(segments));
    const std::uint64_t keys = merge_dictionaries(
        segments, stop, add, [&](std::size_t segment, std::uint32_t id) { map.append(segment, id); }, keep);
    map.finish();
    return keys;
}

} // namespace ipscore::stages
