// What `inspect` counts by reading all rows.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/stages/inspect.hpp"
#include "ipscore/stages/memory_budget.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages::inspecting {

// Each sets the memory aside that it takes. Throws InputError when that is too much, or for damaged files,
// and Interrupted when stopped.

/// A segment, not all rows of which may count.
struct SegmentFile {
    std::filesystem::path path;
    io::RowFilter filter;
};

/// Of segments, merged; all of them are open at a time. `segment_keys`: sizes of their dictionaries, added
/// up.
[[nodiscard]] ObservationFigures count_segments(const std::vector<SegmentFile>& files,
                                                std::uint64_t segment_keys, std::size_t top,
                                                MemoryBudget& budget, const StopFlag& stop);

/// Of the parts of a table.
[[nodiscard]] ObservationFigures count_table(const std::filesystem::path& table,
                                             const std::vector<io::PartRecord>& parts, std::size_t top,
                                             MemoryBudget& budget, const StopFlag& stop);

/// Of one file of sorted rows. Its keys are counted when it has a dictionary.
[[nodiscard]] ObservationFigures count_file(const std::filesystem::path& path, std::size_t top,
                                            MemoryBudget& budget, const StopFlag& stop);

/// Of the parts of scores.
[[nodiscard]] ScoreRowFigures count_scores(const std::filesystem::path& scores,
                                           const std::vector<io::PartRecord>& parts, std::size_t top,
                                           MemoryBudget& budget, const StopFlag& stop);

/// With the names as text.
template <class Pair, class Text>
[[nodiscard]] Heaviest heaviest_of(const Pair& pair, Text text) {
    Heaviest heaviest;
    for (const auto& entry : pair.by_rows.sorted())
        heaviest.by_rows.push_back({text(entry.name), entry.rows, entry.hits});
    for (const auto& entry : pair.by_hits.sorted())
        heaviest.by_hits.push_back({text(entry.name), entry.rows, entry.hits});
    return heaviest;
}

} // namespace ipscore::stages::inspecting
