// Which of many sorted sources has the smallest key: a tournament that remembers who lost where, so that the
// next one costs a comparison a level (Knuth, The Art of Computer Programming, volume 3, 5.4.1).
#pragma once

#include "ipscore/core/address.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ipscore::stages {

template <class Key>
struct TournamentNode {
    Key key;
    std::uint32_t source;
};

/// The smaller one becomes the winner.
template <class Key>
void play(TournamentNode<Key>& winner, TournamentNode<Key>& loser) noexcept {
    if (loser.key < winner.key) std::swap(winner, loser);
}

/// Without a branch: which address of many sources is the smaller one, no processor can foretell.
inline void play(TournamentNode<Address>& winner, TournamentNode<Address>& loser) noexcept {
    __extension__ using Number = unsigned __int128;
    const bool swaps =
        (Number{loser.key.hi} << 64U | loser.key.lo) < (Number{winner.key.hi} << 64U | winner.key.lo);
    const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(swaps);
    const std::uint64_t hi = (winner.key.hi ^ loser.key.hi) & mask;
    const std::uint64_t lo = (winner.key.lo ^ loser.key.lo) & mask;
    const std::uint32_t source = (winner.source ^ loser.source) & static_cast<std::uint32_t>(mask);
    winner = {{winner.key.hi ^ hi, winner.key.lo ^ lo}, winner.source ^ source};
    loser = {{loser.key.hi ^ hi, loser.key.lo ^ lo}, loser.source ^ source};
}

/// A tournament of `sources` sources, at least one. Of equal keys any may win.
template <class Key>
class LoserTree {
public:
    /// `last`: the key of a source at its end, not below any other.
    LoserTree(std::size_t sources, Key last)
        : leaves_(std::bit_ceil(std::max<std::size_t>(sources, 1))),
          last_(last),
          nodes_(leaves_, Node{last, 0}) {}

    /// Plays the first tournament. `keys`: one for each source.
    void begin(const std::vector<Key>& keys) {
        std::vector<Node> winners(2 * leaves_, Node{last_, 0});
        for (std::size_t i = 0; i < leaves_; ++i)
            winners[leaves_ + i] = {i < keys.size() ? keys[i] : last_, static_cast<std::uint32_t>(i)};
        for (std::size_t node = leaves_ - 1; node > 0; --node) {
            const Node& left = winners[2 * node];
            const Node& right = winners[2 * node + 1];
            const bool right_wins = right.key < left.key;
            winners[node] = right_wins ? right : left;
            nodes_[node] = right_wins ? left : right;
        }
        winner_ = winners[1];
    }

    [[nodiscard]] const Key& key() const noexcept { return winner_.key; }
    [[nodiscard]] std::size_t source() const noexcept { return winner_.source; }
    [[nodiscard]] bool at_end() const noexcept { return !(winner_.key < last_); }
    /// The smallest key of the other sources.
    [[nodiscard]] Key second() const noexcept {
        Key key = last_;
        for (std::size_t node = (leaves_ + winner_.source) / 2; node > 0; node /= 2) {
            if (nodes_[node].key < key) key = nodes_[node].key;
        }
        return key;
    }
    /// The winner goes on with this key.
    void replace(Key key) noexcept {
        Node playing{key, winner_.source};
        for (std::size_t node = (leaves_ + playing.source) / 2; node > 0; node /= 2) {
            play(playing, nodes_[node]);
        }
        winner_ = playing;
    }

private:
    using Node = TournamentNode<Key>;
    std::size_t leaves_;
    Key last_;
    Node winner_{last_, 0};
    std::vector<Node> nodes_; ///< the losers; from 1 on
};

} // namespace ipscore::stages
