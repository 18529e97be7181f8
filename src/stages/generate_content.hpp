// What the bid stream of `generate` is about: keys, and the tags that they are classified to.
#pragma once

#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::stages::generating {

/// Texts by number, end to end.
class TextTable {
public:
    void add(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(bytes_.size());
    }
    [[nodiscard]] std::size_t size() const { return ends_.size() - 1; }
    [[nodiscard]] std::string_view operator[](std::size_t number) const {
        return {bytes_.data() + ends_[number], ends_[number + 1] - ends_[number]};
    }

private:
    std::string bytes_;
    std::vector<std::uint64_t> ends_{0};
};

struct Classified {
    std::uint32_t key = 0;
    std::uint32_t tag = 0;
    Millionths weight = 0;
};

struct Content {
    TextTable keys; ///< as CSV fields, from the most to the least popular; those that never occur come after
    std::vector<Classified> classification; ///< by key; each tag has at least one
};

inline constexpr std::uint64_t keys_max = 1'000'000'000;
inline constexpr std::uint32_t tags_max = 1'000'000;
inline constexpr std::size_t key_field_bytes_max = 64; ///< quotes included

/// `keys` that occur (1 to keys_max), a few that do not, and the classification of about three quarters of
/// them.
[[nodiscard]] Content make_content(std::uint64_t seed, std::uint64_t keys, std::uint32_t tags);

/// "cloud computing"; a further round of the topics is numbered ("cloud computing 2").
[[nodiscard]] std::string tag_name(std::uint32_t tag);

/// The text as a field of RFC 4180: quoted where it has a comma, a quote or a line end.
[[nodiscard]] std::string csv_field(std::string_view text);

} // namespace ipscore::stages::generating
