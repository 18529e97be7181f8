// Byte strings compared as numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ipscore {

inline constexpr std::size_t byte_prefix_bytes = sizeof(std::uint64_t);

/// The bytes of `text` from `depth` on, eight of them, as a number that orders as they do; zeros behind its
/// end.
[[nodiscard]] inline std::uint64_t byte_prefix(std::string_view text, std::size_t depth) noexcept {
    std::array<unsigned char, byte_prefix_bytes> some{};
    if (text.size() > depth)
        std::memcpy(some.data(), text.data() + depth, std::min(text.size() - depth, byte_prefix_bytes));
    std::uint64_t prefix = 0;
    for (const unsigned char byte : some) prefix = prefix << 8U | byte;
    return prefix;
}

} // namespace ipscore
