// Bytes between memory and a place in a file, all of them: the system may move fewer at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ipscore::io {

/// Returns 0 or what errno says.
[[nodiscard]] int write_at(int file, std::span<const std::byte> bytes, std::uint64_t at_byte) noexcept;

struct ReadBytes {
    std::size_t bytes = 0; ///< fewer than were asked for where the file ends before
    int error = 0;         ///< what errno says
};
[[nodiscard]] ReadBytes read_at(int file, std::span<std::byte> bytes, std::uint64_t at_byte) noexcept;

} // namespace ipscore::io
