#include "text_scan.hpp"

#include <algorithm>
#include <cstddef>

namespace ipscore::io {

std::uint64_t count_lines(std::string_view text) noexcept {
    // Sums of bytes are added as bytes, sixteen or more at a time, as long as they cannot overflow.
    constexpr std::size_t stretch = 255;
    constexpr std::size_t lanes = 32;
    std::uint64_t lines = 0;
    while (text.size() >= lanes) {
        std::uint8_t sums[lanes] = {};
        const std::size_t steps = std::min(stretch, text.size() / lanes);
        const char* at = text.data();
        for (std::size_t step = 0; step < steps; ++step, at += lanes) {
            for (std::size_t lane = 0; lane < lanes; ++lane)
                sums[lane] = static_cast<std::uint8_t>(sums[lane] + (at[lane] == '\n' ? 1 : 0));
        }
        for (const std::uint8_t sum : sums) lines += sum;
        text.remove_prefix(steps * lanes);
    }
    return lines + static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

} // namespace ipscore::io
