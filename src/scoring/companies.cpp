#include "ipscore/scoring/companies.hpp"

#include <algorithm>

namespace ipscore::scoring {

NetworkMap::NetworkMap(const Companies& companies, const std::vector<std::string>& exclude_types) {
    const auto& networks = companies.networks;
    std::vector<Membership> memberships;
    memberships.reserve(networks.size());
    for (const CompanyNetwork& network : networks) {
        const bool excluded = std::ranges::find(exclude_types, network.type) != exclude_types.end();
        memberships.push_back({network.company, network.confidence, excluded});
    }

    // Networks are nested or disjoint, so walking them in order with a stack of those still open meets every
    // border once: a range begins where a network begins, and again where one ends and its holder shows
    // through.
    ranges_.clear();
    const auto begin_range = [&](Address first, std::uint32_t network) {
        if (!ranges_.empty() && ranges_.back().first == first) ranges_.pop_back();
        ranges_.push_back({first, network, network == no_network ? Membership{} : memberships[network]});
    };
    begin_range(lowest_address, no_network);
    std::vector<std::uint32_t> open;
    const auto close_innermost = [&] {
        const Address last = networks[open.back()].network.last();
        open.pop_back();
        if (last == highest_address) return;
        begin_range(next_address(last), open.empty() ? no_network : open.back());
    };
    for (std::size_t i = 0; i < networks.size(); ++i) {
        while (!open.empty() && networks[open.back()].network.last() < networks[i].network.first)
            close_innermost();
        begin_range(networks[i].network.first, static_cast<std::uint32_t>(i));
        open.push_back(static_cast<std::uint32_t>(i));
    }
    while (!open.empty()) close_innermost();
}

const Membership& NetworkMap::Sweep::at(Address address) noexcept {
    const std::vector<Range>& ranges = map_->ranges_;
    constexpr int steps_before_search = 8;
    if (address < ranges[range_].first) range_ = 0;
    for (int step = 0; step < steps_before_search; ++step) {
        if (range_ + 1 == ranges.size() || address < ranges[range_ + 1].first)
            return ranges[range_].membership;
        ++range_;
    }
    const auto after =
        std::upper_bound(ranges.begin() + static_cast<std::ptrdiff_t>(range_), ranges.end(), address,
                         [](Address a, const Range& range) { return a < range.first; });
    range_ = static_cast<std::size_t>(after - ranges.begin()) - 1;
    return ranges[range_].membership;
}

} // namespace ipscore::scoring
