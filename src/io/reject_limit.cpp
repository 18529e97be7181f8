#include "ipscore/io/reject_limit.hpp"

#include <charconv>
#include <system_error>

namespace ipscore::io {

bool RejectLimit::allows(std::uint64_t rejected_rows, std::uint64_t all_rows) const noexcept {
    if (rows) return rejected_rows <= *rows;
    return rejected_rows <= rows_with_share ||
           static_cast<double>(rejected_rows) <= share * static_cast<double>(all_rows);
}

std::optional<RejectLimit> parse_reject_share(std::string_view text) noexcept {
    constexpr double percent = 100;
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    // Neither sign nor exponent nor a word, all of which from_chars would read.
    if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    double value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value > percent) return std::nullopt;
    RejectLimit limit;
    limit.share = value / percent;
    if (value == 0) limit.rows = 0;
    return limit;
}

} // namespace ipscore::io
