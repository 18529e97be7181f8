// How many segments are merged at a time, and in which order where they are too many for one merge.
#pragma once

#include "ipscore/stages/memory_budget.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipscore::stages {

/// What one merge of `fan_in` segments takes of memory, in bytes; 2 is the least.
[[nodiscard]] std::uint64_t merge_bytes(std::uint64_t fan_in);

/// How wide the merges of a process are.
struct MergeWidth {
    std::uint64_t fan_in = 2; ///< segments that one merge reads at most
    int threads = 1;          ///< merges side by side
};

/// The widest merges of `inputs` segments that fit the budget and the file descriptors: rather fewer threads
/// than fewer than 8 segments. Sets their room aside. Throws InputError when not even two segments fit.
[[nodiscard]] MergeWidth plan_merge_width(MemoryBudget& budget, std::uint64_t inputs, int threads);
/// The threads that a process has room for when the fan-in is given. Sets their room aside.
[[nodiscard]] int threads_for_merges(MemoryBudget& budget, std::uint64_t fan_in, int threads);

/// Groups of inputs, by index, to merge each into one, so that fewer inputs are left: at most `fan_in` where
/// one level suffices. As few and as small inputs as possible are merged; the others stay as they are. Empty
/// when there are not more than `fan_in`, which is at least 2.
[[nodiscard]] std::vector<std::vector<std::size_t>> plan_level(const std::vector<std::uint64_t>& input_rows,
                                                               std::uint64_t fan_in);

} // namespace ipscore::stages
