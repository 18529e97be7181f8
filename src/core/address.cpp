#include "ipscore/core/address.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace ipscore {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the word-wise parsing reads text as little-endian words");

std::uint64_t load_8_bytes(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

std::uint32_t load_4_bytes(const char* from) {
    std::uint32_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// Bit 7 of every byte that is a point. A '/' just behind a point is reported too, which makes an empty part
/// and so is refused all the same.
constexpr std::uint64_t points_in(std::uint64_t word) {
    const std::uint64_t zero_at_points = word ^ 0x2e2e2e2e2e2e2e2e;
    return (zero_at_points - 0x0101010101010101) & ~zero_at_points & 0x8080808080808080;
}

// What the length of a part in bytes (0 to 7) asks of it: which bytes hold digits, and the smallest digits
// without a leading zero. No digits reach what an invalid length asks.
constexpr std::uint64_t unreachable = 0x7fffffff;
constexpr std::array<std::uint64_t, 8> digit_masks = {0, 0x0000ff, 0x00ffff, 0xffffff, 0, 0, 0, 0};
constexpr std::array<std::uint64_t, 8> smallest_digits = {unreachable, 0,           0x000100,    0x010000,
                                                          unreachable, unreachable, unreachable, unreachable};

/// Two of the four parts, in lanes of 32 bits, each with one digit a byte, the units lowest and zeros above.
struct TwoParts {
    std::uint64_t digits;
    std::uint64_t smallest;

    /// Each text has its last digit in the lowest byte; what lies above its length does not count.
    TwoParts(std::uint64_t low_text, unsigned low_bytes, std::uint64_t high_text, unsigned high_bytes)
        : digits(((low_text ^ 0x303030) & digit_masks[low_bytes]) |
                 ((high_text ^ 0x303030) & digit_masks[high_bytes]) << 32),
          smallest(smallest_digits[low_bytes] | smallest_digits[high_bytes] << 32) {}

    /// 1 to 3 digits each, no leading zero, at most 255.
    [[nodiscard]] bool valid() const {
        const std::uint64_t lane_tops = 0x8000000080000000;
        const std::uint64_t not_digits = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
        // Each difference keeps a lane's top bit where the lane may be taken away from it.
        const std::uint64_t at_most_255 = (0x0002050500020505 | lane_tops) - digits;
        const std::uint64_t no_leading_zero = (digits | lane_tops) - smallest;
        return ((~(at_most_255 & no_leading_zero) & lane_tops) | not_digits) == 0;
    }

    /// The value of each part in its lane.
    [[nodiscard]] std::uint64_t values() const {
        const std::uint64_t lane_byte = 0x000000ff000000ff;
        return (digits & lane_byte) + 10 * ((digits >> 8) & lane_byte) + 100 * ((digits >> 16) & lane_byte);
    }
};

constexpr std::uint64_t not_ipv4 = ~std::uint64_t{0}; // a plain number, for an optional goes through memory

/// Four decimal parts of 1 to 3 digits, or not_ipv4. No branch depends on how long each is, for none of those
/// could be predicted.
std::uint64_t parse_ipv4(const char* text, std::size_t size_bytes) noexcept {
    constexpr std::size_t shortest_bytes = 7; // 0.0.0.0
    constexpr std::size_t longest_bytes = 15; // 255.255.255.255
    if (size_bytes < shortest_bytes || size_bytes > longest_bytes) return not_ipv4;

    // The first two parts and their points lie in the first 8 bytes, the last two and theirs in the last 8.
    std::uint64_t head;
    std::uint64_t tail;
    if (size_bytes >= 8) {
        head = load_8_bytes(text);
        tail = load_8_bytes(text + size_bytes - 8);
    } else {
        head = load_4_bytes(text) | std::uint64_t{load_4_bytes(text + 3)} << 24;
        tail = head << 8;
    }
    const std::uint64_t tail_reversed = __builtin_bswap64(tail); // the last character is the lowest byte
    const std::uint64_t head_reversed = __builtin_bswap64(head); // the first character is the highest byte

    const std::uint64_t head_points = points_in(head);
    const std::uint64_t tail_points = points_in(tail_reversed);
    const std::uint64_t second_head_points = head_points & (head_points - 1);
    const std::uint64_t second_tail_points = tail_points & (tail_points - 1);
    if (second_head_points == 0 || second_tail_points == 0) return not_ipv4;

    const auto bytes_before = [](std::uint64_t points) {
        return static_cast<unsigned>(std::countr_zero(points)) / 8;
    };
    const unsigned a_bytes = bytes_before(head_points);
    const unsigned ab_bytes = bytes_before(second_head_points);
    const unsigned d_bytes = bytes_before(tail_points);
    const unsigned cd_bytes = bytes_before(second_tail_points);
    const unsigned b_bytes = ab_bytes - a_bytes - 1;
    const unsigned c_bytes = cd_bytes - d_bytes - 1;
    if (ab_bytes + 1 + cd_bytes != size_bytes) return not_ipv4;

    const TwoParts ba(head_reversed >> (64 - 8 * ab_bytes), b_bytes, head_reversed >> 8 >> (56 - 8 * a_bytes),
                      a_bytes);
    const TwoParts dc(tail_reversed, d_bytes, tail_reversed >> (8 * d_bytes + 8), c_bytes);
    if (!ba.valid() || !dc.valid()) return not_ipv4;

    const std::uint64_t dbca = dc.values() | ba.values() << 16; // the lowest first, 16 bits each
    return (dbca & 0x00ff00ff) | (dbca >> 24 & 0xff00ff00);
}

constexpr std::uint8_t not_hexadecimal = 0xff;

constexpr auto hexadecimal_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_hexadecimal);
    for (unsigned i = 0; i < 10; ++i) values['0' + i] = static_cast<std::uint8_t>(i);
    for (unsigned i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<std::uint8_t>(10 + i);
    return values;
}();

constexpr unsigned groups_per_address = 8;
using Groups = std::array<std::uint16_t, groups_per_address>; // the most significant first

constexpr Address address_of(const Groups& groups) {
    Address address;
    for (unsigned i = 0; i < 4; ++i) {
        address.hi = address.hi << 16 | groups[i];
        address.lo = address.lo << 16 | groups[4 + i];
    }
    return address;
}

std::optional<Address> parse_ipv6(const char* text, std::size_t size_bytes) noexcept {
    const char* const end = text + size_bytes;
    Groups groups{};
    unsigned count = 0;
    constexpr unsigned no_gap = groups_per_address + 1;
    unsigned gap = no_gap; // how many groups come before the "::"

    if (size_bytes < 2) return std::nullopt;
    if (*text == ':') {
        if (text[1] != ':') return std::nullopt;
        gap = 0;
        text += 2;
    }
    while (text != end) {
        const char* const group_text = text;
        unsigned value = 0;
        while (text != end && text != group_text + 4) {
            const std::uint8_t digit = hexadecimal_values[static_cast<unsigned char>(*text)];
            if (digit == not_hexadecimal) break;
            value = value << 4 | digit;
            ++text;
        }
        if (text == group_text || count == groups_per_address) return std::nullopt;
        if (text != end && *text == '.') {
            const auto ipv4 = parse_ipv4(group_text, static_cast<std::size_t>(end - group_text));
            if (ipv4 == not_ipv4 || count > groups_per_address - 2) return std::nullopt;
            groups[count++] = static_cast<std::uint16_t>(ipv4 >> 16);
            groups[count++] = static_cast<std::uint16_t>(ipv4);
            break;
        }
        groups[count++] = static_cast<std::uint16_t>(value);
        if (text == end) break;
        if (*text != ':' || ++text == end) return std::nullopt;
        if (*text == ':') {
            if (gap != no_gap) return std::nullopt;
            gap = count;
            ++text;
        }
    }

    if (gap == no_gap) {
        if (count != groups_per_address) return std::nullopt;
    } else {
        if (count == groups_per_address) return std::nullopt; // "::" stands for at least one group
        const unsigned missing = groups_per_address - count;
        for (unsigned i = count; i-- > gap;) {
            groups[i + missing] = groups[i];
            groups[i] = 0;
        }
    }
    return address_of(groups);
}

/// The text of one part with the point behind it, and how many of the bytes count.
struct PartText {
    std::array<char, 4> text;
    std::uint8_t size_bytes;
};

constexpr auto part_texts = [] {
    std::array<PartText, 256> parts{};
    for (unsigned value = 0; value < 256; ++value) {
        PartText& part = parts[value];
        if (value >= 100) part.text[part.size_bytes++] = static_cast<char>('0' + value / 100);
        if (value >= 10) part.text[part.size_bytes++] = static_cast<char>('0' + value / 10 % 10);
        part.text[part.size_bytes++] = static_cast<char>('0' + value % 10);
        part.text[part.size_bytes++] = '.';
    }
    return parts;
}();

/// Writes up to 16 bytes, of which the text is the first 7 to 15.
char* format_ipv4(char* out, std::uint32_t ipv4) noexcept {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const PartText& part = part_texts[ipv4 >> shift & 0xff];
        std::memcpy(out, part.text.data(), part.text.size());
        out += part.size_bytes;
    }
    return out - 1; // without the last point
}

constexpr auto hexadecimal_pairs = [] {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> pairs{};
    for (unsigned byte = 0; byte < 256; ++byte) pairs[byte] = {digits[byte >> 4], digits[byte & 15]};
    return pairs;
}();

/// Writes 4 bytes, of which the text is the first 1 to 4.
char* format_group(char* out, unsigned group) noexcept {
    const unsigned size = (static_cast<unsigned>(std::bit_width(group | 1)) + 3) / 4;
    const unsigned left_aligned = group << (4 * (4 - size)) & 0xffff;
    std::memcpy(out, hexadecimal_pairs[left_aligned >> 8].data(), 2);
    std::memcpy(out + 2, hexadecimal_pairs[left_aligned & 0xff].data(), 2);
    return out + size;
}

char* format_ipv6(char* out, Address address) noexcept {
    Groups groups;
    for (unsigned i = 0; i < 4; ++i) {
        groups[i] = static_cast<std::uint16_t>(address.hi >> (48 - 16 * i));
        groups[4 + i] = static_cast<std::uint16_t>(address.lo >> (48 - 16 * i));
    }

    // RFC 5952: the longest run of two or more zero groups is left out, the first of equals.
    unsigned gap_begin = groups_per_address;
    unsigned gap_size = 1;
    for (unsigned i = 0, run = 0; i < groups_per_address; ++i) {
        run = groups[i] == 0 ? run + 1 : 0;
        if (run > gap_size) {
            gap_size = run;
            gap_begin = i + 1 - run;
        }
    }

    for (unsigned i = 0; i < groups_per_address;) {
        if (i == gap_begin) {
            *out++ = ':';
            i += gap_size;
            if (i == groups_per_address) *out++ = ':';
        } else {
            if (i != 0) *out++ = ':';
            out = format_group(out, groups[i++]);
        }
    }
    return out;
}

/// The bits of the upper or lower half that the first `bits` (0 to 64) of it cover.
constexpr std::uint64_t high_bits_mask(unsigned bits) {
    return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - bits);
}

constexpr Address mask_of(unsigned prefix_length) {
    return {high_bits_mask(prefix_length < 64 ? prefix_length : 64),
            high_bits_mask(prefix_length > 64 ? prefix_length - 64 : 0)};
}

constexpr unsigned ipv4_prefix_offset = 96;

/// 1 to 3 digits without a leading zero; nothing above `longest` either.
std::optional<unsigned> parse_prefix_length(std::string_view text, unsigned longest) noexcept {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned length = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        length = 10 * length + static_cast<unsigned>(c - '0');
    }
    if (length > longest) return std::nullopt;
    return length;
}

} // namespace

std::optional<Address> parse_address(std::string_view text) noexcept {
    const std::uint64_t ipv4 = parse_ipv4(text.data(), text.size());
    if (ipv4 != not_ipv4) return address_of_ipv4(static_cast<std::uint32_t>(ipv4));
    return parse_ipv6(text.data(), text.size());
}

char* format_address(char* out, Address address) noexcept {
    return is_ipv4(address) ? format_ipv4(out, static_cast<std::uint32_t>(address.lo))
                            : format_ipv6(out, address);
}

std::string to_string(Address address) {
    std::array<char, address_text_bytes_max> text;
    return {text.data(), format_address(text.data(), address)};
}

Address Network::last() const noexcept {
    const Address mask = mask_of(prefix_length);
    return {first.hi | ~mask.hi, first.lo | ~mask.lo};
}

ParsedNetwork parse_network(std::string_view text) noexcept {
    constexpr ParsedNetwork not_a_network{{}, NetworkFault::not_a_network};
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return not_a_network;

    Address address;
    std::optional<unsigned> length;
    if (const std::uint64_t ipv4 = parse_ipv4(text.data(), slash); ipv4 != not_ipv4) {
        address = address_of_ipv4(static_cast<std::uint32_t>(ipv4));
        length = parse_prefix_length(text.substr(slash + 1), 32);
        if (length) *length += ipv4_prefix_offset;
    } else if (const auto ipv6 = parse_ipv6(text.data(), slash)) {
        address = *ipv6;
        length = parse_prefix_length(text.substr(slash + 1), 128);
    }
    if (!length) return not_a_network;

    // With host bits set, the network is the one that holds the address: what the operator may have meant.
    const Address mask = mask_of(*length);
    const Network network{{address.hi & mask.hi, address.lo & mask.lo}, static_cast<std::uint8_t>(*length)};
    return {network, network.first == address ? NetworkFault::none : NetworkFault::host_bits_set};
}

std::string to_string(const Network& network) {
    // In a well-formed network, an address of the mapped range has a prefix of at least 96 bits.
    const bool as_ipv4 = is_ipv4(network.first) && network.prefix_length >= ipv4_prefix_offset;
    std::array<char, address_text_bytes_max> text;
    char* const end = as_ipv4 ? format_ipv4(text.data(), static_cast<std::uint32_t>(network.first.lo))
                              : format_ipv6(text.data(), network.first);
    std::string written(text.data(), end);
    written += '/';
    written += std::to_string(network.prefix_length - (as_ipv4 ? ipv4_prefix_offset : 0));
    return written;
}

} // namespace ipscore
