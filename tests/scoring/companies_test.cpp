// The longest prefix that holds an address, against a search through all networks.
#include "ipscore/scoring/companies.hpp"

#include "ipscore/core/address.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ipscore::scoring {

inline bool operator==(const Membership& a, const Membership& b) {
    return a.company == b.company && a.confidence == b.confidence && a.excluded == b.excluded;
}
inline void PrintTo(const Membership& membership, std::ostream* out) {
    *out << "company " << membership.company << ", confidence " << membership.confidence
         << (membership.excluded ? ", excluded" : "");
}

namespace {

Address address_of(std::string_view text) { return parse_address(text).value(); }

Network network_at(Address address, int prefix_length) {
    const auto keep = [](std::uint64_t word, int bits) {
        return bits <= 0 ? 0 : bits >= 64 ? word : word & ~(~std::uint64_t{0} >> bits);
    };
    return {{keep(address.hi, prefix_length), keep(address.lo, prefix_length - 64)},
            static_cast<std::uint8_t>(prefix_length)};
}

Companies companies_of(const std::vector<std::string>& networks) {
    std::vector<CompanyNetwork> list;
    for (const std::string& text : networks) {
        const auto id = static_cast<std::uint32_t>(list.size());
        list.push_back({parse_network(text).network, id, 1000 + id, ""});
    }
    std::ranges::sort(list, {}, &CompanyNetwork::network);
    return {{}, list};
}

Membership longest_prefix(const Companies& companies, const std::vector<std::string>& exclude_types,
                          Address address) {
    const CompanyNetwork* longest = nullptr;
    for (const CompanyNetwork& one : companies.networks) {
        if (!one.network.holds(address)) continue;
        if (longest == nullptr || one.network.prefix_length > longest->network.prefix_length) longest = &one;
    }
    if (longest == nullptr) return {};
    return {longest->company, longest->confidence, std::ranges::count(exclude_types, longest->type) > 0};
}

/// Around every border: its address, the one before and the one after.
std::vector<Address> borders(const Companies& companies) {
    std::set<Address> addresses{lowest_address, highest_address};
    const auto around = [&](Address address) {
        addresses.insert(address);
        if (address != highest_address) addresses.insert(next_address(address));
        if (address != lowest_address)
            addresses.insert({address.hi - (address.lo == 0 ? 1 : 0), address.lo - 1});
    };
    for (const CompanyNetwork& one : companies.networks) {
        around(one.network.first);
        around(one.network.last());
    }
    return {addresses.begin(), addresses.end()};
}

void expect_ranges_in_order(const NetworkMap& map) {
    const auto& ranges = map.ranges();
    ASSERT_FALSE(ranges.empty());
    EXPECT_EQ(ranges.front().first, lowest_address);
    for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LT(ranges[i - 1].first, ranges[i].first);
}

/// Rising, falling and shuffled; from a sweep that begins anew, and from one that goes on.
void expect_sweeps(const Companies& companies, const std::vector<std::string>& exclude_types,
                   std::vector<Address> addresses, std::mt19937_64& random) {
    const NetworkMap map(companies, exclude_types);
    expect_ranges_in_order(map);
    NetworkMap::Sweep sweep(map);
    const auto expect_all = [&](const char* order) {
        for (const Address address : addresses) {
            ASSERT_EQ(sweep.at(address), longest_prefix(companies, exclude_types, address))
                << to_string(address) << ", " << order;
        }
    };
    std::ranges::sort(addresses);
    expect_all("rising");
    std::ranges::reverse(addresses);
    expect_all("falling");
    std::ranges::shuffle(addresses, random);
    expect_all("shuffled");
    for (const Address address : addresses) {
        ASSERT_EQ(NetworkMap::Sweep(map).at(address), longest_prefix(companies, exclude_types, address));
    }
}

TEST(NetworkMap, is_one_range_without_networks) {
    const NetworkMap map(Companies{}, {});
    ASSERT_EQ(map.ranges().size(), 1U);
    EXPECT_EQ(map.ranges()[0].network, no_network);
    NetworkMap::Sweep sweep(map);
    EXPECT_EQ(sweep.at(lowest_address), Membership{});
    EXPECT_EQ(sweep.at(highest_address), Membership{});
    const NetworkMap by_default;
    EXPECT_EQ(NetworkMap::Sweep(by_default).at(highest_address), Membership{});
}

TEST(NetworkMap, shows_the_holder_through_behind_a_nested_network) {
    const Companies companies =
        companies_of({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "11.0.0.0/8"});
    const NetworkMap map(companies, {});
    NetworkMap::Sweep sweep(map);
    const auto company_at = [&](const char* text) { return sweep.at(address_of(text)).company; };
    EXPECT_EQ(company_at("9.255.255.255"), no_company);
    EXPECT_EQ(company_at("10.0.0.0"), 0U);
    EXPECT_EQ(company_at("10.1.0.0"), 1U);
    EXPECT_EQ(company_at("10.1.2.2"), 2U);
    EXPECT_EQ(company_at("10.1.2.3"), 3U);
    EXPECT_EQ(company_at("10.1.2.4"), 2U);
    EXPECT_EQ(company_at("10.1.3.0"), 1U);
    EXPECT_EQ(company_at("10.2.0.0"), 0U);
    EXPECT_EQ(company_at("11.0.0.0"), 4U);
    EXPECT_EQ(company_at("12.0.0.0"), no_company);
    // Each border once: 0, 10/8, 10.1/16, 10.1.2/24, .3, .4, 10.1.3, 10.2, 11/8, 12.
    EXPECT_EQ(map.ranges().size(), 10U);
}

TEST(NetworkMap, holds_whole_space_single_addresses_and_the_highest) {
    std::mt19937_64 random(1);
    for (const std::vector<std::string>& networks : std::vector<std::vector<std::string>>{
             {"::/0"},
             {"0.0.0.0/0"},
             {"::/128"},
             {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
             {"::/0", "::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
             {"::/0", "::/1", "8000::/1"},
             {"8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
             {"0.0.0.0/0", "255.255.255.255/32", "0.0.0.0/32", "::fffe:0:0/96", "::1:0:0:0/96"},
             {"::/64", "0:0:0:1::/64"}}) {
        const Companies companies = companies_of(networks);
        expect_sweeps(companies, {}, borders(companies), random);
    }
}

TEST(NetworkMap, excludes_by_the_longest_prefix_alone) {
    Companies companies = companies_of({"10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"});
    companies.networks[0].type = "hosting";
    companies.networks[1].type = "business";
    companies.networks[2].type = "hosting ";
    const NetworkMap map(companies, {"vpn", "hosting"});
    NetworkMap::Sweep sweep(map);
    EXPECT_TRUE(sweep.at(address_of("10.0.0.1")).excluded);
    EXPECT_FALSE(sweep.at(address_of("10.1.0.1")).excluded);
    EXPECT_FALSE(sweep.at(address_of("10.1.1.1")).excluded);
    EXPECT_TRUE(sweep.at(address_of("10.2.0.1")).excluded);
    EXPECT_FALSE(sweep.at(address_of("11.0.0.1")).excluded);
    EXPECT_FALSE(NetworkMap::Sweep(NetworkMap(companies, {})).at(address_of("10.0.0.1")).excluded);
}

TEST(NetworkMap, excludes_an_empty_type_only_when_asked) {
    const Companies companies = companies_of({"10.0.0.0/8"});
    const NetworkMap excluding(companies, {""});
    EXPECT_TRUE(NetworkMap::Sweep(excluding).at(address_of("10.0.0.1")).excluded);
    EXPECT_FALSE(NetworkMap::Sweep(excluding).at(address_of("11.0.0.1")).excluded);
}

TEST(NetworkMap, steps_over_many_ranges_at_once) {
    // More ranges than a sweep walks before it searches.
    Companies companies;
    for (std::uint32_t i = 0; i < 5000; ++i) {
        companies.networks.push_back({network_at(address_of_ipv4(i * 512), 96 + 24), i, 1, ""});
    }
    std::mt19937_64 random(2);
    const NetworkMap map(companies, {});
    NetworkMap::Sweep sweep(map);
    for (std::uint32_t i = 0; i < 5000; i += 1 + static_cast<std::uint32_t>(random() % 40)) {
        ASSERT_EQ(sweep.at(address_of_ipv4(i * 512 + 255)).company, i);
        ASSERT_EQ(sweep.at(address_of_ipv4(i * 512 + 256)).company, no_company);
    }
    EXPECT_EQ(sweep.at(lowest_address).company, no_company);
    EXPECT_EQ(sweep.at(address_of_ipv4(4999 * 512)).company, 4999U);
}

TEST(NetworkMap, equals_a_search_through_all_networks) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint64_t n) { return random() % n; };
        // Networks of few distinct bits, so that many are nested, adjacent or at the ends of the space.
        const auto some_address = [&]() -> Address {
            const auto word = [&]() -> std::uint64_t {
                switch (below(4)) {
                case 0:
                    return 0;
                case 1:
                    return ~std::uint64_t{0};
                case 2:
                    return below(16);
                default:
                    return below(4) << 62U | below(4) << below(60);
                }
            };
            return below(3) == 0 ? address_of_ipv4(static_cast<std::uint32_t>(word()))
                                 : Address{word(), word()};
        };
        std::set<Network> chosen;
        const std::uint64_t count = below(40);
        for (std::uint64_t i = 0; i < count; ++i) {
            const int length = static_cast<int>(below(5) == 0 ? below(2) * 128 : below(129));
            chosen.insert(network_at(some_address(), length));
        }
        Companies companies;
        const std::vector<std::string> types{"", "isp", "vpn", "hosting"};
        for (const Network& network : chosen) {
            companies.networks.push_back({network, static_cast<std::uint32_t>(below(5)),
                                          static_cast<Millionths>(below(1'000'000) + 1), types[below(4)]});
        }
        std::vector<Address> addresses = borders(companies);
        for (int i = 0; i < 20; ++i) addresses.push_back(some_address());
        expect_sweeps(companies, {"vpn", "hosting"}, addresses, random);
    }
}

TEST(NetworkMap, is_the_same_when_made_of_ranges) {
    const Companies companies = companies_of({"10.0.0.0/8", "10.1.0.0/16", "::/0"});
    const NetworkMap map(companies, {});
    const NetworkMap copy(map.ranges());
    NetworkMap::Sweep sweep(copy);
    for (const Address address : borders(companies)) {
        EXPECT_EQ(sweep.at(address), longest_prefix(companies, {}, address));
    }
}

} // namespace
} // namespace ipscore::scoring
