// Which address belongs to which company: the longest prefix that holds it.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::scoring {

inline constexpr std::uint32_t no_company = 0xffff'ffff;
inline constexpr std::uint32_t no_network = 0xffff'ffff;

/// One row of the companies file.
struct CompanyNetwork {
    Network network;
    std::uint32_t company = no_company; ///< index into Companies::names
    Millionths confidence = 0;
    std::string type;
};

/// The companies file: names sorted byte by byte and distinct; networks sorted by (first address, prefix
/// length) and distinct.
struct Companies {
    ByteStrings names;
    std::vector<CompanyNetwork> networks;
};

/// What an address inherits from its network.
struct Membership {
    std::uint32_t company = no_company;
    Millionths confidence = 0;
    bool excluded = false;
};

/// The networks cut into disjoint address ranges, each with its longest prefix, for sweeps in address order.
class NetworkMap {
public:
    NetworkMap() = default;
    NetworkMap(const Companies& companies, const std::vector<std::string>& exclude_types);

    /// Walks addresses in rising order; going back is allowed and costs a binary search.
    class Sweep {
    public:
        explicit Sweep(const NetworkMap& map) : map_(&map) {}
        const Membership& at(Address address) noexcept;

    private:
        const NetworkMap* map_;
        std::size_t range_ = 0;
    };

    struct Range {
        Address first; ///< the range ends where the next one begins
        std::uint32_t network = no_network;
        Membership membership;
    };
    /// A map of ranges() of another one.
    explicit NetworkMap(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}
    /// Sorted, disjoint, without gaps; the first begins at the lowest address.
    [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }
    /// The last thing that may be asked.
    [[nodiscard]] std::vector<Range> take_ranges() noexcept { return std::move(ranges_); }

private:
    std::vector<Range> ranges_{Range{}};
};

} // namespace ipscore::scoring
