// The thread that ends a process when nothing else would.
#include "watch.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace ipscore::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How a process ended, and what it printed.
struct Ended {
    int code = -1; ///< -1: a signal ended it
    std::string printed;
    std::chrono::duration<double> seconds{};
};

using Print = std::function<void(const std::string& line)>;

/// What a watch says, printed.
Watch::Say said_by(const Print& print) {
    return [&print](ExitCode /*code*/, const std::string& reason) { print(reason); };
}

/// Runs `run`, which gets what prints, in a process whose parent ends at once; as with an mpirun that is
/// killed, but without Open MPI, which would end the process too.
Ended run_as_orphan(const std::function<void(const Print&)>& run) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // its end is told to this process
    std::array<int, 2> out{};
    std::array<int, 2> begun{};
    if (::pipe(out.data()) != 0 || ::pipe(begun.data()) != 0) throw std::runtime_error("no pipe");
    const pid_t parent = ::fork();
    if (parent == 0) {
        const pid_t child = ::fork();
        if (child == 0) {
            run([&](const std::string& line) {
                const std::string text = line + "\n";
                (void)!::write(out[1], text.data(), text.size());
                (void)!::write(begun[1], "x", 1);
            });
            ::_exit(0);
        }
        char x = 0;
        (void)!::read(begun[0], &x, 1); // until it watches
        ::_exit(0);
    }
    ::close(out[1]);
    ::close(begun[1]);
    ::waitpid(parent, nullptr, 0);
    const auto orphaned = Clock::now();
    Ended ended;
    int status = 0;
    ::waitpid(-1, &status, 0);
    ended.seconds = Clock::now() - orphaned;
    if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
    std::array<char, 1000> text{};
    for (ssize_t bytes = 0; (bytes = ::read(out[0], text.data(), text.size())) > 0;)
        ended.printed.append(text.data(), static_cast<std::size_t>(bytes));
    ::close(out[0]);
    ::close(begun[0]);
    return ended;
}

TEST(Watch, ends_a_rank_whose_launcher_is_gone) {
    const Ended ended = run_as_orphan([](const Print& print) {
        const StopFlag stop;
        const Watch watch(stop, true, said_by(print));
        print("watching");
        std::this_thread::sleep_for(std::chrono::seconds(20));
    });
    EXPECT_EQ(ended.code, 3);
    EXPECT_EQ(ended.printed, "watching\nits launcher is gone, which ends the job\n");
    EXPECT_LT(ended.seconds.count(), 5);
}

TEST(Watch, lets_a_process_without_a_launcher_outlive_its_parent) {
    const Ended ended = run_as_orphan([](const Print& print) {
        const StopFlag stop;
        const Watch watch(stop, false, said_by(print));
        print("watching");
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    });
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.printed, "watching\n");
}

TEST(Watch, ends_what_does_not_stop) {
    const Ended ended = run_as_orphan([](const Print& print) {
        StopFlag stop;
        const Watch watch(stop, false, said_by(print));
        print("watching");
        stop.request();
        std::this_thread::sleep_for(std::chrono::seconds(20));
    });
    EXPECT_EQ(ended.code, 75);
    EXPECT_EQ(ended.printed, "watching\nstopped on request; run the same command again to resume\n");
    EXPECT_GT(ended.seconds.count(), 4); // what stops by itself has that long
    EXPECT_LT(ended.seconds.count(), 10);
}

TEST(Watch, takes_no_time_to_end_itself) {
    const auto began = Clock::now();
    StopFlag stop;
    stop.request();
    for (int i = 0; i < 100; ++i) const Watch watch(stop, true, [](ExitCode, const std::string&) {});
    EXPECT_LT(std::chrono::duration<double>(Clock::now() - began).count(), 2);
}

} // namespace
} // namespace ipscore::cli
