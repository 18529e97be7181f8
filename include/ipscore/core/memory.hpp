// What this process has used of the machine's memory, and how much of it it may use.
#pragma once

#include <cstdint>

namespace ipscore {

/// Highest resident set of this process so far, in bytes (VmHWM of /proc/self/status; 0 where there is none).
[[nodiscard]] std::uint64_t peak_memory_bytes();

/// What the system can use for this process: the machine's memory, or the lowest limit of the cgroups (v1 and
/// v2) that the process lies in. 0 where nothing tells.
[[nodiscard]] std::uint64_t memory_limit_bytes();

} // namespace ipscore
