// What this process has used of the machine's memory, and how much of it it may use.
#pragma once

#include <cstdint>
#include <vector>

namespace ipscore {

/// Highest resident set of this process so far, in bytes (VmHWM of /proc/self/status; 0 where there is none).
[[nodiscard]] std::uint64_t peak_memory_bytes();

/// What the system can use for this process: the machine's memory, or the lowest limit of the cgroups (v1 and
/// v2) that the process lies in. 0 where nothing tells.
[[nodiscard]] std::uint64_t memory_limit_bytes();

/// Asks the system for large pages for memory that is not in use yet and will be at random places, such as a
/// hash table: of small ones there is then a walk through the page tables for nearly every access. Does
/// nothing for less than some tens of megabytes, where the rounding would matter.
void use_large_pages(void* begin, std::uint64_t bytes) noexcept;
template <class T>
void use_large_pages(std::vector<T>& reserved) noexcept {
    use_large_pages(reserved.data(), reserved.capacity() * sizeof(T));
}

} // namespace ipscore
