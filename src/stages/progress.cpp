#include "ipscore/stages/progress.hpp"

#include "ipscore/stages/summary.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <utility>

namespace ipscore::stages {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds terminal_interval{200};
constexpr milliseconds log_interval{10'000};
constexpr milliseconds first_log_after{3'000}; // short runs need no progress in their logs

} // namespace

Progress::Progress(std::string phase, std::uint64_t units, RunLog& log)
    : phase_(std::move(phase)),
      units_(units),
      log_(log),
      terminal_(log.on_terminal()),
      began_(Clock::now()),
      next_(began_ + (terminal_ ? terminal_interval : first_log_after)) {}

Progress::~Progress() {
    if (line_open_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(const Done& done) {
    if (Clock::now() < next_) return;
    next_ = Clock::now() + (terminal_ ? terminal_interval : log_interval);
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    constexpr double bytes_per_megabyte = 1e6;
    std::string text = phase_ + ": ";
    const double share = units_ == 0 ? 0.0 : static_cast<double>(done.units) / static_cast<double>(units_);
    if (units_ > 0) text += fmt::format("{:.1f} %, ", 100 * share);
    text += fmt::format("{} rows, {:.0f} MB/s", count_text(done.rows),
                        static_cast<double>(done.bytes) / bytes_per_megabyte / seconds);
    if (share > 0) text += fmt::format(", {} left", seconds_text(seconds / share - seconds));
    if (terminal_) {
        std::fputs(("\r\x1b[K" + text).c_str(), stderr); // which, unlike fmt::print, never throws
        std::fflush(stderr);
        line_open_ = true;
    } else {
        log_.info(text);
    }
}

} // namespace ipscore::stages
