// The dictionaries of many segments merged into one.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/segment.hpp"
#include "merge.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace ipscore::stages {

/// Segments that are merged together, open.
using OpenSegments = std::vector<std::unique_ptr<io::Segment>>;
[[nodiscard]] OpenSegments open_segments(const std::vector<std::filesystem::path>& paths);

/// Keys of each segment's dictionary.
[[nodiscard]] std::vector<std::uint64_t> key_counts(const OpenSegments& segments);

/// Tells of each distinct key, in byte order, whether it is to be kept.
using KeepKey = std::function<bool(std::string_view)>;

/// Calls `add` for every distinct key, in byte order, and then `give_id(segment, n)` for each segment that
/// has it, n being the number of that call of `add`, from 0 on. With `keep`, which is called once for each
/// distinct key, `add` is called only for those that are kept; the others have the id io::no_key. Returns the
/// number of calls of `add`. Memory is bounded by a chunk of each dictionary. Throws InputError beyond 2^32-1
/// keys, Interrupted when `stop` is requested.
std::uint64_t merge_dictionaries(const OpenSegments& segments, const StopFlag& stop,
                                 const std::function<void(std::string_view)>& add,
                                 const std::function<void(std::size_t, std::uint32_t)>& give_id,
                                 const KeepKey& keep = {});

/// The same, which writes the map from each segment's key ids to those numbers to `map_path`. Throws
/// EnvironmentError, too.
std::uint64_t merge_dictionaries(const OpenSegments& segments, const std::filesystem::path& map_path,
                                 const StopFlag& stop, const std::function<void(std::string_view)>& add,
                                 const KeepKey& keep = {});

} // namespace ipscore::stages
