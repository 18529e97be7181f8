// Numbers as people write them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ipscore::cli {

/// `8.4M`: digits with at most one point, and k, M or G for 10^3, 10^6 or 10^9. Exact; nothing when it is not
/// that, not a whole number, or beyond 2^64-1.
[[nodiscard]] std::optional<std::uint64_t> parse_quantity(std::string_view text) noexcept;

/// `0.25`, `.25`, `1`: digits with at most one point, neither sign nor exponent; the nearest f64.
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text) noexcept;

/// `512MiB`, `1.5GiB`, `64KiB`: a decimal and KiB, MiB, GiB or TiB, in bytes; nothing when it is not that, or
/// beyond 2^63.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

} // namespace ipscore::cli
