// The dictionaries of many segments merged into one.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/segment.hpp"

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

/// A dictionary that is merged with others.
struct Dictionary {
    std::function<io::StringsReader()> reader; ///< from its first key on
    std::uint64_t keys = 0;
    const std::vector<bool>* unused = nullptr; ///< by key: those that are left out; nullptr: none are
};
using Dictionaries = std::vector<Dictionary>;
[[nodiscard]] Dictionaries dictionaries_of(const OpenSegments& segments);

/// Keys of each dictionary.
[[nodiscard]] std::vector<std::uint64_t> key_counts(const Dictionaries& dictionaries);

/// Tells of each distinct key, in byte order, whether it is to be kept.
using KeepKey = std::function<bool(std::string_view)>;

/// Calls `add` for every distinct key, in byte order, and then `give_id(dictionary, n)` for each dictionary
/// that has it, n being the number of that call of `add`, from 0 on. With `keep`, which is called once for
/// each distinct key, `add` is called only for those that are kept; the others have the id io::no_key.
/// Returns the number of calls of `add`. Memory is bounded by a chunk of each dictionary. Throws InputError
/// beyond 2^32-1 keys, Interrupted when `stop` is requested.
std::uint64_t merge_dictionaries(const Dictionaries& dictionaries, const StopFlag& stop,
                                 const std::function<void(std::string_view)>& add,
                                 const std::function<void(std::size_t, std::uint32_t)>& give_id,
                                 const KeepKey& keep = {});

/// The same, which writes the map from each dictionary's key ids to those numbers to `map_path`. Throws
/// EnvironmentError, too.
std::uint64_t merge_dictionaries(const Dictionaries& dictionaries, const std::filesystem::path& map_path,
                                 const StopFlag& stop, const std::function<void(std::string_view)>& add,
                                 const KeepKey& keep = {});

} // namespace ipscore::stages
