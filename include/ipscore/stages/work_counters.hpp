// What the workers of this rank have done; they count, others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace ipscore::stages {

struct WorkCounters {
    std::atomic<std::uint64_t> parts = 0;
    std::atomic<std::uint64_t> rows = 0;
    std::atomic<std::uint64_t> bytes = 0;
    std::atomic<std::uint64_t> spilled_runs = 0; ///< sorted runs that did not fit into memory

    void reset() noexcept { parts = rows = bytes = spilled_runs = 0; }
};

} // namespace ipscore::stages
