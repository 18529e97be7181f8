// A disk that is full, as far as one process is concerned.
#pragma once

#include "ipscore/core/error.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace ipscore::io {

struct Child {
    int status = -1;
    std::string said; ///< on standard error
};

/// Runs `work` in a process of its own whose files end at `bytes_max`, to its very end, the work of libraries
/// at exit included; it says what `work` throws.
template <class Work>
Child run_on_full_disk(rlim_t bytes_max, Work work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ::alarm(20); // it must not try for ever
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(SIGXFSZ, &ignore, nullptr);
        const rlimit limit{bytes_max, bytes_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        std::string said = "nothing thrown";
        try {
            work();
        } catch (const EnvironmentError& error) {
            said = error.what();
        } catch (const std::exception& error) {
            said = std::string("something else: ") + error.what();
        }
        if (::write(STDERR_FILENO, said.data(), said.size()) < 0) ::_exit(1);
        std::exit(0);
    }
    ::close(ends[1]);
    Child result;
    std::array<char, 4096> buffer{};
    for (ssize_t bytes = 0; (bytes = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        result.said.append(buffer.data(), static_cast<std::size_t>(bytes));
    ::close(ends[0]);
    ::waitpid(child, &result.status, 0);
    return result;
}

} // namespace ipscore::io
