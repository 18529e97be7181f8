// What a run says on standard error: a record a line, with the same fields everywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <spdlog/common.h>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace ipscore::stages {

enum class LogFormat {
    none,   ///< nothing is written
    text,   ///< for people at a terminal: the message, and who says it where that matters
    logfmt, ///< key=value
    json,   ///< an object a line
};

/// Every record has time (UTC), level (info, warning, error), verb, rank, host, phase and msg; a warning also
/// has count, for each is said once. For any number of threads.
class RunLog {
public:
    RunLog(std::string verb, LogFormat format);

    void set_rank(int rank);
    void set_phase(std::string phase);

    /// Reports and progress.
    void info(std::string_view message);
    /// What a person should look at although the run goes on; `count`: of what the message tells.
    void warning(std::string_view message, std::uint64_t count = 1);
    /// Why the run ends.
    void error(std::string_view message);

    /// True where a line that rewrites itself has a place.
    [[nodiscard]] bool on_terminal() const;
    [[nodiscard]] const std::string& verb() const noexcept { return verb_; }

private:
    void apply_pattern();
    void write(spdlog::level::level_enum level, std::string_view message, std::uint64_t count);

    std::string verb_;
    LogFormat format_;
    std::string host_;
    std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_; // of what follows
    int rank_ = 0;
    std::string phase_ = "start";
};

} // namespace ipscore::stages
