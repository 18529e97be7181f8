#include "ipscore/io/scale_offset.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Eight values of W bits are W whole bytes, so groups of eight are coded by kernels that know W and thus
// every shift. Kernels read and write whole words, up to `overrun_bytes` past their last group.
namespace ipscore::io {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are copied and words swapped as little-endian");

constexpr std::size_t header_bytes = 21;
constexpr std::size_t overrun_bytes = 32;
constexpr std::size_t group_values = 8;

template <class U>
constexpr unsigned full_width = std::numeric_limits<U>::digits;

inline std::uint64_t load_big_endian(const std::byte* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return __builtin_bswap64(word);
}

inline void store_big_endian(std::byte* to, std::uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(to, &word, sizeof word);
}

// ---- portable kernels: `groups` groups of eight values, U unsigned, 0 < W < width of U

template <class U, unsigned W>
void pack_portable(const U* values, std::size_t groups, U min, std::byte* out) {
    for (; groups > 0; --groups, values += group_values, out += W) {
        std::uint64_t word = 0;
#pragma GCC unroll 8
        for (unsigned i = 0; i < group_values; ++i) {
            // NOLINTNEXTLINE(modernize-use-auto): one type for every U
            const std::uint64_t offset = static_cast<U>(values[i] - min);
            const unsigned first = i * W % 64, end = first + W;
            std::byte* const to = out + std::size_t{i * W / 64} * 8;
            if (end < 64) {
                word |= offset << (64 - end);
            } else if (end == 64) {
                store_big_endian(to, word | offset);
                word = 0;
            } else {
                store_big_endian(to, word | offset >> (end - 64));
                word = offset << (128 - end);
            }
        }
        if (W % 8 != 0) store_big_endian(out + std::size_t{W / 8} * 8, word);
    }
}

template <class U, unsigned W>
void unpack_portable(const std::byte* in, std::size_t groups, U min, U* values) {
    constexpr std::uint64_t mask = (std::uint64_t{1} << W) - 1;
    for (; groups > 0; --groups, values += group_values, in += W) {
        std::uint64_t word = load_big_endian(in);
        unsigned word_bit = 0;
#pragma GCC unroll 8
        for (unsigned i = 0; i < group_values; ++i) {
            const unsigned first = i * W, end = first + W;
            if (end > word_bit + 64) {
                word_bit = first / 8 * 8;
                word = load_big_endian(in + first / 8);
            }
            std::uint64_t offset;
            if (end <= word_bit + 64) {
                offset = word >> (word_bit + 64 - end);
            } else { // wider than 57 bits, the value may end in a ninth byte
                const unsigned beyond = end - word_bit - 64;
                offset =
                    word << beyond | std::to_integer<std::uint64_t>(in[word_bit / 8 + 8]) >> (8 - beyond);
            }
            values[i] = static_cast<U>((offset & mask) + min);
        }
    }
}

template <class T>
void widen(std::pair<T, T>& min_max, std::span<const T> values) {
    for (const T value : values) {
        min_max.first = std::min(min_max.first, value);
        min_max.second = std::max(min_max.second, value);
    }
}

// The scan meets the values first, and they may not be in the cache; a hint past the end is harmless.
inline void prefetch_ahead(const void* from) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): as a pointer it must not point past its array.
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + 2048));
}

// Not empty. In vectors, unless of 64 bits, which plain x86-64 does not compare: there four scalars are
// faster.
template <class T>
std::pair<T, T> min_max_portable(std::span<const T> values) {
    std::pair<T, T> result{values[0], values[0]};
    constexpr std::size_t step_bytes = 64, step = step_bytes / sizeof(T);
    const std::size_t whole = values.size() / step * step;
    const T* const end = values.data() + whole;
    if constexpr (sizeof(T) == 8) {
        T low[4] = {values[0], values[0], values[0], values[0]},
          high[4] = {values[0], values[0], values[0], values[0]};
        for (const T* from = values.data(); from != end; from += step) {
            prefetch_ahead(from);
#pragma GCC unroll 8
            for (std::size_t k = 0; k < step; ++k) {
                low[k % 4] = std::min(low[k % 4], from[k]);
                high[k % 4] = std::max(high[k % 4], from[k]);
            }
        }
        widen<T>(result, low);
        widen<T>(result, high);
    } else {
        // Its wider lanes compare as signed only: the top bit is flipped, there and back.
        using Lane = std::conditional_t<sizeof(T) == 1, T, std::make_signed_t<T>>;
        using Vector [[gnu::vector_size(16)]] = Lane;
        constexpr bool flips = !std::is_same_v<T, Lane>;
        const Vector flip = Vector{} + (flips ? std::numeric_limits<Lane>::min() : Lane{0});
        Vector low = (Vector{} + static_cast<Lane>(values[0])) ^ flip, high = low;
        for (const T* from = values.data(); from != end; from += step) {
            prefetch_ahead(from);
#pragma GCC unroll 4
            for (std::size_t k = 0; k < step; k += 16 / sizeof(T)) {
                Vector next;
                std::memcpy(&next, from + k, sizeof next);
                next ^= flip;
                low = next < low ? next : low;
                high = next > high ? next : high;
            }
        }
        low ^= flip;
        high ^= flip;
        T lanes[2][16 / sizeof(T)];
        std::memcpy(lanes[0], &low, sizeof low);
        std::memcpy(lanes[1], &high, sizeof high);
        widen<T>(result, lanes[0]);
        widen<T>(result, lanes[1]);
    }
    widen(result, values.subspan(whole));
    return result;
}

#if defined(__x86_64__)
// ---- the same in AVX2, where that is 1.5 times faster or more: not for packing and unpacking 64-bit values
//
// A group is two lanes of 128 bits with four values each. A lane starts at a whole byte, with `skew` bits of
// the lane before if W is odd; 4 * 31 + 4 bits always fit.

constexpr unsigned lane_byte(unsigned lane, unsigned width) { return lane * width / 2; }
constexpr unsigned lane_skew(unsigned lane, unsigned width) { return lane * width % 2 * 4; }

template <class V, std::size_t N>
[[gnu::target("avx2")]] inline __m256i constants(const std::array<V, N>& from) {
    static_assert(sizeof from == sizeof(__m256i));
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from.data()));
}

// How to bring each value into its 32-bit element: the four bytes from its first on, shifted up until the
// bits before it are gone, and, where it ends in a fifth byte, that one shifted down below them.
template <unsigned W>
struct Gather {
    std::array<std::uint8_t, 32> bytes{}, fifth_byte{};
    std::array<std::uint32_t, 8> up{}, fifth_down{};
    bool has_fifth = false;

    constexpr Gather() {
        constexpr std::uint8_t zero = 0x80;
        fifth_byte.fill(zero);
        for (unsigned i = 0; i < 8; ++i) {
            const unsigned bit = lane_skew(i / 4, W) + i % 4 * W, byte = bit / 8;
            for (unsigned b = 0; b < 4; ++b) bytes[4 * i + b] = static_cast<std::uint8_t>(byte + 3 - b);
            up[i] = bit % 8;
            fifth_down[i] = 32 - bit % 8;
            if (bit % 8 + W > 32) {
                fifth_byte[4 * i + 3] = static_cast<std::uint8_t>(byte + 4);
                has_fifth = true;
            }
        }
    }
};

template <class U, unsigned W>
[[gnu::target("avx2")]] void unpack_avx2(const std::byte* in, std::size_t groups, U min, U* values) {
    static constexpr Gather<W> gather;
    const __m256i mins = _mm256_set1_epi32(static_cast<int>(min));
    for (; groups > 0; --groups, values += group_values, in += W) {
        const __m128i lane_0 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
        const __m128i lane_1 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + lane_byte(1, W)));
        const __m256i lanes = _mm256_set_m128i(lane_1, lane_0);
        __m256i x =
            _mm256_sllv_epi32(_mm256_shuffle_epi8(lanes, constants(gather.bytes)), constants(gather.up));
        if constexpr (gather.has_fifth) {
            const __m256i fifth = _mm256_shuffle_epi8(lanes, constants(gather.fifth_byte));
            x = _mm256_or_si256(x, _mm256_srlv_epi32(fifth, constants(gather.fifth_down)));
        }
        x = _mm256_add_epi32(_mm256_srli_epi32(x, 32 - W), mins);
        if constexpr (sizeof(U) == 4) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(values), x);
        } else {
            x = _mm256_and_si256(x, _mm256_set1_epi32(std::numeric_limits<U>::max())); // or packing saturates
            const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
            if constexpr (sizeof(U) == 2)
                _mm_storeu_si128(reinterpret_cast<__m128i*>(values), words);
            else
                _mm_storel_epi64(reinterpret_cast<__m128i*>(values), _mm_packus_epi16(words, words));
        }
    }
}

// How to join the two pairs (of 2 * W bits, each in a 64-bit element) of each lane into a 128-bit number
// whose upper word is in the first element: shifts for what stays in its element, and for what moves to the
// other. 64: nothing.
template <unsigned W>
struct Join {
    std::array<std::uint64_t, 4> stays_up{}, stays_down{}, moves_up{}, moves_down{};

    constexpr Join() {
        stays_up.fill(64), stays_down.fill(64), moves_up.fill(64), moves_down.fill(64);
        for (unsigned i = 0; i < 4; ++i) {
            const bool lower = i % 2 == 1;
            const unsigned end = lane_skew(i / 2, W) + (i % 2 + 1) * 2 * W;
            if (end <= 64) {
                (lower ? moves_up : stays_up)[i] = 64 - end;
            } else {
                (lower ? moves_down : stays_down)[i] = end - 64;
                (lower ? stays_up : moves_up)[i] = 128 - end;
            }
        }
    }
    static constexpr bool any(const std::array<std::uint64_t, 4>& shifts) {
        return std::any_of(shifts.begin(), shifts.end(), [](std::uint64_t shift) { return shift < 64; });
    }
};

template <class U>
[[gnu::target("avx2")]] inline __m256i load_group(const U* values) {
    if constexpr (sizeof(U) == 4) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
    if constexpr (sizeof(U) == 2)
        return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
    if constexpr (sizeof(U) == 1)
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
}

template <class U, unsigned W>
[[gnu::target("avx2")]] void pack_avx2(const U* values, std::size_t groups, U min, std::byte* out) {
    static constexpr Join<W> join;
    const __m256i mins = _mm256_set1_epi32(static_cast<int>(min));
    const __m256i first_of_pair_up = _mm256_set1_epi64x(1LL << W);
    const __m256i big_endian =
        _mm256_broadcastsi128_si256(_mm_set_epi64x(0x08090A0B0C0D0E0F, 0x0001020304050607));
    for (; groups > 0; --groups, values += group_values, out += W) {
        const __m256i x = _mm256_sub_epi32(load_group(values), mins);
        const __m256i pairs =
            _mm256_or_si256(_mm256_mul_epu32(x, first_of_pair_up), _mm256_srli_epi64(x, 32));
        __m256i words = _mm256_sllv_epi64(pairs, constants(join.stays_up));
        if constexpr (join.any(join.stays_down))
            words = _mm256_or_si256(words, _mm256_srlv_epi64(pairs, constants(join.stays_down)));
        __m256i moved = _mm256_setzero_si256();
        if constexpr (join.any(join.moves_up)) moved = _mm256_sllv_epi64(pairs, constants(join.moves_up));
        if constexpr (join.any(join.moves_down))
            moved = _mm256_or_si256(moved, _mm256_srlv_epi64(pairs, constants(join.moves_down)));
        constexpr int swap_words = 0b01'00'11'10;
        words = _mm256_or_si256(words, _mm256_shuffle_epi32(moved, swap_words));
        words = _mm256_shuffle_epi8(words, big_endian);
        const __m128i lane_0 = _mm256_castsi256_si128(words);
        __m128i lane_1 = _mm256_extracti128_si256(words, 1);
        if constexpr (lane_skew(1, W) != 0) { // the byte that both lanes have a half of
            const __m128i shared =
                _mm_set_epi64x(-1, static_cast<long long>(~std::uint64_t{0xFF} | lane_byte(1, W)));
            lane_1 = _mm_or_si128(lane_1, _mm_shuffle_epi8(lane_0, shared));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), lane_0);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + lane_byte(1, W)), lane_1);
    }
}

// Not empty; T of 4 or 8 bytes.
template <class T>
[[gnu::target("avx2")]] std::pair<T, T> min_max_avx2(std::span<const T> values) {
    // 64-bit lanes compare as signed only: the top bit is flipped, there and back.
    using Lane = std::conditional_t<sizeof(T) == 8, std::make_signed_t<T>, T>;
    using Vector [[gnu::vector_size(32)]] = Lane;
    constexpr bool flips = !std::is_same_v<T, Lane>;
    constexpr std::size_t lanes = 32 / sizeof(T), step = 4 * lanes;
    const Vector flip = Vector{} + (flips ? std::numeric_limits<Lane>::min() : Lane{0});
    const Vector first = (Vector{} + static_cast<Lane>(values[0])) ^ flip;
    Vector low[2] = {first, first}, high[2] = {first, first};
    const std::size_t whole = values.size() / step * step;
    for (const T *from = values.data(), *const end = from + whole; from != end; from += step) {
        prefetch_ahead(from);
        prefetch_ahead(from + step / 2);
#pragma GCC unroll 4
        for (std::size_t k = 0; k < 4; ++k) {
            Vector next;
            std::memcpy(&next, from + k * lanes, sizeof next);
            next ^= flip;
            low[k % 2] = next < low[k % 2] ? next : low[k % 2];
            high[k % 2] = next > high[k % 2] ? next : high[k % 2];
        }
    }
    std::pair<T, T> result{values[0], values[0]};
    T spread[lanes];
    for (Vector vector : {low[0], low[1], high[0], high[1]}) {
        vector ^= flip;
        std::memcpy(spread, &vector, sizeof vector);
        widen<T>(result, spread);
    }
    widen(result, values.subspan(whole));
    return result;
}
#endif

// ---- the kernels of one type

template <class T>
struct Kernels {
    using U = std::make_unsigned_t<T>;
    using Pack = void (*)(const U*, std::size_t, U, std::byte*);
    using Unpack = void (*)(const std::byte*, std::size_t, U, U*);
    std::array<Pack, full_width<U>> pack{}; // by width; [0] is not used
    std::array<Unpack, full_width<U>> unpack{};
    std::pair<T, T> (*min_max)(std::span<const T>) = nullptr;
};

template <class T>
constexpr Kernels<T> portable_kernels() {
    using U = std::make_unsigned_t<T>;
    Kernels<T> kernels;
    [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) {
        ((kernels.pack[I + 1] = pack_portable<U, I + 1>), ...);
        ((kernels.unpack[I + 1] = unpack_portable<U, I + 1>), ...);
    }
    (std::make_integer_sequence<unsigned, full_width<U> - 1>{});
    kernels.min_max = min_max_portable<T>;
    return kernels;
}

#if defined(__x86_64__)
template <class T>
constexpr Kernels<T> avx2_kernels() {
    using U = std::make_unsigned_t<T>;
    Kernels<T> kernels = portable_kernels<T>();
    if constexpr (sizeof(T) <= 4) {
        [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) {
            ((kernels.pack[I + 1] = pack_avx2<U, I + 1>), ...);
            ((kernels.unpack[I + 1] = unpack_avx2<U, I + 1>), ...);
        }
        (std::make_integer_sequence<unsigned, full_width<U> - 1>{});
    }
    if constexpr (sizeof(T) >= 4) kernels.min_max = min_max_avx2<T>;
    return kernels;
}
#endif

template <class T>
const Kernels<T>& kernels_for(Simd simd) {
    static constexpr Kernels<T> portable = portable_kernels<T>();
#if defined(__x86_64__)
    static constexpr Kernels<T> avx2 = avx2_kernels<T>();
    if (simd == Simd::best && __builtin_cpu_supports("avx2")) return avx2;
#endif
    (void)simd;
    return portable;
}

void store_header(std::byte* out, std::uint32_t minbits, std::uint64_t minval) {
    std::memset(out, 0, header_bytes);
    std::memcpy(out, &minbits, sizeof minbits);
    out[4] = std::byte{sizeof minval};
    std::memcpy(out + 5, &minval, sizeof minval);
}

} // namespace

template <class T>
std::size_t scale_offset_encode(std::span<const T> values, std::byte* out, Simd simd) {
    using U = std::make_unsigned_t<T>;
    const auto& kernels = kernels_for<T>(simd);
    const auto [min, max] = values.empty() ? std::pair<T, T>{} : kernels.min_max(values);
    const U span = static_cast<U>(static_cast<U>(max) - static_cast<U>(min));
    const auto minbits = static_cast<std::uint32_t>(std::bit_width(span));
    // The library leaves before it sets minval if the span is one of the two largest.
    const bool minval_left_out = span > static_cast<U>(std::numeric_limits<U>::max() - 2);
    store_header(out, minbits, minval_left_out ? 0 : static_cast<std::uint64_t>(min));
    std::byte* const stream = out + header_bytes;
    if (minbits == full_width<U>) {
        std::memcpy(stream, values.data(), values.size_bytes());
        return header_bytes + values.size_bytes();
    }
    const std::size_t stream_bytes = values.size() * minbits / 8 + 1;
    if (minbits != 0) {
        const auto* const from = reinterpret_cast<const U*>(values.data());
        const std::size_t groups = values.size() / group_values, rest = values.size() % group_values;
        kernels.pack[minbits](from, groups, static_cast<U>(min), stream);
        if (rest != 0) {
            std::array<U, group_values> last;
            last.fill(static_cast<U>(min)); // offset 0: the bits that follow the last value are zero
            std::copy_n(from + groups * group_values, rest, last.begin());
            kernels.pack[minbits](last.data(), 1, static_cast<U>(min), stream + groups * minbits);
        }
    }
    if (values.size() * minbits % 8 == 0) stream[stream_bytes - 1] = std::byte{0};
    return header_bytes + stream_bytes;
}

template <class T>
void scale_offset_decode(std::span<const std::byte> chunk, std::span<T> values, Simd simd) {
    using U = std::make_unsigned_t<T>;
    const auto refuse = [&](const char* what) {
        throw BadScaleOffsetChunk(what, chunk.size(), values.size());
    };
    if (chunk.size() <= header_bytes) refuse("scale-offset chunk is shorter than its header");
    std::uint32_t minbits;
    std::uint64_t minval;
    std::memcpy(&minbits, chunk.data(), sizeof minbits);
    std::memcpy(&minval, chunk.data() + 5, sizeof minval);
    if (chunk[4] != std::byte{sizeof minval}) refuse("scale-offset chunk has a minimum of unknown size");
    if (minbits > full_width<U>) refuse("scale-offset chunk is wider than its type");

    const std::byte* const stream = chunk.data() + header_bytes;
    const std::size_t stream_bytes = chunk.size() - header_bytes;
    const bool plain = minbits == full_width<U>;
    if (stream_bytes != (plain ? values.size_bytes() : values.size() * minbits / 8 + 1))
        refuse("scale-offset chunk has another size than its values and width ask for");
    if (plain) {
        std::memcpy(values.data(), stream, stream_bytes);
        return;
    }
    const U min = static_cast<U>(minval);
    if (minbits == 0) {
        std::fill(values.begin(), values.end(), static_cast<T>(min));
        return;
    }

    const auto& kernels = kernels_for<T>(simd);
    auto* const to = reinterpret_cast<U*>(values.data());
    // Groups that are followed by enough of the chunk to overrun into are decoded in place, the few others
    // from a copy.
    const std::size_t groups = values.size() / group_values, rest = values.size() % group_values;
    const std::size_t in_place =
        std::min(groups, stream_bytes > overrun_bytes ? (stream_bytes - overrun_bytes) / minbits : 0);
    kernels.unpack[minbits](stream, in_place, min, to);
    const std::size_t done_bytes = in_place * minbits;
    std::array<std::byte, 2 * (64 + overrun_bytes)> end{};
    std::memcpy(end.data(), stream + done_bytes, stream_bytes - done_bytes);
    kernels.unpack[minbits](end.data(), groups - in_place, min, to + in_place * group_values);
    if (rest != 0) {
        std::array<U, group_values> last;
        kernels.unpack[minbits](end.data() + (groups - in_place) * minbits, 1, min, last.data());
        std::copy_n(last.begin(), rest, to + groups * group_values);
    }
}

#define IPSCORE_SCALE_OFFSET(T)                                                                              \
    template std::size_t scale_offset_encode<T>(std::span<const T>, std::byte*, Simd);                       \
    template void scale_offset_decode<T>(std::span<const std::byte>, std::span<T>, Simd);
IPSCORE_SCALE_OFFSET(std::uint8_t)
IPSCORE_SCALE_OFFSET(std::uint16_t)
IPSCORE_SCALE_OFFSET(std::uint32_t)
IPSCORE_SCALE_OFFSET(std::uint64_t)
IPSCORE_SCALE_OFFSET(std::int32_t)
#undef IPSCORE_SCALE_OFFSET

} // namespace ipscore::io
