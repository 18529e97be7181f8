#include "part_cut.hpp"

#include "ipscore/io/format.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

/// So many rows lie between this address and the next seek point of its segment.
struct Weight {
    Address address;
    std::uint64_t rows = 0;
};

} // namespace

std::uint64_t parts_for(std::uint64_t rows, std::uint64_t part_rows) noexcept {
    const std::uint64_t parts = rows / part_rows + (rows % part_rows == 0 ? 0 : 1);
    return std::clamp<std::uint64_t>(parts, 1, io::format::parts_max);
}

std::vector<Address> cut_addresses(const std::vector<std::unique_ptr<io::Segment>>& segments,
                                   std::uint64_t parts) {
    std::vector<Weight> weights;
    std::uint64_t total_rows = 0;
    for (const auto& segment : segments) {
        const auto& points = segment->seek_points();
        for (std::size_t i = 0; i < points.size(); ++i) {
            const std::uint64_t end = i + 1 < points.size() ? points[i + 1].row : segment->rows();
            weights.push_back({points[i].address, end - points[i].row});
        }
        total_rows += segment->rows();
    }
    std::ranges::sort(weights, {}, &Weight::address);

    // The rows are cut into `parts` equal shares; a part begins at the first address of a new share. Shares
    // that a heavy address spans are left out, not made up for by tiny parts behind it.
    std::vector<Address> first{lowest_address};
    std::uint64_t rows = 0;
    std::uint64_t share = 0;
    for (const Weight& weight : weights) {
        const std::uint64_t here = rows * parts / total_rows;
        if (here > share && weight.address > first.back()) {
            first.push_back(weight.address);
            share = here;
        }
        rows += weight.rows;
    }
    return first;
}

} // namespace ipscore::stages
