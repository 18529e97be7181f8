#include "ipscore/io/text_marks.hpp"

#include <algorithm>
#include <array>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ipscore::io {

namespace {

#if defined(__SSE2__)
std::uint64_t marks_of_64_bytes(const char* text, char separator) noexcept {
    constexpr unsigned step = 16;
    const __m128i separators = _mm_set1_epi8(separator);
    const __m128i line_feeds = _mm_set1_epi8('\n');
    const __m128i quotes = _mm_set1_epi8('"');
    std::uint64_t marks = 0;
    for (unsigned at = 0; at < 64; at += step) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at));
        const __m128i found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, separators), _mm_cmpeq_epi8(bytes, line_feeds)),
                         _mm_cmpeq_epi8(bytes, quotes));
        marks |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(found))) << at;
    }
    return marks;
}
#else
std::uint64_t marks_of_64_bytes(const char* text, char separator) noexcept {
    std::uint64_t marks = 0;
    for (unsigned at = 0; at < 64; ++at) {
        const bool found = text[at] == separator || text[at] == '\n' || text[at] == '"';
        marks |= static_cast<std::uint64_t>(found) << at;
    }
    return marks;
}
#endif

} // namespace

TextMarks::TextMarks(std::string_view text, char separator) noexcept
    : block_(text.data()), end_(text.data() + text.size()), separator_(separator) {
    look();
}

void TextMarks::look() noexcept {
    if (static_cast<std::size_t>(end_ - block_) >= block_bytes) {
        marks_ = marks_of_64_bytes(block_, separator_);
        return;
    }
    std::array<char, block_bytes> last{}; // zeros are no marks
    std::copy(block_, end_, last.begin());
    marks_ = marks_of_64_bytes(last.data(), separator_);
}

} // namespace ipscore::io
