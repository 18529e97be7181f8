// Where to begin in a segment.
#pragma once

#include "ipscore/io/segment.hpp"

#include <algorithm>

namespace ipscore::stages {

/// Makes `reader`, which is one of `segment`, go to its first address from `first` on. False where there is
/// none. Throws InputError on what is damaged.
inline bool seek_address(const io::Segment& segment, io::FilteredRowsReader& reader, Address first) {
    const auto& points = segment.seek_points();
    if (points.empty()) return false;
    const auto after = std::ranges::upper_bound(points, first, {}, &io::SeekPoint::address);
    reader.seek(after == points.begin() ? points.front() : *(after - 1));
    while (reader.next_address()) {
        if (reader.address() >= first) return true;
    }
    return false;
}

} // namespace ipscore::stages
