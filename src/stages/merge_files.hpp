// Segments merged into one segment.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/segment.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

/// A segment of the store, or what some of them were merged into.
struct MergeFile {
    std::filesystem::path path;
    std::string id; ///< stands for the content
    std::uint64_t rows = 0;
    io::RowFilter filter = {};
    std::vector<std::uint32_t> sources = {}; ///< as of MergeInput
};

/// The rows of a segment that count.
[[nodiscard]] MergeFile merge_file_of(const io::Store& store, const io::SegmentInfo& segment);

/// Writes all rows of `inputs` that count to `path`, and of their keys those that these rows have. Rows have
/// sources where all inputs have any.
/// `scratch` names a file beside which one for the ids of keys may be made. What is written has no id yet;
/// nothing when `halt` was requested before the end.
[[nodiscard]] std::optional<io::SegmentInfo> merge_files(const std::vector<MergeFile>& inputs,
                                                         const std::filesystem::path& path,
                                                         const std::filesystem::path& scratch,
                                                         const StopFlag& halt);

} // namespace ipscore::stages
