#include "watch.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <optional>
#include <unistd.h>
#include <utility>

namespace ipscore::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_every{50};
// A job stops within 10 s; mpirun takes 2 of them to end the other ranks.
constexpr std::chrono::seconds stops_within{6};

} // namespace

Watch::Watch(const StopFlag& stop, bool launched, Say say)
    : stop_(stop), launched_(launched), say_(std::move(say)), launcher_(::getppid()) {
    // Signals are for the other threads: this one inherits a mask that holds all of them back.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { watch(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watch::~Watch() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Watch::watch() {
    std::optional<Clock::time_point> asked;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, look_every, [&] { return over_; })) {
        // Not prctl(PR_SET_PDEATHSIG): that tells of the end of the parent's thread, and launchers fork in
        // threads.
        if (launched_ && ::getppid() != launcher_)
            end(ExitCode::environment, "its launcher is gone, which ends the job");
        if (!stop_.requested()) continue;
        if (!asked) asked = Clock::now();
        if (Clock::now() - *asked >= stops_within)
            end(ExitCode::interrupted, "stopped on request; run the same command again to resume");
    }
}

void Watch::end(ExitCode code, const std::string& reason) const {
    // Which may wait for the very disk that keeps the process from ending.
    constexpr std::chrono::seconds says_within{1};
    std::packaged_task<void()> task([this, code, reason] { say_(code, reason); });
    const std::future<void> said = task.get_future();
    std::thread(std::move(task)).detach();
    said.wait_for(says_within);
    std::_Exit(static_cast<int>(code));
}

} // namespace ipscore::cli
