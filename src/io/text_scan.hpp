// Counting what separates text, many bytes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace ipscore::io {

/// Line feeds in `text`.
[[nodiscard]] std::uint64_t count_lines(std::string_view text) noexcept;

} // namespace ipscore::io
