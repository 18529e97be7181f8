// What `inspect` learns of files without reading their rows.
#pragma once

#include "ipscore/stages/inspect.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages::inspecting {

struct FileSizes {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};
/// Of all files in a directory and below; of a file that goes meanwhile, nothing.
[[nodiscard]] FileSizes sizes_below(const std::filesystem::path& path);

/// The datasets of HDF5 files, the largest first; all checksums are one. Throws InputError when one of the
/// files is damaged.
[[nodiscard]] std::vector<ColumnFigures> columns_of(const std::vector<std::filesystem::path>& files);

/// What lies in the output of a job.
struct OutputFiles {
    std::vector<std::filesystem::path> parts;
    std::vector<std::filesystem::path> runs;
    std::vector<std::filesystem::path> temporary;
};
[[nodiscard]] OutputFiles output_files(const std::filesystem::path& directory);

/// 0 for a file that is gone.
[[nodiscard]] std::uint64_t size_of(const std::filesystem::path& file);
[[nodiscard]] std::uint64_t size_of_all(const std::vector<std::filesystem::path>& files);

} // namespace ipscore::stages::inspecting
