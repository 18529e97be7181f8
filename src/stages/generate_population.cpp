#include "generate_population.hpp"

#include "generate_random.hpp"

#include <array>
#include <optional>
#include <utility>

namespace ipscore::stages::generating {

namespace {

constexpr std::uint64_t addresses_per_network = 150;
constexpr std::uint64_t networks_min = 8;
constexpr std::uint64_t ipv4_company_blocks_max = 16'384;
constexpr std::uint64_t ipv6_company_blocks_max = 65'536;
constexpr std::uint64_t ipv6_blocks_max = std::uint64_t{1} << 21;
constexpr std::uint64_t ipv6_networks_per_mille = 150;
constexpr std::uint64_t ipv6_addresses_per_mille = 120;
constexpr std::uint64_t company_addresses_per_mille = 400;
constexpr std::uint64_t excluded_of_company_addresses_per_mille =
    125;                                         ///< hosting and vpn: 5 % of all addresses
constexpr std::uint64_t household_addresses = 3; ///< IPv6 addresses that share a /64

/// A range that addresses are taken from, each once: a company network without the networks nested in it, or
/// a provider's block that companies.csv does not know.
struct Site {
    Address first;
    unsigned free_bits = 0; ///< IPv4: bits of the host; IPv6: bits of the /64's number
    bool ipv6 = false;
    bool servers = false; ///< numbered by hand (2a00:1::1f) rather than by themselves
    std::uint64_t key = 0;
    std::uint64_t taken = 0;

    /// The next address; nothing when the site is full.
    std::optional<Address> take() {
        const std::uint64_t mask = (std::uint64_t{1} << free_bits) - 1;
        if (ipv6) {
            const std::uint64_t number = taken++;
            const std::uint64_t subnet = permuted((number / household_addresses) & mask, free_bits, key);
            // Distinct within the site whatever the subnet: mixed() is a bijection.
            return Address{first.hi | subnet, servers ? number + 1 : mixed(key ^ number)};
        }
        while (taken <= mask) {
            const std::uint64_t host = permuted(taken++, free_bits, key);
            if (host != 0 && host != mask) return Address{first.hi, first.lo + host};
        }
        return std::nullopt;
    }
};

/// Draws sites in proportion to their weights.
class Picker {
public:
    void add(std::size_t site, std::uint64_t weight) {
        sites_.push_back(site);
        ends_.push_back((ends_.empty() ? 0 : ends_.back()) + weight);
    }
    [[nodiscard]] bool empty() const { return sites_.empty(); }
    [[nodiscard]] std::size_t pick(Random& random) const {
        const auto end = std::upper_bound(ends_.begin(), ends_.end(), random.below(ends_.back()));
        return sites_[static_cast<std::size_t>(end - ends_.begin())];
    }

private:
    std::vector<std::size_t> sites_;
    std::vector<std::uint64_t> ends_;
};

/// The public IPv4 /16s in the order of the seed, as their upper 16 bits: no reserved, private or multicast
/// ones, nor those of a military that does not browse.
std::vector<std::uint16_t> public_ipv4_blocks(Random& random) {
    constexpr std::array<std::uint8_t, 22> not_public{0,  6,  7,   10,  11,  21,  22,  26,  28,  29,  30,
                                                      33, 55, 100, 127, 169, 172, 192, 198, 203, 214, 215};
    std::vector<std::uint16_t> blocks;
    for (std::uint16_t block = 0; block < 224 * 256; ++block)
        if (std::find(not_public.begin(), not_public.end(), block >> 8) == not_public.end())
            blocks.push_back(block);
    for (std::size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[random.below(i)]);
    return blocks;
}

Address ipv4_address(std::uint64_t block, std::uint64_t offset) {
    return address_of_ipv4(static_cast<std::uint32_t>(block << 16 | offset));
}

/// The IPv6 /32 with this number in the order of the seed.
Address ipv6_block(std::uint64_t number, std::uint64_t seed) {
    constexpr std::array<std::uint16_t, 32> registries{
        0x2003, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x2409, 0x240e,
        0x2600, 0x2601, 0x2602, 0x2603, 0x2604, 0x2605, 0x2606, 0x2607, 0x2800, 0x2803, 0x2804,
        0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a0a, 0x2a0d, 0x2c0f};
    const std::uint64_t block = permuted(number, 21, seed);
    return {std::uint64_t{registries[block >> 16]} << 48 | (block & 0xffff) << 32, 0};
}

/// Lays networks out and then draws addresses from them.
class Builder {
public:
    Builder(std::uint64_t seed, std::uint64_t addresses)
        : seed_(seed),
          addresses_(addresses),
          layout_(seed, stream_networks, 0),
          ipv4_blocks_(public_ipv4_blocks(layout_)) {}

    Population build(bool gateway) {
        const std::uint64_t networks = std::max(networks_min, addresses_ / addresses_per_network);
        const std::uint64_t ipv6_networks =
            std::max<std::uint64_t>(2, networks * ipv6_networks_per_mille / 1000);
        lay_out_ipv4(networks - ipv6_networks);
        lay_out_ipv6(networks);
        add_residential_sites();
        assign_companies();
        draw_addresses(gateway);
        // companies.csv is not sorted in real life either.
        for (std::size_t i = made_.networks.size(); i > 1; --i)
            std::swap(made_.networks[i - 1], made_.networks[layout_.below(i)]);
        return std::move(made_);
    }

private:
    /// The type of a provider, who holds a whole block, inside of which others may have their networks.
    NetworkType provider_type(bool first) {
        const std::uint64_t draw = layout_.below(100);
        if (first || draw < 70) return NetworkType::isp;
        return draw < 85 ? NetworkType::mobile : NetworkType::hosting;
    }

    NetworkType tenant_type(NetworkType provider) {
        if (made_.networks.size() < 2) return NetworkType::business; // the gateway needs one
        const std::uint64_t draw = layout_.below(100);
        const std::uint64_t excluded_percent = provider == NetworkType::hosting ? 50 : 6;
        if (draw >= excluded_percent) return NetworkType::business;
        return draw % 2 == 0 ? NetworkType::hosting : NetworkType::vpn;
    }

    /// Up to 6 decimals; providers say less about who sits behind an address.
    Millionths draw_confidence(NetworkType type) {
        constexpr std::array<std::uint64_t, 6> grains{100'000, 50'000, 10'000, 10'000, 1'000, 1};
        const std::uint64_t lowest = type == NetworkType::business ? 300'000 : 50'000;
        const std::uint64_t span = type == NetworkType::business ? 700'001 : 450'000;
        const std::uint64_t grain = grains[layout_.below(grains.size())];
        return coarsened(lowest + layout_.below(span), grain);
    }

    /// Adds a network and its site, from which addresses are drawn in proportion to `weight`.
    void add_network(const Network& network, NetworkType type, Site site, std::uint64_t weight) {
        site.key = layout_.next();
        site.servers = type == NetworkType::hosting;
        made_.networks.push_back({network, type, 0, draw_confidence(type)});
        const bool excluded = type == NetworkType::hosting || type == NetworkType::vpn;
        pickers_[site.ipv6][excluded ? picker_excluded : picker_company].add(sites_.size(), weight);
        sites_.push_back(site);
    }

    /// Networks of /17 to /29 in /16s, of which about 3 in 5 are a provider's own network as a whole.
    void lay_out_ipv4(std::uint64_t networks_wanted) {
        constexpr std::array<std::uint8_t, 32> lengths{29, 29, 29, 28, 28, 28, 27, 27, 27, 26, 26,
                                                       26, 25, 25, 25, 24, 24, 24, 24, 24, 24, 24,
                                                       24, 24, 23, 23, 23, 22, 22, 21, 20, 19};
        while (made_.networks.size() < networks_wanted && ipv4_used_ < ipv4_company_blocks_max) {
            const std::uint64_t block = ipv4_blocks_[ipv4_used_];
            const bool has_provider = ipv4_used_ == 0 || layout_.chance(600);
            NetworkType provider = NetworkType::business;
            std::uint64_t limit = 0x1'0000;
            if (has_provider) {
                // The provider's own addresses lie in the upper quarter, those of its tenants below.
                limit = 0xc000;
                provider = provider_type(ipv4_used_ == 0);
                add_network({ipv4_address(block, 0), 96 + 16}, provider,
                            {.first = ipv4_address(block, limit), .free_bits = 14}, 400);
            }
            ++ipv4_used_;
            std::uint64_t tenants = 12 + layout_.below(24);
            if (!has_provider && layout_.chance(100)) { // one large company, and little beside it
                add_network({ipv4_address(block, 0), 96 + 17}, NetworkType::business,
                            {.first = ipv4_address(block, 0), .free_bits = 15}, 300);
                tenants /= 4;
            }
            std::uint64_t cursor = limit == 0x1'0000 ? 0x8000 : 0;
            for (; tenants > 0 && made_.networks.size() < networks_wanted; --tenants) {
                const std::uint8_t length = lengths[layout_.below(lengths.size())];
                const unsigned free_bits = 32U - length;
                const std::uint64_t size = std::uint64_t{1} << free_bits;
                const std::uint64_t offset = (cursor + size - 1) / size * size;
                if (offset + size > limit) break;
                cursor = offset + size * (1 + layout_.below(3));
                const Address first = ipv4_address(block, offset);
                // From 3 addresses of a /29 to 200 of a /19.
                constexpr std::array<std::uint64_t, 14> weights{0,  0,  0,  3,  5,   10,  20,
                                                                32, 48, 64, 95, 130, 170, 200};
                add_network({first, static_cast<std::uint8_t>(96 + length)}, tenant_type(provider),
                            {.first = first, .free_bits = free_bits}, weights[free_bits]);
            }
        }
    }

    /// Networks of /40 to /64 in /32s, of which about 7 in 10 are a provider's own network as a whole.
    void lay_out_ipv6(std::uint64_t networks_wanted) {
        constexpr std::array<std::uint8_t, 12> lengths{40, 44, 48, 48, 48, 48, 52, 56, 56, 60, 64, 64};
        while (made_.networks.size() < networks_wanted && ipv6_used_ < ipv6_company_blocks_max) {
            const Address block = ipv6_block(ipv6_used_, seed_);
            NetworkType provider = NetworkType::business;
            if (ipv6_used_ == 0 || layout_.chance(700)) {
                provider = provider_type(ipv6_used_ == 0);
                const std::uint64_t own = block.hi | 0xff00'0000; // its tenants have the other /40s
                add_network({block, 32}, provider, {.first = {own, 0}, .free_bits = 24, .ipv6 = true}, 400);
            }
            ++ipv6_used_;
            const std::uint64_t tenants = 6 + layout_.below(16);
            for (std::uint64_t slot = 1; slot <= tenants && made_.networks.size() < networks_wanted; ++slot) {
                const std::uint8_t length = lengths[layout_.below(lengths.size())];
                const unsigned free_bits = 64U - length;
                const std::uint64_t within_slot = layout_.below(std::uint64_t{1} << (length - 40));
                const Address first{block.hi | slot << 24 | within_slot << free_bits, 0};
                add_network({first, length}, tenant_type(provider),
                            {.first = first, .free_bits = free_bits, .ipv6 = true}, 16 + 4 * free_bits);
            }
        }
    }

    /// The blocks of access providers that nobody has put into companies.csv.
    void add_residential_sites() {
        const std::uint64_t ipv4_blocks =
            std::min<std::uint64_t>(addresses_ / 3000 + 1, ipv4_blocks_.size() - ipv4_used_);
        for (std::uint64_t i = 0; i < ipv4_blocks; ++i)
            add_residential_site({.first = ipv4_address(ipv4_blocks_[ipv4_used_ + i], 0), .free_bits = 16});
        const std::uint64_t ipv6_blocks = std::min(addresses_ / 30'000 + 1, ipv6_blocks_max - ipv6_used_);
        for (std::uint64_t i = 0; i < ipv6_blocks; ++i)
            add_residential_site({.first = ipv6_block(ipv6_used_ + i, seed_), .free_bits = 32, .ipv6 = true});
    }

    void add_residential_site(Site site) {
        site.key = layout_.next();
        pickers_[site.ipv6][picker_residential].add(sites_.size(), 1);
        sites_.push_back(site);
    }

    /// Half as many companies as networks: each has one, and a few have many.
    void assign_companies() {
        std::array<std::uint64_t, network_types> networks{};
        std::array<std::uint64_t, network_types> met{};
        for (const CompanyNetwork& network : made_.networks)
            ++networks[static_cast<std::size_t>(network.type)];
        for (CompanyNetwork& network : made_.networks) {
            const auto type = static_cast<std::size_t>(network.type);
            const std::uint64_t companies = (networks[type] + 1) / 2;
            const std::uint64_t number = met[type]++;
            network.company = number < companies ? number : rank_of_square(layout_.next(), companies);
        }
    }

    void draw_addresses(bool gateway) {
        Random random(seed_, stream_addresses, 0);
        made_.addresses.reserve(addresses_);
        if (gateway) made_.addresses.push_back(draw_gateway(random));
        while (made_.addresses.size() < addresses_) {
            const bool ipv6 = random.chance(ipv6_addresses_per_mille);
            PickerKind kind = picker_residential;
            if (random.chance(company_addresses_per_mille))
                kind =
                    random.chance(excluded_of_company_addresses_per_mille) ? picker_excluded : picker_company;
            // Small networks fill up; then another one is tried, and at last a block that has room for sure.
            auto address = take_from(pickers_[ipv6][kind], random);
            if (!address) address = take_from(pickers_[ipv6][picker_residential], random);
            if (address) made_.addresses.push_back(*address);
        }
    }

    std::optional<Address> take_from(const Picker& picker, Random& random) {
        std::optional<Address> address;
        for (int attempt = 0; attempt < 8 && !address && !picker.empty(); ++attempt)
            address = sites_[picker.pick(random)].take();
        return address;
    }

    /// Networks come before the residential sites, each with its site under the same number.
    Address draw_gateway(Random& random) {
        while (true) {
            const std::uint64_t number = random.below(made_.networks.size());
            if (made_.networks[number].type == NetworkType::business && !sites_[number].ipv6)
                return sites_[number].take().value();
        }
    }

    enum PickerKind : std::size_t { picker_residential, picker_company, picker_excluded, picker_kinds };

    std::uint64_t seed_;
    std::uint64_t addresses_;
    Random layout_;
    std::vector<std::uint16_t> ipv4_blocks_;
    std::uint64_t ipv4_used_ = 0; ///< blocks that hold networks
    std::uint64_t ipv6_used_ = 0;
    std::vector<Site> sites_;
    std::array<std::array<Picker, picker_kinds>, 2> pickers_; ///< of IPv4, of IPv6
    Population made_;
};

} // namespace

std::string_view to_string(NetworkType type) {
    constexpr std::array<std::string_view, network_types> names{"business", "isp", "hosting", "vpn",
                                                                "mobile"};
    return names[static_cast<std::size_t>(type)];
}

Population make_population(std::uint64_t seed, std::uint64_t addresses, bool gateway) {
    return Builder(seed, addresses).build(gateway);
}

} // namespace ipscore::stages::generating
