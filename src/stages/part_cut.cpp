#include "part_cut.hpp"

#include "ipscore/io/format.hpp"

#include <algorithm>

namespace ipscore::stages {

namespace {

// 64 for every part of the largest table.
constexpr std::uint64_t points_of_all_segments = 1U << 18U;
constexpr std::uint64_t points_per_segment_min = 16;

} // namespace

std::uint64_t part_rows_for(std::uint64_t rows) noexcept {
    // The dozens of columns of a part cost a few milliseconds however short they are: up to a tenth of the
    // time that the smallest parts take. More parts than these serve few: sixteen cores have enough of them.
    constexpr std::uint64_t least = 1U << 18U;
    constexpr std::uint64_t most = 1U << 20U;
    constexpr std::uint64_t parts_before_they_grow = 16;
    // Rounded up, or a few rows were a part more, for which most of the cores wait.
    const std::uint64_t share = rows / parts_before_they_grow + (rows % parts_before_they_grow == 0 ? 0 : 1);
    return std::clamp(share, least, most);
}

std::uint64_t parts_for(std::uint64_t rows, std::uint64_t part_rows) noexcept {
    const std::uint64_t parts = rows / part_rows + (rows % part_rows == 0 ? 0 : 1);
    return std::clamp<std::uint64_t>(parts, 1, io::format::parts_max);
}

PartCut::PartCut(std::size_t segments)
    : points_per_segment_(
          std::max(points_per_segment_min, points_of_all_segments / std::max<std::uint64_t>(1, segments))) {}

void PartCut::add(const io::Segment& segment) {
    const auto& points = segment.seek_points();
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::uint64_t end = i + 1 < points.size() ? points[i + 1].row : segment.rows();
        weights_.push_back({points[i].address, end - points[i].row});
    }
    total_rows_ += segment.rows();
}

void PartCut::sort_weights() {
    std::ranges::sort(weights_, [](const Weight& a, const Weight& b) {
        return a.address != b.address ? a.address < b.address : a.rows < b.rows;
    });
}

std::vector<Address> PartCut::first_addresses(std::uint64_t parts) {
    sort_weights();
    // The rows are cut into `parts` equal shares; a part begins at the first address of a new share. Shares
    // that a heavy address spans are left out, not made up for by tiny parts behind it.
    std::vector<Address> first{lowest_address};
    std::uint64_t rows = 0;
    std::uint64_t share = 0;
    for (const Weight& weight : weights_) {
        const std::uint64_t here = rows * parts / total_rows_;
        if (here > share && weight.address > first.back()) {
            first.push_back(weight.address);
            share = here;
        }
        rows += weight.rows;
    }
    return first;
}

std::vector<Address> PartCut::first_addresses_along(
    const std::vector<io::PartRecord>& table, std::uint64_t parts,
    const std::function<std::vector<Address>(std::size_t, std::uint64_t)>& cut_inside) {
    sort_weights();
    std::uint64_t table_rows = 0;
    for (const io::PartRecord& part : table) table_rows += part.rows;
    const std::uint64_t share = std::max<std::uint64_t>(1, (table_rows + total_rows_) / parts);
    std::vector<Address> first{lowest_address};
    std::uint64_t rows = 0; // of the part that is growing
    const auto begin_part = [&](Address address) {
        if (address <= first.back() || first.size() >= io::format::parts_max) return;
        first.push_back(address);
        rows = 0;
    };
    const std::uint64_t rows_max = share + share / 2;
    auto weight = weights_.begin();
    for (std::size_t part = 0; part < table.size(); ++part) {
        if (table[part].rows == 0) continue;
        std::uint64_t here = table[part].rows;
        for (; weight != weights_.end() && weight->address <= table[part].last_address; ++weight)
            here += weight->rows;
        if (rows > 0 && rows + here > rows_max) begin_part(table[part].first_address);
        rows += here;
        const std::uint64_t pieces = (here + share / 2) / share;
        if (pieces < 2) continue;
        for (const Address address : cut_inside(part, pieces)) begin_part(address);
        rows = here / pieces;
    }
    // What lies behind the last of the table's addresses.
    for (; weight != weights_.end(); ++weight) {
        if (rows + weight->rows > rows_max) begin_part(weight->address);
        rows += weight->rows;
    }
    return first;
}

} // namespace ipscore::stages
