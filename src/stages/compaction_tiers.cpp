#include "compaction_tiers.hpp"

#include "ipscore/core/saturating.hpp"

#include <map>

namespace ipscore::stages {

std::vector<SegmentTier> tiers_to_compact(const std::vector<std::uint64_t>& segment_bytes) {
    std::map<std::uint64_t, SegmentTier> tiers; // by from_bytes
    for (std::size_t segment = 0; segment < segment_bytes.size(); ++segment) {
        std::uint64_t from = 0;
        std::uint64_t below = smallest_tier_bytes;
        while (segment_bytes[segment] >= below && below < ~std::uint64_t{0}) {
            from = below;
            below = multiply_saturating(below, tier_factor);
        }
        SegmentTier& tier = tiers[from];
        tier.from_bytes = from;
        tier.below_bytes = below;
        tier.segments.push_back(segment);
    }
    std::vector<SegmentTier> large;
    for (auto& [from, tier] : tiers) {
        if (tier.segments.size() >= tier_segments_max) large.push_back(std::move(tier));
    }
    return large;
}

} // namespace ipscore::stages
