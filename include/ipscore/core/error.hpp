// What ends a run, and with which exit code. Every message is one line that a person can act on.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace ipscore {

/// Exit codes of every verb; see SPEC "Bad input".
enum class ExitCode : int {
    done = 0,
    different = 1,    ///< `diff` found differences
    bad_input = 2,    ///< bad usage or bad input: running it again will not help
    environment = 3,  ///< disk full, lost rank, unreachable service
    interrupted = 75, ///< stopped on request with its work saved: run it again to resume
};

/// A failure with the exit code that it asks for. `what()` is the line to print.
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
    [[nodiscard]] ExitCode code() const noexcept { return code_; }

private:
    ExitCode code_;
};

/// Bad usage or bad input (exit code 2).
struct InputError : Error {
    explicit InputError(const std::string& message) : Error(ExitCode::bad_input, message) {}
};

/// The machine, the disk or another rank failed (exit code 3).
struct EnvironmentError : Error {
    explicit EnvironmentError(const std::string& message) : Error(ExitCode::environment, message) {}
};

/// Stopped by a signal with its work saved (exit code 75).
struct Interrupted : Error {
    explicit Interrupted(const std::string& message) : Error(ExitCode::interrupted, message) {}
};

/// "cannot write scores/index.h5: No space left on device", from errno. Input and permission faults of
/// reading are the caller's to turn into InputError.
[[nodiscard]] inline std::string system_message(std::string_view what, std::string_view path,
                                                int error = errno) {
    return std::string(what) + " " + std::string(path) + ": " + std::generic_category().message(error);
}

} // namespace ipscore
