#include "ipscore/stages/memory_budget.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/memory.hpp"
#include "ipscore/stages/summary.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <malloc.h>

namespace ipscore::stages {

namespace {

// Where nothing tells how much memory there is.
constexpr std::uint64_t memory_bytes_if_unknown = 1024 * mebibyte;

// Buffers from here on go back to the system when they are freed. glibc would raise this border by itself
// with every large buffer, and keep what lies below.
constexpr int mapped_bytes_min = 4 << 20;
constexpr int kept_bytes_max = 64 << 20;
constexpr int grown_bytes_min = 1 << 20;

/// Rounded up to what a person would type.
std::string option_text(std::uint64_t bytes) {
    return fmt::format("{}MiB", (bytes + mebibyte - 1) / mebibyte);
}

} // namespace

void give_back_freed_memory() noexcept { ::malloc_trim(0); }

std::uint64_t default_memory_bytes(int ranks_on_node) {
    const std::uint64_t limit = memory_limit_bytes();
    const std::uint64_t bytes = limit == 0 ? memory_bytes_if_unknown : limit / 4 * 3;
    return bytes / static_cast<std::uint64_t>(std::max(1, ranks_on_node));
}

MemoryBudget::MemoryBudget(std::uint64_t bytes) : bytes_(bytes) {
    ::mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
    // What a worker frees the next part takes again: touching new pages costs more than filling them. Of one
    // arena, because what lies free in another thread's is lost to this one.
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_TRIM_THRESHOLD, kept_bytes_max);
    ::mallopt(M_TOP_PAD, grown_bytes_min);
}

void MemoryBudget::need(const std::string& what, std::uint64_t bytes) {
    needs_.push_back({what, bytes});
    if (sum_of(needs_) > sum_of(most_)) most_ = needs_;
}

void MemoryBudget::check() const {
    if (fits()) return;
    std::string parts;
    for (const Need& need : most_) {
        parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", need.what, bytes_text(need.bytes));
    }
    throw InputError(fmt::format("--memory {} is too little, {} is the least that would do ({})",
                                 bytes_text(bytes_), option_text(sum_of(most_)), parts));
}

void MemoryBudget::release(const std::string& what) {
    std::erase_if(needs_, [&](const Need& need) { return need.what == what; });
    give_back_freed_memory();
}

int MemoryBudget::workers(int wanted, std::uint64_t bytes_each) {
    const std::uint64_t room = std::max<std::uint64_t>(1, left_bytes() / bytes_each);
    const int workers = static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(wanted), room));
    need(fmt::format("{} {}", workers, workers == 1 ? "thread" : "threads"),
         bytes_each * static_cast<std::uint64_t>(workers));
    check();
    return workers;
}

std::uint64_t MemoryBudget::left_bytes() const noexcept {
    const std::uint64_t needed = sum_of(needs_);
    return needed < bytes_ ? bytes_ - needed : 0;
}

std::uint64_t MemoryBudget::sum_of(const Needs& needs) noexcept {
    std::uint64_t bytes = 0;
    for (const Need& need : needs) bytes += need.bytes;
    return bytes;
}

MemoryBudget memory_budget(mpi::World& world, std::uint64_t bytes) {
    MemoryBudget budget(world.smallest(bytes > 0 ? bytes : default_memory_bytes(world.ranks_on_node())));
    budget.need("the program",
                mpi::launched_under_mpi() ? memory::program_bytes : memory::program_without_mpi_bytes);
    return budget;
}

} // namespace ipscore::stages
