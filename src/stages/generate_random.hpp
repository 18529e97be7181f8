// Pseudo-random numbers of `generate`: integers only, so that every compiler and libm makes the same bytes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ipscore::stages::generating {

__extension__ using Wide = unsigned __int128;

/// floor(fraction / 2^64 x bound): turns a 64-bit random number into one below `bound`.
[[nodiscard]] constexpr std::uint64_t scaled(std::uint64_t fraction, std::uint64_t bound) {
    return static_cast<std::uint64_t>((Wide{fraction} * bound) >> 64);
}

/// The last step of splitmix64; a bijection.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9;
    value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11eb;
    return value ^ (value >> 31);
}

/// A bijection of the numbers of `bits` bits (at most 63), another one for each key.
[[nodiscard]] constexpr std::uint64_t permuted(std::uint64_t value, unsigned bits, std::uint64_t key) {
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const unsigned shift = std::max(1U, bits / 2);
    for (int round = 0; round < 3; ++round) {
        key = mixed(key + 0x9e37'79b9'7f4a'7c15);
        value = (value * (key | 1) + (key >> 32)) & mask;
        value ^= value >> shift;
    }
    return value;
}

/// splitmix64. Each (seed, stream, index) starts a sequence of its own: a block of rows, a key or a network
/// needs no other to have been made before, which is why threads do not matter.
class Random {
public:
    Random(std::uint64_t seed, std::uint64_t stream, std::uint64_t index)
        : state_(mixed(mixed(mixed(seed + 1) + stream) + index)) {}

    std::uint64_t next() { return mixed(state_ += 0x9e37'79b9'7f4a'7c15); }
    std::uint64_t below(std::uint64_t bound) { return scaled(next(), bound); }
    bool chance(std::uint64_t per_mille) { return below(1000) < per_mille; }

private:
    std::uint64_t state_;
};

// Power laws without a table: rank floor(n u^k) of a uniform u has a popularity that falls as rank^(1/k - 1),
// that is Zipf with an exponent of 1/2 for the square, 2/3 for the cube and 3/4 for the fourth power.

[[nodiscard]] constexpr std::uint64_t rank_of_square(std::uint64_t fraction, std::uint64_t bound) {
    return scaled(scaled(fraction, fraction), bound);
}
[[nodiscard]] constexpr std::uint64_t rank_of_cube(std::uint64_t fraction, std::uint64_t bound) {
    return scaled(scaled(scaled(fraction, fraction), fraction), bound);
}
[[nodiscard]] constexpr std::uint64_t rank_of_fourth_power(std::uint64_t fraction, std::uint64_t bound) {
    const std::uint64_t square = scaled(fraction, fraction);
    return scaled(scaled(square, square), bound);
}

/// A weight with fewer decimals: a multiple of `grain`, but not 0.
[[nodiscard]] constexpr std::uint32_t coarsened(std::uint64_t value, std::uint64_t grain) {
    return static_cast<std::uint32_t>(std::max(value / grain, std::uint64_t{1}) * grain);
}

/// What a sequence is for; part of its start.
enum Stream : std::uint64_t {
    stream_rows = 1,
    stream_keys,
    stream_networks,
    stream_addresses,
    stream_companies
};

} // namespace ipscore::stages::generating
