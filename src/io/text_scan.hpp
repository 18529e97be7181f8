// Finding what separates text, many bytes at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ipscore::io {

/// Line feeds in `text`.
[[nodiscard]] std::uint64_t count_lines(std::string_view text) noexcept;

/// The first of two bytes from `begin` on, or `end`.
[[nodiscard]] inline const char* find_either(const char* begin, const char* end, char one,
                                             char other) noexcept {
#if defined(__SSE2__)
    constexpr std::ptrdiff_t step = 16;
    const __m128i ones = _mm_set1_epi8(one);
    const __m128i others = _mm_set1_epi8(other);
    for (; end - begin >= step; begin += step) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
        const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, ones), _mm_cmpeq_epi8(bytes, others));
        if (const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found)); mask != 0)
            return begin + std::countr_zero(mask);
    }
#endif
    while (begin != end && *begin != one && *begin != other) ++begin;
    return begin;
}

} // namespace ipscore::io
