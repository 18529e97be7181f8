// How many bad rows of one file are too many.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ipscore::io {

/// More than `rows`, or more than `share` of the file's rows.
struct RejectLimit {
    std::optional<std::uint64_t> rows;
    double share = 0.01;                 ///< counts where `rows` is not set
    std::uint64_t rows_with_share = 100; ///< so many are allowed whatever the share

    [[nodiscard]] bool allows(std::uint64_t rejected_rows, std::uint64_t all_rows) const noexcept;
    friend bool operator==(const RejectLimit&, const RejectLimit&) = default;
};

/// `1%`, `0.5%`: digits with at most one point, up to 100. `0%` allows no bad row, also of a small file.
[[nodiscard]] std::optional<RejectLimit> parse_reject_share(std::string_view text) noexcept;

} // namespace ipscore::io
