// The few bytes that tell how text is to be taken apart, found many bytes at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ipscore::io {

/// Goes from one line feed, quote or separator to the next. The text must outlive it.
class TextMarks {
public:
    TextMarks(std::string_view text, char separator) noexcept;

    /// Where the next one stands; the end of the text when there is none, then and ever after.
    [[nodiscard]] const char* next() noexcept {
        while (marks_ == 0) {
            if (static_cast<std::size_t>(end_ - block_) <= block_bytes) return end_;
            block_ += block_bytes;
            look();
        }
        const char* const mark = block_ + std::countr_zero(marks_);
        marks_ &= marks_ - 1;
        return mark;
    }
    /// Goes on with the first one from `at` on.
    void seek(const char* at) noexcept {
        block_ = at;
        look();
    }

private:
    static constexpr std::size_t block_bytes = 64;
    void look() noexcept;

    const char* block_;
    const char* end_;
    std::uint64_t marks_ = 0; ///< of the block, a bit a byte: those that next() has not given yet
    char separator_;
};

} // namespace ipscore::io
