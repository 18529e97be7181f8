// Sets of networks, against every network asked for itself; and addresses found in texts.
#include "ipscore/core/network_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace ipscore {
namespace {

Network network(const std::string& text) {
    const ParsedNetwork parsed = parse_network(text);
    EXPECT_EQ(parsed.fault, NetworkFault::none) << text;
    return parsed.network;
}

/// Of 16 addresses, so that many hold one another.
Network small_network(std::mt19937_64& random) {
    const auto length = static_cast<std::uint8_t>(124 + random() % 5);
    const std::uint64_t mask = ~std::uint64_t{0} << (128U - length);
    return {{0, (random() % 16) & mask}, length};
}

TEST(NetworkSetTest, agrees_with_each_of_its_networks) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 2000; ++round) {
        std::vector<Network> networks(random() % 5);
        for (Network& one : networks) one = small_network(random);
        NetworkSet set(networks);
        if (random() % 2 == 0) {
            networks.push_back(small_network(random));
            set.add(std::span(networks).last(1));
        }
        EXPECT_EQ(set.empty(), networks.empty());
        for (std::uint64_t lo = 0; lo < 18; ++lo) {
            const bool expected = std::ranges::any_of(networks, [&](const Network& one) {
                return one.holds({0, lo});
            });
            EXPECT_EQ(set.holds(Address{0, lo}), expected);
        }
        const Network other = small_network(random);
        EXPECT_EQ(set.holds(other), std::ranges::any_of(networks, [&](const Network& one) {
                      return one.holds(other.first) && one.holds(other.last());
                  }));
        // Sorted and disjoint, whatever the order.
        std::ranges::shuffle(networks, random);
        EXPECT_EQ(NetworkSet(networks), set);
        for (std::size_t i = 1; i < set.networks().size(); ++i)
            EXPECT_LT(set.networks()[i - 1].last(), set.networks()[i].first);
    }
}

TEST(NetworkSetTest, ends_of_the_address_space) {
    const NetworkSet all({network("::/0")});
    EXPECT_TRUE(all.holds(lowest_address));
    EXPECT_TRUE(all.holds(highest_address));
    const NetworkSet last({Network{highest_address, 128}});
    EXPECT_TRUE(last.holds(highest_address));
    EXPECT_FALSE(last.holds(lowest_address));
}

TEST(NetworkSetTest, finds_addresses_in_texts) {
    const NetworkSet set({network("203.0.113.7/32"), network("198.51.100.0/24"), network("2001:db8::/64")});
    for (const char* text :
         {"203.0.113.7", "ip=203.0.113.7", "203.0.113.7,never,key,1", "\"203.0.113.007\"", "203.0.113.7:8080",
          "say 203.0.113.7.", "a203.0.113.7b", "::ffff:203.0.113.7", "::FFFF:cb00:7107", "1.203.0.113.7",
          "{\"ip\":\"198.51.100.255\"}", "2001:db8::1", "2001:DB8:0:0::1%eth0", "[2001:db8::7]:443",
          "2001:db8::7:443", "x 2001:db8:: y", "256.203.0.113.7", "0000203.0.113.7"}) {
        EXPECT_TRUE(set.is_named_in(text)) << text;
    }
    for (const char* text : {"", "203.0.113.8", "203.0.113.70", "1203.0.113.7", "203.0.113", "203.0.113..7",
                             "198.51.101.1", "2001:db8:0:1::1", "203,0,113,7", ".", ":", "::", "2001"}) {
        EXPECT_FALSE(set.is_named_in(text)) << text;
    }
    EXPECT_FALSE(NetworkSet().is_named_in("203.0.113.7"));
}

} // namespace
} // namespace ipscore
