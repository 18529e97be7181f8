// Handing out claims that cost nothing, on all ranks of mpirun, one worker each: how many a second, and how
// much of rank 0's main thread each takes, which bounds a job of any size. Prints both as an object of JSON.
#include "ipscore/stages/rank_work.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <sys/resource.h>
#include <vector>

namespace {

constexpr std::uint64_t claims_per_rank = 2'000;

double thread_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace

int main() {
    using namespace ipscore::stages;
    ipscore::mpi::World world;
    RunLog log("claims", LogFormat::none);
    RunMonitor monitor(log);
    const std::uint64_t claims = claims_per_rank * static_cast<std::uint64_t>(world.size());
    const std::vector<Claim> all(claims);
    std::atomic<std::uint64_t> done = 0;
    world.barrier();
    const double began = thread_seconds();
    const RankLoad load = work_on_claims(world, all, {.parts = claims}, {}, monitor,
                                         [&](const Claim&, const auto&, auto&) { ++done; });
    const double main_thread_seconds = thread_seconds() - began;
    std::vector<std::uint64_t> of_all{done};
    world.sum_on_root(of_all);
    if (!world.is_root()) return 0;
    const nlohmann::ordered_json result{{"ranks", world.size()},
                                        {"claims", of_all.front()},
                                        {"seconds", load.wall_seconds},
                                        {"root_main_thread_seconds", main_thread_seconds}};
    std::puts(result.dump().c_str());
    return of_all.front() == claims ? 0 : 1;
}
