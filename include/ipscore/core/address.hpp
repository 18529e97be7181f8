// IP addresses as 128-bit numbers: IPv4 a.b.c.d is ::ffff:a.b.c.d (IPv4-mapped), and addresses order by that
// number.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipscore {

/// One IPv4 or IPv6 address; `hi` and `lo` are the upper and lower 64 bits of the number.
struct Address {
    std::uint64_t hi = 0;
    std::uint64_t lo = 0;

    friend constexpr auto operator<=>(const Address&, const Address&) = default;
};

inline constexpr std::uint64_t ipv4_mapped_prefix = 0x0000'ffff'0000'0000; ///< bits 64..95 of ::ffff:0:0/96
inline constexpr Address lowest_address{0, 0};
inline constexpr Address highest_address{~std::uint64_t{0}, ~std::uint64_t{0}};

[[nodiscard]] constexpr Address address_of_ipv4(std::uint32_t ipv4) { return {0, ipv4_mapped_prefix | ipv4}; }

[[nodiscard]] constexpr bool is_ipv4(Address address) {
    return address.hi == 0 && (address.lo >> 32) == (ipv4_mapped_prefix >> 32);
}

/// The address after this one; the highest address has none and must not be given.
[[nodiscard]] constexpr Address next_address(Address address) {
    return {address.hi + (address.lo == ~std::uint64_t{0} ? 1 : 0), address.lo + 1};
}

/// The address before this one; the lowest address has none and must not be given.
[[nodiscard]] constexpr Address address_before(Address address) {
    return {address.hi - (address.lo == 0 ? 1 : 0), address.lo - 1};
}

/// IPv4 as four decimal parts without leading zeros, or IPv6 text (RFC 4291, embedded IPv4 allowed, no zone).
/// Returns nothing when `text` is neither.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text) noexcept;

/// The longest text that format_address writes, in bytes.
inline constexpr std::size_t address_text_bytes_max = 39;

/// Writes dotted quads for the IPv4-mapped range and RFC 5952 in hexadecimal groups otherwise; `out` has room
/// for address_text_bytes_max bytes. Returns the end of the text (no terminating zero).
char* format_address(char* out, Address address) noexcept;

[[nodiscard]] std::string to_string(Address address);

/// A CIDR block. `prefix_length` counts bits of the 128-bit number, so an IPv4 /n is held as n + 96.
struct Network {
    Address first;
    std::uint8_t prefix_length = 0;

    /// The highest address of the block.
    [[nodiscard]] Address last() const noexcept;
    [[nodiscard]] bool holds(Address address) const noexcept { return first <= address && address <= last(); }
    friend constexpr auto operator<=>(const Network&, const Network&) = default;
};

enum class NetworkFault { none, not_a_network, host_bits_set };

struct ParsedNetwork {
    Network network;
    NetworkFault fault = NetworkFault::none;
};

/// `address/prefix_length`, where the length counts from the text's own family (0..32 or 0..128).
[[nodiscard]] ParsedNetwork parse_network(std::string_view text) noexcept;

/// As an operator would write it: IPv4 blocks of the mapped range as a.b.c.d/n, all others as IPv6.
[[nodiscard]] std::string to_string(const Network& network);

} // namespace ipscore
