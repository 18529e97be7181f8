// Ends this process when nothing else would in time.
#pragma once

#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>

namespace ipscore::cli {

/// A thread that ends the process, as a kill would, in two cases. When `stop` was requested and nobody has
/// acted on it for 6 s: somebody waits in a collective, for a disk, or in a loop that does not look. And,
/// with `launched`, when the launcher is gone: the rank is an orphan then. Both are safe at any moment, for
/// what is under its final name is whole.
class Watch {
public:
    /// Says why the process ends.
    using Say = std::function<void(ExitCode code, const std::string& reason)>;

    Watch(const StopFlag& stop, bool launched, Say say);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

private:
    void watch();
    [[noreturn]] void end(ExitCode code, const std::string& reason) const;

    const StopFlag& stop_;
    bool launched_;
    Say say_;
    pid_t launcher_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool over_ = false;
    std::thread thread_;
};

} // namespace ipscore::cli
