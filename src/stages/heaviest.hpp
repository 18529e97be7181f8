// The few heaviest of many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipscore::stages {

/// Keeps the `top` heaviest of what is offered; of equal weights, those that were offered first.
template <class Name>
class HeaviestOf {
public:
    struct Entry {
        Name name;
        std::uint64_t weight = 0;
        std::uint64_t rows = 0;
        std::uint64_t hits = 0;
        std::uint64_t offered = 0; ///< as which
    };

    /// `top` is at least 1.
    explicit HeaviestOf(std::size_t top) : top_(top) {}

    void offer(const Name& name, std::uint64_t weight, std::uint64_t rows, std::uint64_t hits) {
        const std::uint64_t offered = offered_++;
        if (heap_.size() == top_) {
            if (weight <= heap_.front().weight) return;
            std::ranges::pop_heap(heap_, heavier);
            heap_.pop_back();
        }
        heap_.push_back({name, weight, rows, hits, offered});
        std::ranges::push_heap(heap_, heavier);
    }

    /// The heaviest first.
    [[nodiscard]] std::vector<Entry> sorted() const {
        std::vector<Entry> entries = heap_;
        std::ranges::sort(entries, heavier);
        return entries;
    }

private:
    static bool heavier(const Entry& a, const Entry& b) {
        return a.weight != b.weight ? a.weight > b.weight : a.offered < b.offered;
    }
    std::size_t top_;
    std::uint64_t offered_ = 0;
    std::vector<Entry> heap_; ///< the lightest in front
};

/// The same by rows and by hits.
template <class Name>
struct HeaviestPair {
    explicit HeaviestPair(std::size_t top) : by_rows(top), by_hits(top) {}

    void offer(const Name& name, std::uint64_t rows, std::uint64_t hits) {
        by_rows.offer(name, rows, rows, hits);
        by_hits.offer(name, hits, rows, hits);
    }

    HeaviestOf<Name> by_rows;
    HeaviestOf<Name> by_hits;
};

} // namespace ipscore::stages
