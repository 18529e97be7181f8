// Characters that do more than stand for themselves.
#pragma once

namespace ipscore {

/// True for what would break a line, or a terminal.
[[nodiscard]] constexpr bool is_control(char c) noexcept {
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char delete_character = 0x7f;
    const auto byte = static_cast<unsigned char>(c);
    return byte < first_printable || byte == delete_character;
}

} // namespace ipscore
