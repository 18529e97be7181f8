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

/// Calls `add` for every distinct key, in byte order, and then `give_id(segment, n)` for each segment that
/// has it, n being the number of that call of `add`, from 0 on. With `used`, which has a value for each
/// distinct key, `add` is called only for those that are true; the others have no id that means anything.
/// Returns the number of calls of `add`. Memory is bounded by a chunk of each dictionary. Throws InputError
/// beyond 2^32-1 keys, Interrupted when `stop` is requested.
std::uint64_t merge_dictionaries(const OpenSegments& segments, const StopFlag& stop,
                                 const std::function<void(std::string_view)>& add,
                                 const std::function<void(std::size_t, std::uint32_t)>& give_id,
                                 const std::vector<bool>* used = nullptr);

/// The same, which writes the map from each segment's key ids to those numbers to `map_path`. Throws
/// EnvironmentError, too.
std::uint64_t merge_dictionaries(const OpenSegments& segments, const std::filesystem::path& map_path,
                                 const StopFlag& stop, const std::function<void(std::string_view)>& add,
                                 const std::vector<bool>* used = nullptr);

} // namespace ipscore::stages
