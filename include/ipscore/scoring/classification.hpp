// Which content stands for which tag, and with what weight.
#pragma once

#include "ipscore/core/decimal.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace ipscore::scoring {

/// One weight of a key for a tag.
struct Posting {
    std::uint32_t tag = 0;
    Millionths weight = 0;
    friend bool operator==(const Posting&, const Posting&) = default;
};

/// A key of the classification with its postings, which are sorted by tag.
struct ClassifiedKey {
    std::string_view key;
    std::span<const Posting> postings;
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

/// What the join is to make room for, and how much it may make.
struct PostingSizes {
    std::uint64_t keys = 0;         ///< of the dictionary
    std::uint64_t postings_max = 0; ///< more are counted only
    bool count_only = false;        ///< make no lists at all
};

/// The lists, and how many postings there are, perhaps more than the lists hold.
struct ResolvedPostings {
    PostingLists lists;
    std::uint64_t postings = 0;
};

/// Joins two streams by merging: `next_classified` and `next_key`, of the table's dictionary, give keys in
/// byte order, each once, and return false at their end. `see_unknown`, where there is one, sees each
/// classified key that the dictionary does not have, in order. Throws InputError beyond 2^32-1 postings.
[[nodiscard]] ResolvedPostings
resolve_postings(const std::function<bool(ClassifiedKey&)>& next_classified,
                 const std::function<bool(std::string_view&)>& next_key, const PostingSizes& sizes,
                 const std::function<void(std::string_view)>& see_unknown = {});

} // namespace ipscore::scoring
