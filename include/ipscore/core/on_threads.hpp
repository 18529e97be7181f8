// Parallel algorithms of TBB on a number of threads that somebody asked for.
#pragma once

#include <cstddef>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace ipscore {

/// Runs `work` on this thread, and what TBB does in it on so many, however many cores there are. What it
/// throws comes out.
template <class Work>
void on_threads(int threads, const Work& work) {
    // TBB starts no more threads than there are cores unless it is told to.
    const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(threads) + 1);
    tbb::task_arena(threads).execute(work);
}

} // namespace ipscore
