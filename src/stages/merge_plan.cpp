#include "merge_plan.hpp"

#include "memory_needs.hpp"

#include <algorithm>
#include <numeric>
#include <sys/resource.h>

namespace ipscore::stages {

namespace {

// Wider merges read smaller pieces of more files, and no longer save a level worth having.
constexpr std::uint64_t fan_in_max = 256;
// Narrower merges rewrite the rows more often than a thread more is worth.
constexpr std::uint64_t fan_in_wanted = 8;

constexpr std::uint64_t merge_bytes(std::uint64_t fan_in) {
    return fan_in * (memory::segment_file_bytes + memory::row_cursor_bytes) + memory::row_writer_bytes;
}

/// Files that one of `threads` merges may have open at a time.
std::uint64_t files_max(int threads) {
    constexpr std::uint64_t of_others = 64; // MPI, the table's parts, logs
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return fan_in_max;
    const std::uint64_t files = std::max<std::uint64_t>(limit.rlim_cur, of_others) - of_others;
    return files / static_cast<std::uint64_t>(threads);
}

} // namespace

MergeWidth plan_merge_width(MemoryBudget& budget, std::uint64_t inputs, int threads) {
    const auto fan_in_of = [&](int workers) {
        const std::uint64_t each = budget.left_bytes() / static_cast<std::uint64_t>(workers);
        const std::uint64_t room =
            each < merge_bytes(2)
                ? 2
                : (each - memory::row_writer_bytes) / (memory::segment_file_bytes + memory::row_cursor_bytes);
        return std::clamp<std::uint64_t>(std::min({room, inputs, files_max(workers), fan_in_max}), 2,
                                         fan_in_max);
    };
    MergeWidth width{.fan_in = fan_in_of(threads), .threads = threads};
    while (width.threads > 1 && width.fan_in < std::min(inputs, fan_in_wanted)) {
        width.fan_in = fan_in_of(--width.threads);
    }
    width.threads = budget.workers(width.threads, merge_bytes(width.fan_in));
    return width;
}

int threads_for_merges(MemoryBudget& budget, std::uint64_t fan_in, int threads) {
    return budget.workers(threads, merge_bytes(fan_in));
}

std::vector<std::vector<std::size_t>> plan_level(const std::vector<std::uint64_t>& input_rows,
                                                 std::uint64_t fan_in) {
    const std::uint64_t inputs = input_rows.size();
    if (inputs <= fan_in) return {};
    // A group of n leaves n - 1 fewer.
    const std::uint64_t too_many = inputs - fan_in;
    std::uint64_t groups = (too_many + fan_in - 2) / (fan_in - 1);
    std::uint64_t merged = too_many + groups;
    if (merged > inputs) { // it takes more than one level: merge all, as evenly as possible
        groups = (inputs + fan_in - 1) / fan_in;
        merged = inputs;
        if (merged < 2 * groups) { // in pairs: the odd one, alone, would only be copied
            --groups;
            --merged;
        }
    }
    std::vector<std::size_t> order(inputs);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t input) { return input_rows[input]; });
    std::vector<std::vector<std::size_t>> plan;
    for (std::uint64_t group = 0; group < groups; ++group) {
        const auto begin = order.begin() + static_cast<std::ptrdiff_t>(merged * group / groups);
        const auto end = order.begin() + static_cast<std::ptrdiff_t>(merged * (group + 1) / groups);
        plan.emplace_back(begin, end);
    }
    return plan;
}

} // namespace ipscore::stages
