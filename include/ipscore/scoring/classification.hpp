// Which content stands for which tag, and with what weight.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace ipscore::scoring {

/// One weight of a key for a tag.
struct Posting {
    std::uint32_t tag = 0;
    Millionths weight = 0;
    friend bool operator==(const Posting&, const Posting&) = default;
};

/// The classification: `postings[offsets[i] .. offsets[i + 1])` belong to key i; keys and tags are sorted
/// byte by byte and distinct; the postings of a key are sorted by tag.
struct Classification {
    ByteStrings keys;
    ByteStrings tags;
    std::vector<std::uint64_t> offsets{0};
    std::vector<Posting> postings;

    [[nodiscard]] std::vector<std::string_view> tag_names() const;
};

/// The classification joined with a table's dictionary: postings by key id of the table. Keys without tags
/// have none.
struct PostingLists {
    std::vector<std::uint32_t> offsets{0}; ///< one per key id, and the end
    std::vector<Posting> postings;

    [[nodiscard]] std::span<const Posting> of(std::uint32_t key) const noexcept {
        return {postings.data() + offsets[key], postings.data() + offsets[key + 1]};
    }
    [[nodiscard]] std::size_t keys() const noexcept { return offsets.size() - 1; }
};

/// Joins by merging: both `dictionary` and the classification's keys are sorted byte by byte.
/// Throws InputError beyond 2^32-1 postings.
[[nodiscard]] PostingLists resolve_postings(const Classification& classification,
                                            const ByteStrings& dictionary);

} // namespace ipscore::scoring
