// What this process has used of the machine's memory.
#pragma once

#include <cstdint>

namespace ipscore {

/// Highest resident set of this process so far, in bytes (VmHWM of /proc/self/status; 0 where there is none).
[[nodiscard]] std::uint64_t peak_memory_bytes();

} // namespace ipscore
