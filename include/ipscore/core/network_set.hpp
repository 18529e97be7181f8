// Many networks as one set of addresses.
#pragma once

#include "ipscore/core/address.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace ipscore {

/// The addresses that are in any of some networks.
class NetworkSet {
public:
    NetworkSet() = default;
    /// In any order; those that lie within others go.
    explicit NetworkSet(std::vector<Network> networks);

    [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }
    /// Sorted and disjoint.
    [[nodiscard]] const std::vector<Network>& networks() const noexcept { return networks_; }
    [[nodiscard]] bool holds(Address address) const noexcept;
    /// All addresses of `network`.
    [[nodiscard]] bool holds(const Network& network) const noexcept;
    void add(std::span<const Network> networks);

    /// True when `text`, of any form, seems to name an address of the set: between other characters, with
    /// leading zeros, or with a port behind it. May be true for a text that means something else, such as
    /// 1.2.3.4.5.
    [[nodiscard]] bool is_named_in(std::string_view text) const;

    friend bool operator==(const NetworkSet&, const NetworkSet&) = default;

private:
    std::vector<Network> networks_;
};

} // namespace ipscore
