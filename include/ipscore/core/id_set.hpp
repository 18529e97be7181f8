// A set of small numbers that is filled in any order and emptied in rising order.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipscore {

class IdSet {
public:
    /// For numbers below `ids`.
    explicit IdSet(std::size_t ids = 0) { make_room(ids); }

    void make_room(std::size_t ids) { words_.resize(std::max(words_.size(), (ids + 63) / 64)); }
    void insert(std::uint32_t id) noexcept { words_[id / 64] |= std::uint64_t{1} << (id % 64); }
    void clear() noexcept { std::ranges::fill(words_, 0); }
    /// Calls visit(id) for every member in rising order, and empties the set.
    template <class Visit>
    void drain(Visit visit) {
        for (std::size_t word = 0; word < words_.size(); ++word) {
            for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
                visit(
                    static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
            }
            words_[word] = 0;
        }
    }

private:
    std::vector<std::uint64_t> words_;
};

} // namespace ipscore
