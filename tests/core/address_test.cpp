#include "ipscore/core/address.hpp"

#include "texts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace ipscore {
namespace {

using Random = std::mt19937_64;

/// Parses a copy that ends where the text ends, so that the address sanitizer sees a read beyond it.
std::optional<Address> parsed(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_address({exact.data(), exact.size()});
}

ParsedNetwork parsed_network(std::string_view text) {
    const std::vector<char> exact(text.begin(), text.end());
    return parse_network({exact.data(), exact.size()});
}

Address address_of_bytes(const std::array<unsigned char, 16>& bytes) {
    Address address;
    for (std::size_t i = 0; i < 8; ++i) {
        address.hi = address.hi << 8 | bytes[i];
        address.lo = address.lo << 8 | bytes[8 + i];
    }
    return address;
}

std::optional<Address> parsed_by_libc(const std::string& text) {
    if (text.find('\0') != std::string::npos) return std::nullopt; // inet_pton would stop there
    std::array<unsigned char, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return address_of_bytes(bytes);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return address_of_bytes(bytes);
    return std::nullopt;
}

std::string formatted_by_libc(Address address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_ipv4(address)) {
        const std::uint32_t ipv4 = htonl(static_cast<std::uint32_t>(address.lo));
        inet_ntop(AF_INET, &ipv4, text.data(), text.size());
    } else if (address.hi == 0 && address.lo >> 32 == 0 && address.lo > 0xffff) {
        // inet_ntop would write ::a.b.c.d
        std::snprintf(text.data(), text.size(), "::%x:%x", static_cast<unsigned>(address.lo >> 16),
                      static_cast<unsigned>(address.lo & 0xffff));
    } else {
        const std::array<std::uint64_t, 2> bytes{__builtin_bswap64(address.hi),
                                                 __builtin_bswap64(address.lo)};
        inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    }
    return text.data();
}

Address ipv6(const std::array<std::uint16_t, 8>& groups) {
    Address address;
    for (std::size_t i = 0; i < 4; ++i) {
        address.hi = address.hi << 16 | groups[i];
        address.lo = address.lo << 16 | groups[4 + i];
    }
    return address;
}

/// Groups of all widths, with zeros often enough for runs of them.
Address random_ipv6(Random& random) {
    std::array<std::uint16_t, 8> groups{};
    for (auto& group : groups) {
        if (random() % 2 == 0) group = static_cast<std::uint16_t>((random() & 0xffff) >> random() % 16);
    }
    return ipv6(groups);
}

TEST(Address, ReadsIpv4AsMapped) {
    EXPECT_EQ(parsed("0.0.0.0"), (Address{0, 0xffff'0000'0000}));
    EXPECT_EQ(parsed("1.2.3.4"), (Address{0, 0xffff'0102'0304}));
    EXPECT_EQ(parsed("192.0.2.235"), (Address{0, 0xffff'c000'02eb}));
    EXPECT_EQ(parsed("255.255.255.255"), (Address{0, 0xffff'ffff'ffff}));
    EXPECT_EQ(parsed("::ffff:192.0.2.235"), parsed("192.0.2.235"));
    EXPECT_EQ(parsed("::ffff:c000:2eb"), parsed("192.0.2.235"));
    EXPECT_EQ(parsed("0:0:0:0:0:FFFF:C000:02EB"), parsed("192.0.2.235"));
}

TEST(Address, ReadsIpv6) {
    EXPECT_EQ(parsed("::"), lowest_address);
    EXPECT_EQ(parsed("::1"), (Address{0, 1}));
    EXPECT_EQ(parsed("1::"), (Address{1ULL << 48, 0}));
    EXPECT_EQ(parsed("2001:db8::ff00:42:8329"), (Address{0x2001'0db8'0000'0000, 0x0000'ff00'0042'8329}));
    EXPECT_EQ(parsed("2001:0DB8:0000:0000:0000:FF00:0042:8329"), parsed("2001:db8::ff00:42:8329"));
    EXPECT_EQ(parsed("1:2:3:4:5:6:7::"), (Address{0x0001'0002'0003'0004, 0x0005'0006'0007'0000}));
    EXPECT_EQ(parsed("::2:3:4:5:6:7:8"), (Address{0x0000'0002'0003'0004, 0x0005'0006'0007'0008}));
    EXPECT_EQ(parsed("1:2:3::5:6:7:8"), (Address{0x0001'0002'0003'0000, 0x0005'0006'0007'0008}));
    EXPECT_EQ(parsed("::1.2.3.4"), (Address{0, 0x0102'0304}));
    EXPECT_EQ(parsed("64:ff9b::192.0.2.33"), (Address{0x0064'ff9b'0000'0000, 0xc000'0221}));
    EXPECT_EQ(parsed("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), highest_address);
}

TEST(Address, RefusesWhatIsNoAddress) {
    for (const std::string& text : split_at_bars(
             "| |.|:|...|:::|::::|1|1.2.3|1.2.3.|.1.2.3.4|1.2.3.4.|1..2.3|1.2..3.4|1.2.3.4.5|256.1.1.1|"
             "1.256.1.1|1.1.256.1|1.1.1.256|1.1.1.1000|1000.1.1.1|01.1.1.1|1.00.1.1|1.1.001.1|1.1.1.01|"
             "1.2.3.4 | 1.2.3.4|+1.2.3.4|-1.2.3.4|1.2.3.0x4|1.2.3.a|1,2,3,4|1./.3.4|1.2./.4|1/2.3.4|"
             "1.2.3.4/32|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8:|:1:2:3:4:5:6:7:8|"
             "1:2:3:4:5:6:7:8::|::1:2:3:4:5:6:7:8|1:2:3:4::5:6:7:8|1::2::3|1:::2|12345::|::g|::1%eth0|"
             "fe80::1%1|[::1]|::1 |::1.2.3|::1.2.3.4.5|::01.2.3.4|::1.2.3.256|1.2.3.4::|::1.2.3.4:5|"
             "1:2:3:4:5:6:7:1.2.3.4|::00000|::.1.2.3")) {
        EXPECT_EQ(parsed(text), std::nullopt) << '"' << text << '"';
    }
    EXPECT_EQ(parsed(std::string_view("1.2.3.4\0", 8)), std::nullopt);
    EXPECT_EQ(parsed(std::string_view("1.2\0.3.4", 8)), std::nullopt);
    EXPECT_EQ(parsed(std::string_view("::1\0", 4)), std::nullopt);
    EXPECT_EQ(parse_address({}), std::nullopt);
}

TEST(Address, TakesEveryDecimalPartInEveryPlace) {
    for (unsigned place = 0; place < 4; ++place) {
        for (int width = 1; width <= 4; ++width) {
            for (unsigned value = 0; value < 10'000; ++value) {
                std::array<char, 16> part{};
                const int size = std::snprintf(part.data(), part.size(), "%0*u", width, value);
                std::string text;
                for (unsigned i = 0; i < 4; ++i) {
                    if (i) text += ".";
                    text += (i == place ? std::string(part.data()) : "77");
                }
                const bool valid = value <= 255 && (size == 1 || part[0] != '0');
                const unsigned shift = 24 - 8 * place;
                const std::uint32_t others = 0x4d4d4d4d & ~(0xffU << shift);
                const auto expected =
                    valid ? std::optional(address_of_ipv4(others | value << shift)) : std::nullopt;
                ASSERT_EQ(parse_address(text), expected) << text;
            }
        }
    }
}

TEST(Address, Ipv4ComesBack) {
    for (std::uint32_t low = 0; low < 0x10000; ++low) {
        for (const std::uint32_t ipv4 : {0xc0a8'0000 | low, low << 16 | 0x0a63, low << 8 | 0x0700'0009}) {
            const Address address = address_of_ipv4(ipv4);
            ASSERT_EQ(parse_address(to_string(address)), address) << std::hex << ipv4;
        }
    }
    Random random(1);
    for (int i = 0; i < 300'000; ++i) {
        const Address address = address_of_ipv4(static_cast<std::uint32_t>(random()) >> random() % 32);
        const std::string text = to_string(address);
        ASSERT_EQ(text, formatted_by_libc(address));
        ASSERT_EQ(parsed(text), address) << text;
    }
}

TEST(Address, PrintsAsRfc5952) {
    const std::array<std::array<std::string_view, 2>, 16> cases = {{
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    // the first of equal runs
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          // the longest run
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, // one group alone stays
        {"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},
        {"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"::1.2.3.4", "::102:304"}, // embedded, but not mapped
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
        {"::FFFF:1.2.3.4", "1.2.3.4"},            // mapped
        {"::fffe:ffff:ffff", "::fffe:ffff:ffff"}, // just below the mapped range
        {"::1:0:0:0", "::1:0:0:0"},               // just above
    }};
    for (const auto& [text, printed] : cases) {
        ASSERT_TRUE(parsed(text)) << text;
        EXPECT_EQ(to_string(*parsed(text)), printed);
    }
    EXPECT_EQ(to_string(highest_address), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(to_string(highest_address).size(), address_text_bytes_max);
    EXPECT_EQ(to_string(address_of_ipv4(0)), "0.0.0.0");
    EXPECT_EQ(to_string(address_of_ipv4(0xffffffff)), "255.255.255.255");
}

TEST(Address, PrintsAllPatternsOfZeroGroupsAsLibcDoes) {
    for (unsigned pattern = 0; pattern < 256; ++pattern) {
        for (const auto value :
             std::array<std::uint16_t, 8>{0x1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xfffe}) {
            std::array<std::uint16_t, 8> groups{};
            for (unsigned i = 0; i < 8; ++i) groups[i] = pattern >> i & 1 ? value : std::uint16_t{0};
            const std::string text = to_string(ipv6(groups));
            ASSERT_EQ(text, formatted_by_libc(ipv6(groups)));
            ASSERT_EQ(parsed(text), ipv6(groups)) << text;
        }
    }
}

TEST(Address, Ipv6ComesBackAndPrintsAsLibcDoes) {
    Random random(2);
    for (int i = 0; i < 300'000; ++i) {
        const Address address = random_ipv6(random);
        const std::string text = to_string(address);
        ASSERT_EQ(text, formatted_by_libc(address));
        ASSERT_EQ(parsed(text), address) << text;
    }
}

TEST(Address, PrintsWithinItsRoom) {
    Random random(3);
    for (int i = 0; i < 100'000; ++i) {
        std::array<char, address_text_bytes_max + 8> text;
        text.fill('#');
        const Address address = i % 3 == 0   ? Address{random(), random()}
                                : i % 3 == 1 ? random_ipv6(random)
                                             : address_of_ipv4(static_cast<std::uint32_t>(random()));
        const char* const end = format_address(text.data(), address);
        ASSERT_LE(end, text.data() + address_text_bytes_max);
        ASSERT_EQ(std::string_view(text.data() + address_text_bytes_max, 8), "########")
            << to_string(address);
    }
}

/// A text that looks like an address and often is one.
std::string random_text(Random& random) {
    const auto decimal_parts = [&random] {
        std::string text;
        const std::uint64_t parts = random() % 16 == 0 ? 3 + random() % 3 : 4;
        for (std::uint64_t i = 0; i < parts; ++i) {
            if (i) text += ".";
            text += std::to_string((random() % 300) >> random() % 9);
        }
        return text;
    };
    if (random() % 4 == 0) return decimal_parts();

    std::string text = random() % 4 == 0 ? "::" : "";
    const std::uint64_t groups = text.empty() ? 1 + random() % 9 : random() % 8;
    for (std::uint64_t i = 0; i < groups; ++i) {
        constexpr std::string_view digits = "0123456789abcdefABCDEF";
        if (i) text += random() % 6 == 0 ? "::" : ":";
        for (std::uint64_t width = 1 + random() % 4; width; --width) text += digits[random() % digits.size()];
    }
    if (random() % 4 == 0) text += ':' + (random() % 2 ? decimal_parts() : std::string(":"));
    return text;
}

void mutate(std::string& text, Random& random) {
    constexpr std::string_view likely = "0123456789abcdefABCDEFg:./% ";
    const char byte = random() % 4 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
    const std::size_t at = random() % (text.size() + 1);
    switch (random() % 3) {
    case 0:
        text.insert(at, 1, byte);
        break;
    case 1:
        if (at < text.size()) text.erase(at, 1);
        break;
    default:
        if (at < text.size()) text[at] = byte;
    }
}

TEST(Address, AgreesWithLibcOnRandomTexts) {
    Random random(4);
    int valid = 0;
    int invalid = 0;
    for (int i = 0; i < 400'000; ++i) {
        std::string text = i % 2 == 0   ? random_text(random)
                           : i % 4 == 1 ? to_string(random_ipv6(random))
                                        : to_string(address_of_ipv4(static_cast<std::uint32_t>(random())));
        for (std::uint64_t mutations = random() % 4; mutations; --mutations) mutate(text, random);
        const auto expected = parsed_by_libc(text);
        ASSERT_EQ(parsed(text), expected) << '"' << text << '"';
        ++(expected ? valid : invalid);
    }
    EXPECT_GT(valid, 80'000);
    EXPECT_GT(invalid, 80'000);
}

TEST(Address, AgreesWithLibcOnEveryReplacedByte) {
    for (const std::string_view original :
         {"0.0.0.0", "10.20.3.4", "255.255.255.255", "192.168.1.10", "::1.2.3.40",
          "::", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.235"}) {
        for (std::size_t at = 0; at < original.size(); ++at) {
            for (unsigned byte = 0; byte < 256; ++byte) {
                std::string text(original);
                text[at] = static_cast<char>(byte);
                ASSERT_EQ(parsed(text), parsed_by_libc(text)) << '"' << text << '"';
            }
        }
    }
}

TEST(Address, OrdersByNumber) {
    const std::array<std::string_view, 9> ascending = {
        "::",        "::1", "::fffe:ffff:ffff", "0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255",
        "::1:0:0:0", "1::"};
    EXPECT_TRUE(std::ranges::is_sorted(ascending, {}, [](std::string_view text) { return *parsed(text); }));
    EXPECT_EQ(next_address(*parsed("10.0.0.255")), *parsed("10.0.1.0"));
    EXPECT_EQ(next_address(*parsed("::ffff:ffff:ffff:ffff")), *parsed("0:0:0:1::"));
    EXPECT_TRUE(is_ipv4(*parsed("0.0.0.0")) && is_ipv4(*parsed("255.255.255.255")));
    EXPECT_FALSE(is_ipv4(*parsed("::1:0:0:0")) || is_ipv4(*parsed("::fffe:ffff:ffff")) ||
                 is_ipv4(*parsed("1::ffff:0:0")));
}

TEST(Network, ReadsAndPrints) {
    const std::array<std::array<std::string_view, 2>, 14> cases = {{
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.0.2.1/32", "192.0.2.1/32"},
        {"255.255.255.254/31", "255.255.255.254/31"},
        {"::/0", "::/0"},
        {"::1/128", "::1/128"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"8000::/1", "8000::/1"},
        {"2001:db8::/64", "2001:db8::/64"},
        {"2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"::ffff:c000:200/128", "192.0.2.0/32"},
        {"::192.0.2.0/120", "::c000:200/120"},
    }};
    for (const auto& [text, printed] : cases) {
        const auto [network, fault] = parsed_network(text);
        EXPECT_EQ(fault, NetworkFault::none) << text;
        EXPECT_EQ(to_string(network), printed);
        EXPECT_EQ(parsed_network(printed).network, network) << printed;
    }
    EXPECT_EQ(parsed_network("10.0.0.0/8").network, (Network{address_of_ipv4(0x0a000000), 104}));
    EXPECT_EQ(parsed_network("0.0.0.0/0").network, parsed_network("::ffff:0:0/96").network);
    // No parser gives this one, for its address has host bits set; the length must not be misread all the
    // same.
    EXPECT_EQ(to_string(Network{address_of_ipv4(0x01020304), 95}), "::ffff:102:304/95");
}

TEST(Network, RefusesWhatIsNoNetwork) {
    for (const std::string& text : split_at_bars(
             "|/|10.0.0.0|10.0.0.0/|/8|10.0.0.0/33|10.0.0.0/104|10.0.0.0/-1|10.0.0.0/+8|10.0.0.0/08|"
             "10.0.0.0/00|10.0.0.0/008|10.0.0.0/0008|10.0.0.0/8 |10.0.0.0/ 8| 10.0.0.0/8|10.0.0.0 /8|"
             "10.0.0/8|10/8|10.0.0.0/8/8|10.0.0.0//8|10.0.0.0/255.0.0.0|10.0.0.0/a|::|::/|::/129|::/999|"
             "::/1000|::/00|::/064|::g/64|fe80::%1/64|10.0.0.256/32|::/1.|::/:|::/4294967296|"
             "10.0.0.0/4294967304|::/18446744073709551616")) {
        EXPECT_EQ(parsed_network(text).fault, NetworkFault::not_a_network) << '"' << text << '"';
    }
    EXPECT_EQ(parsed_network(std::string_view("::/1\0", 5)).fault, NetworkFault::not_a_network);
    EXPECT_EQ(parse_network({}).fault, NetworkFault::not_a_network);
}

TEST(Network, TakesEveryPrefixLength) {
    for (unsigned length = 0; length < 1200; ++length) {
        const auto v4 = parsed_network("0.0.0.0/" + std::to_string(length));
        EXPECT_EQ(v4.fault, length <= 32 ? NetworkFault::none : NetworkFault::not_a_network) << length;
        if (length <= 32) {
            EXPECT_EQ(v4.network.prefix_length, length + 96);
        }
        const auto v6 = parsed_network("::/" + std::to_string(length));
        EXPECT_EQ(v6.fault, length <= 128 ? NetworkFault::none : NetworkFault::not_a_network) << length;
        if (length <= 128) {
            EXPECT_EQ(v6.network.prefix_length, length);
        }
    }
}

TEST(Network, NamesTheBlockWhereHostBitsAreSet) {
    const std::array<std::array<std::string_view, 2>, 6> cases = {{{"10.0.0.1/8", "10.0.0.0/8"},
                                                                   {"0.0.0.1/0", "0.0.0.0/0"},
                                                                   {"10.0.0.1/31", "10.0.0.0/31"},
                                                                   {"2001:db8::1/32", "2001:db8::/32"},
                                                                   {"2001:db8:0:1::/63", "2001:db8::/63"},
                                                                   {"::ffff:0:0/95", "::fffe:0:0/95"}}};
    for (const auto& [text, block] : cases) {
        EXPECT_EQ(parsed_network(text).fault, NetworkFault::host_bits_set) << text;
        EXPECT_EQ(to_string(parsed_network(text).network), block);
    }
}

TEST(Network, HoldsExactlyTheAddressesWithItsPrefix) {
    const auto bit = [](Address address, unsigned i) {
        return (i < 64 ? address.hi >> (63 - i) : address.lo >> (127 - i)) & 1;
    };
    const auto flip = [](Address& address, unsigned i) {
        (i < 64 ? address.hi : address.lo) ^= std::uint64_t{1} << (63 - i % 64);
    };
    Random random(5);
    for (int i = 0; i < 20'000; ++i) {
        const auto length = static_cast<unsigned>(random() % 129);
        Address first{random(), random()};
        Address last = first;
        for (unsigned j = length; j < 128; ++j) flip(bit(first, j) ? first : last, j);
        const Network network{first, static_cast<std::uint8_t>(length)};
        ASSERT_EQ(network.last(), last);
        ASSERT_TRUE(network.holds(first) && network.holds(last));
        Address other{random(), random()};
        for (unsigned j = 0; j < length; ++j) {
            if (bit(other, j) != bit(first, j)) flip(other, j);
        }
        ASSERT_TRUE(network.holds(other));
        if (length > 0) {
            flip(other, static_cast<unsigned>(random() % length));
            ASSERT_FALSE(network.holds(other));
        }

        // The text comes back, and one host bit more is a fault that names the same block.
        ASSERT_EQ(parsed_network(to_string(network)).fault, NetworkFault::none) << to_string(network);
        ASSERT_EQ(parsed_network(to_string(network)).network, network);
        if (length < 128) {
            Address host = first;
            flip(host, length + static_cast<unsigned>(random() % (128 - length)));
            const auto faulty = parsed_network(to_string(Network{host, network.prefix_length}));
            ASSERT_EQ(faulty.fault, NetworkFault::host_bits_set);
            ASSERT_EQ(faulty.network, network);
        }
    }
}

} // namespace
} // namespace ipscore
