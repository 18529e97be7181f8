// What one process may use of memory, and what of that is spoken for.
#pragma once

#include "ipscore/mpi/world.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ipscore::stages {

inline constexpr std::uint64_t kibibyte = 1U << 10U;
inline constexpr std::uint64_t mebibyte = 1U << 20U;

/// Gives memory that was freed back to the system, where the allocator keeps it for the threads that had it:
/// for when the threads are gone and others are to have their room.
void give_back_freed_memory() noexcept;

/// Three quarters of what the machine, or the cgroup, has, shared by the ranks of a node.
[[nodiscard]] std::uint64_t default_memory_bytes(int ranks_on_node);

/// A budget that a stage divides before it begins. What is needed whatever the budget is added up with
/// need(), and check() refuses a budget in which it does not fit; what can be larger or smaller is then cut
/// to left_bytes(). All buffers whose size grows with the data are either one or the other.
class MemoryBudget {
public:
    /// `bytes` as --memory says. Also makes the allocator give large buffers back as soon as they are freed.
    explicit MemoryBudget(std::uint64_t bytes);

    /// Sets `bytes` aside for `what`, a noun for messages.
    void need(const std::string& what, std::uint64_t bytes);
    /// Releases what was set aside for `what`, and has the allocator give back what it keeps of it.
    void release(const std::string& what);
    /// False when more was needed at a time than there is.
    [[nodiscard]] bool fits() const noexcept { return sum_of(most_) <= bytes_; }
    /// Throws InputError, with the smallest budget that would do, when it does not fit. To be called when all
    /// needs are known, or the smallest would be too small.
    void check() const;
    /// How many workers of `bytes_each` there is room for, at most `wanted`; their room is set aside. Throws
    /// as check() when there is not even room for one.
    [[nodiscard]] int workers(int wanted, std::uint64_t bytes_each);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// The smallest budget in which all fits that was needed at a time so far.
    [[nodiscard]] std::uint64_t least_bytes() const noexcept { return sum_of(most_); }
    /// What nobody needs yet.
    [[nodiscard]] std::uint64_t left_bytes() const noexcept;

private:
    struct Need {
        std::string what;
        std::uint64_t bytes = 0;
    };
    using Needs = std::vector<Need>;
    [[nodiscard]] static std::uint64_t sum_of(const Needs& needs) noexcept;

    std::uint64_t bytes_;
    Needs needs_;
    Needs most_; ///< when they were the most
};

/// The budget of a rank with the program itself set aside: `bytes`, or where that is 0 the default, which is
/// the smallest of all ranks. All ranks must call.
[[nodiscard]] MemoryBudget memory_budget(mpi::World& world, std::uint64_t bytes);

} // namespace ipscore::stages
