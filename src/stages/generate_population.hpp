// Who is on the bid stream of `generate`: addresses, and the company networks that about 40 % of them lie in.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::stages::generating {

enum class NetworkType : std::uint8_t { business, isp, hosting, vpn, mobile };
inline constexpr std::size_t network_types = 5;

[[nodiscard]] std::string_view to_string(NetworkType type);

struct CompanyNetwork {
    Network network;
    NetworkType type = NetworkType::business;
    std::uint64_t company = 0; ///< counted within its type
    Millionths confidence = 0;
};

struct Population {
    std::vector<Address> addresses;       ///< distinct, from the most to the least active
    std::vector<CompanyNetwork> networks; ///< distinct, in no order
};

/// The most addresses that the public IPv4 blocks are sure to have room for.
inline constexpr std::uint64_t addresses_max = 1'000'000'000;

/// About addresses / 150 networks and exactly `addresses` addresses (1 to addresses_max). With `gateway`, the
/// first address lies in a network of type business.
[[nodiscard]] Population make_population(std::uint64_t seed, std::uint64_t addresses, bool gateway);

/// "Northwind Logistics"; another name for each (type, company).
[[nodiscard]] std::string company_name(NetworkType type, std::uint64_t company);

} // namespace ipscore::stages::generating
