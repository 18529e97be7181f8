#include "input_files.hpp"

#include "memory_needs.hpp"

#include <algorithm>
#include <bit>

namespace ipscore::stages {

namespace {

constexpr const char* reading = "reading";
constexpr const char* sorting = "sorting";
constexpr const char* decompressing = "decompressing";

} // namespace

io::ReadLimits need_reading(MemoryBudget& budget, const std::vector<std::filesystem::path>& files) {
    budget.need(reading, memory::csv_reader_bytes);
    budget.need(sorting, memory::sort_bytes_min);
    io::ReadLimits limits{.zstd_window_bytes = io::ByteSource::zstd_window_bytes_min};
    if (std::ranges::any_of(files, [](const auto& file) { return file.extension() == ".zst"; })) {
        limits.zstd_window_bytes =
            std::clamp(std::bit_floor(budget.left_bytes() / 4), limits.zstd_window_bytes,
                       io::ByteSource::zstd_window_bytes_default);
        budget.need(decompressing, limits.zstd_window_bytes);
    }
    return limits;
}

io::SortRoom sort_room(const MemoryBudget& budget, const std::filesystem::path& spill_directory,
                       int threads) {
    const std::uint64_t left = budget.left_bytes();
    return {.bytes = std::max(left / 3, memory::sort_bytes_min),
            .spill_directory = spill_directory,
            .tags_max = std::max(left / memory::score_worker_tag_bytes, memory::tags_counted),
            .threads = threads};
}

void release_reading(MemoryBudget& budget) {
    budget.release(sorting);
    budget.release(decompressing);
    budget.release(reading);
}

nlohmann::ordered_json describe(const io::InputFile& file) {
    return {{"path", file.path}, {"bytes", file.bytes}, {"rows", file.rows}};
}

} // namespace ipscore::stages
