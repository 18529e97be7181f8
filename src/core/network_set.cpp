#include "ipscore/core/network_set.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ipscore {

namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_in_ipv4(char c) noexcept { return is_digit(c) || c == '.'; }
constexpr bool is_in_ipv6(char c) noexcept {
    return is_in_ipv4(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Calls `look` with each longest piece of `text` that has only such characters, until it returns true.
template <class Is, class Look>
bool any_piece(std::string_view text, Is is, Look look) {
    for (auto at = text.begin(); at != text.end();) {
        const auto begin = std::find_if(at, text.end(), is);
        const auto end = std::find_if_not(begin, text.end(), is);
        if (begin != end && look(std::string_view(begin, end))) return true;
        at = end;
    }
    return false;
}

/// 0 to 255 with any number of leading zeros, or nothing, which is given as 256.
std::uint32_t part_of(std::string_view digits) noexcept {
    constexpr std::uint32_t none = 256;
    if (digits.empty()) return none;
    std::uint32_t value = 0;
    for (const char digit : digits) {
        value = value * 10 + static_cast<std::uint32_t>(digit - '0');
        if (value >= none) return none;
    }
    return value;
}

/// Calls `look` with every four parts of `piece` in a row that make an address.
template <class Look>
bool any_ipv4(std::string_view piece, Look look) {
    constexpr std::size_t parts_needed = 4;
    std::array<std::uint32_t, parts_needed> parts{};
    std::size_t good = 0; // parts in a row
    while (true) {
        const std::size_t dot = piece.find('.');
        const std::uint32_t part = part_of(piece.substr(0, dot));
        std::rotate(parts.begin(), parts.begin() + 1,
                    parts.end()); // clang-tidy 14 cannot read that of std::ranges
        parts.back() = part;
        good = part <= 255 ? good + 1 : 0;
        if (good >= parts_needed &&
            look(address_of_ipv4(parts[0] << 24U | parts[1] << 16U | parts[2] << 8U | parts[3])))
            return true;
        if (dot == std::string_view::npos) return false;
        piece.remove_prefix(dot + 1);
    }
}

} // namespace

NetworkSet::NetworkSet(std::vector<Network> networks) {
    // Of two that overlap one holds the other, and it comes first: it begins earlier, or is the shorter
    // prefix.
    std::ranges::sort(networks);
    for (const Network& network : networks) {
        if (networks_.empty() || !networks_.back().holds(network.first)) networks_.push_back(network);
    }
}

bool NetworkSet::holds(Address address) const noexcept {
    const auto after = std::ranges::upper_bound(networks_, address, {}, &Network::first);
    return after != networks_.begin() && (after - 1)->holds(address);
}

bool NetworkSet::holds(const Network& network) const noexcept {
    const auto after = std::ranges::upper_bound(networks_, network.first, {}, &Network::first);
    return after != networks_.begin() && (after - 1)->holds(network.first) &&
           (after - 1)->prefix_length <= network.prefix_length;
}

void NetworkSet::add(std::span<const Network> networks) {
    std::vector<Network> all = std::move(networks_);
    networks_.clear();
    all.insert(all.end(), networks.begin(), networks.end());
    *this = NetworkSet(std::move(all));
}

bool NetworkSet::is_named_in(std::string_view text) const {
    if (empty()) return false;
    const auto is_held = [this](Address address) { return holds(address); };
    const auto has_ipv4 = [&](std::string_view piece) { return any_ipv4(piece, is_held); };
    const auto is_ipv6 = [&](std::string_view piece) {
        // What stands at the end of a sentence, or before a port.
        while (piece.ends_with('.')) piece.remove_suffix(1);
        for (std::string_view whole = piece; !whole.empty();) {
            const auto address = parse_address(whole);
            if (address && holds(*address)) return true;
            const std::size_t colon = whole.rfind(':');
            if (colon == std::string_view::npos) break;
            whole = whole.substr(0, colon);
        }
        return false;
    };
    return any_piece(text, is_in_ipv4, has_ipv4) || any_piece(text, is_in_ipv6, is_ipv6);
}

} // namespace ipscore
