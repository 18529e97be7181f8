// A request to stop, made by a signal or by a failing worker, and seen by every loop that may run long.
#pragma once

#include <atomic>

namespace ipscore {

/// Loops that can take longer than a fraction of a second look at it once per chunk.
class StopFlag {
public:
    void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> requested_ = false;
};

} // namespace ipscore
