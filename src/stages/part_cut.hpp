// Where the address space is cut into parts.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace ipscore::stages {

/// About how many of so many observations make a part: from their number alone, never from memory or ranks.
[[nodiscard]] std::uint64_t part_rows_for(std::uint64_t rows) noexcept;
/// Parts of about `part_rows` (at least 1) for so many observations. At least 1, at most
/// io::format::parts_max.
[[nodiscard]] std::uint64_t parts_for(std::uint64_t rows, std::uint64_t part_rows) noexcept;

/// Weighs the segments of a store by their places to start at, one segment after the other.
class PartCut {
public:
    /// `segments`: how many there will be.
    explicit PartCut(std::size_t segments);

    /// How many places of each segment are enough, so that those of all take little memory. A segment is to
    /// be opened with this, always: the cut is not to depend on anything but the segments.
    [[nodiscard]] std::uint64_t points_per_segment() const noexcept { return points_per_segment_; }
    void add(const io::Segment& segment);
    /// First addresses of up to `parts` (at least 1) parts that hold about the same number of rows, rising;
    /// the first is the lowest address. Fewer come out when single addresses hold more rows than a part
    /// should.
    [[nodiscard]] std::vector<Address> first_addresses(std::uint64_t parts);

    /// The same along the parts of a table, whose rows the segments add to: parts that fit stay as they are,
    /// small ones are joined, and large ones are cut where `cut_inside(part, pieces)` says, which gives the
    /// first addresses of all pieces but the first.
    [[nodiscard]] std::vector<Address>
    first_addresses_along(const std::vector<io::PartRecord>& table, std::uint64_t parts,
                          const std::function<std::vector<Address>(std::size_t, std::uint64_t)>& cut_inside);

private:
    /// So many rows lie between this address and the next seek point of its segment.
    struct Weight {
        Address address;
        std::uint64_t rows = 0;
    };
    void sort_weights();

    std::uint64_t points_per_segment_;
    std::vector<Weight> weights_;
    std::uint64_t total_rows_ = 0;
};

} // namespace ipscore::stages
