// Where the address space is cut into parts.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/io/segment.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace ipscore::stages {

/// Parts of about `part_rows` (at least 1) for so many observations: from these numbers alone, never from
/// memory or ranks. At least 1, at most io::format::parts_max.
[[nodiscard]] std::uint64_t parts_for(std::uint64_t rows, std::uint64_t part_rows) noexcept;

/// First addresses of up to `parts` (at least 1) parts that hold about the same number of rows, rising; the
/// first is the lowest address. Fewer come out when single addresses hold more rows than a part should.
[[nodiscard]] std::vector<Address> cut_addresses(const std::vector<std::unique_ptr<io::Segment>>& segments,
                                                 std::uint64_t parts);

} // namespace ipscore::stages
