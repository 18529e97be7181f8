// Distinct byte strings by number, in order of first appearance.
#pragma once

#include "ipscore/core/byte_strings.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace ipscore {

/// An open-addressing hash table over ByteStrings, for strings whose hash is known already. Up to 2^32-2
/// strings.
class StringIndex {
public:
    StringIndex();

    /// The number of `text`, which becomes the next one when it is new.
    std::uint32_t insert(std::string_view text, std::uint64_t hash);
    /// The number of each of `texts`, in their order: faster than one by one, where the index is large.
    [[nodiscard]] std::vector<std::uint32_t> insert(const ByteStrings& texts,
                                                    std::span<const std::uint64_t> hashes);
    [[nodiscard]] const ByteStrings& strings() const noexcept { return strings_; }
    [[nodiscard]] std::span<const std::uint64_t> hashes() const noexcept { return hashes_; }
    /// Memory that the index takes at most, also while it grows, with so many more strings of so many bytes.
    [[nodiscard]] std::uint64_t bytes_with(std::uint64_t more_strings,
                                           std::uint64_t more_bytes) const noexcept;
    /// The last thing that may be asked, together with take_hashes().
    [[nodiscard]] ByteStrings take_strings() noexcept { return std::move(strings_); }
    [[nodiscard]] std::vector<std::uint64_t> take_hashes() noexcept { return std::move(hashes_); }

    [[nodiscard]] static std::uint64_t hash_of(std::string_view text) noexcept;

private:
    struct Slot {
        std::uint32_t tag = 0;       ///< upper half of the hash: most misses end here
        std::uint32_t id_plus_1 = 0; ///< 0: free
    };
    void grow();

    ByteStrings strings_;
    std::vector<std::uint64_t> hashes_; ///< by number
    std::vector<Slot> slots_;           ///< a power of two, at most half full
};

} // namespace ipscore
