// Decimal text in and out: weights as millionths, scores as the shortest text that reads back the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ipscore {

/// Millionths, 1 to 1 000 000.
using Millionths = std::uint32_t;
inline constexpr Millionths one_in_millionths = 1'000'000;

enum class DecimalFault { none, not_a_decimal, too_many_decimals, out_of_range };

struct ParsedMillionths {
    Millionths value = 0;
    DecimalFault fault = DecimalFault::none;
};

/// Digits with at most one point (`0.25`, `.25`, `1`), no sign, no exponent; 0 < value <= 1; more than 6
/// decimals are a fault unless the rest are zeros.
[[nodiscard]] ParsedMillionths parse_millionths(std::string_view text) noexcept;

/// Digits only (leading zeros allowed), 1 to 2^32-1; nothing otherwise.
[[nodiscard]] std::optional<std::uint32_t> parse_hits(std::string_view text) noexcept;

/// Room that format_score needs, in bytes.
inline constexpr std::size_t score_text_bytes_max = 64;

/// The fewest significant digits that read back as the same f32, as a plain decimal: no exponent, no trailing
/// `.0`, `inf` for +inf. Finite values must not be negative. Returns the end of the text.
char* format_score(char* out, float value) noexcept;

} // namespace ipscore
