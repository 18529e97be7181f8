// How far a long phase is: one line that rewrites itself on a terminal, a log line now and then elsewhere.
#pragma once

#include "ipscore/stages/run_log.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace ipscore::stages {

/// What has been done so far, over all ranks.
struct Done {
    std::uint64_t units = 0; ///< parts, or bytes of a file: what the share is counted in
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

/// For one thread.
class Progress {
public:
    /// `units` in all, 0 where nobody knows. `log` must live longer.
    Progress(std::string phase, std::uint64_t units, RunLog& log);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Clears the line of a terminal.
    ~Progress();

    /// Cheap when it is too early for a new line.
    void update(const Done& done);

private:
    using Clock = std::chrono::steady_clock;
    std::string phase_;
    std::uint64_t units_;
    RunLog& log_;
    bool terminal_;
    bool line_open_ = false;
    Clock::time_point began_;
    Clock::time_point next_;
};

} // namespace ipscore::stages
