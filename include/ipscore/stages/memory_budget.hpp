// What one process may use of memory, and what of that is spoken for.
#pragma once

#include "ipscore/mpi/world.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ipscore::stages {

inline constexpr std::uint64_t kibibyte = 1U << 10U;
inline constexpr std::uint64_t mebibyte = 1U << 20U;

/// Three quarters of what the machine, or the cgroup, has, shared by the ranks of a node.
[[nodiscard]] std::uint64_t default_memory_bytes(int ranks_on_node);

/// A budget that a stage divides before it begins. What is needed whatever the budget is added up with
/// need(); what can be larger or smaller is then cut to left_bytes(). All buffers whose size grows with the
/// data are either one or the other.
class MemoryBudget {
public:
    /// `bytes` as --memory says. Also makes the allocator give large buffers back as soon as they are freed.
    explicit MemoryBudget(std::uint64_t bytes);

    /// Sets `bytes` aside for `what`, a noun for messages. Throws InputError, with the smallest budget that
    /// would do, when all that is needed is more than there is.
    void need(const std::string& what, std::uint64_t bytes);
    /// Releases what was set aside for `what`.
    void release(const std::string& what);
    /// How many workers of `bytes_each` there is room for, at most `wanted`; their room is set aside. Throws
    /// as need() when there is not even room for one.
    [[nodiscard]] int workers(int wanted, std::uint64_t bytes_each);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// What nobody needs yet.
    [[nodiscard]] std::uint64_t left_bytes() const noexcept;

private:
    struct Need {
        std::string what;
        std::uint64_t bytes = 0;
    };
    [[nodiscard]] std::uint64_t needed_bytes() const noexcept;

    std::uint64_t bytes_;
    std::vector<Need> needs_;
};

/// The budget of a rank with the program itself set aside: `bytes`, or where that is 0 the default, which is
/// the smallest of all ranks. All ranks must call. Throws the same on all ranks.
[[nodiscard]] MemoryBudget memory_budget(mpi::World& world, std::uint64_t bytes);

} // namespace ipscore::stages
