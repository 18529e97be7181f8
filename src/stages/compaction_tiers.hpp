// Which segments of a store are worth merging into one: those of similar size, once they are many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipscore::stages {

/// Segments of a tier are at most so many times as large as one another, small ones aside.
inline constexpr std::uint64_t tier_factor = 4;
/// Segments below this are one tier.
inline constexpr std::uint64_t smallest_tier_bytes = 1U << 20U;
/// So many segments of a tier are worth merging: each row is then rewritten once for every factor 8 or so
/// that the store grows by, and a store has a few segments of each size at most.
inline constexpr std::size_t tier_segments_max = 8;

/// Segments of similar size.
struct SegmentTier {
    std::uint64_t from_bytes = 0;      ///< the size of a segment is at least this
    std::uint64_t below_bytes = 0;     ///< and less than this
    std::vector<std::size_t> segments; ///< by index
};

/// The tiers with tier_segments_max segments or more, the smallest sizes first. `segment_bytes`: size of each
/// segment's file.
[[nodiscard]] std::vector<SegmentTier> tiers_to_compact(const std::vector<std::uint64_t>& segment_bytes);

} // namespace ipscore::stages
