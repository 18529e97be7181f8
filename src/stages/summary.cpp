#include "ipscore/stages/summary.hpp"

#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace ipscore::stages {

void Phases::begin(std::string name) {
    end();
    const auto found = std::ranges::find(seconds_, name, &std::pair<std::string, double>::first);
    running_ = static_cast<std::size_t>(found - seconds_.begin());
    if (found == seconds_.end()) seconds_.emplace_back(std::move(name), 0.0);
    began_ = std::chrono::steady_clock::now();
}

void Phases::end() {
    if (running_ == none) return;
    seconds_[running_].second +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    running_ = none;
}

double Phases::total_seconds() const noexcept {
    return std::accumulate(seconds_.begin(), seconds_.end(), 0.0,
                           [](double sum, const auto& phase) { return sum + phase.second; });
}

nlohmann::ordered_json Phases::json() const {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [name, seconds] : seconds_) json[name] = seconds;
    return json;
}

void append_run_lines(RunSummary& summary, const Phases& phases, const nlohmann::ordered_json& ranks,
                      double imbalance) {
    std::string seconds;
    for (const auto& [name, phase_seconds] : phases.seconds()) {
        seconds += fmt::format("{}{} {}", seconds.empty() ? "" : ", ", name, seconds_text(phase_seconds));
    }
    summary.lines.push_back(fmt::format("{} in all: {}", seconds_text(phases.total_seconds()), seconds));
    std::uint64_t peak_bytes = 0;
    int threads = 0;
    for (const auto& rank : ranks) {
        peak_bytes = std::max(peak_bytes, rank.at("peak_memory_bytes").get<std::uint64_t>());
        threads += rank.at("threads").get<int>();
    }
    summary.lines.push_back(
        fmt::format("{} ranks, {} threads; at most {} of memory a rank; busiest rank {} above "
                    "the mean",
                    ranks.size(), threads, bytes_text(peak_bytes), percent_text(imbalance, 1)));
}

std::string count_text(std::uint64_t count) {
    const std::string digits = fmt::format("{}", count);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ' ';
        text += digits[i];
    }
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    constexpr double step = 1024;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= step && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string seconds_text(double seconds) {
    constexpr int minute = 60;
    constexpr int hour = 3600;
    const auto whole = std::lround(seconds);
    if (whole >= hour) return fmt::format("{} h {:02} min", whole / hour, whole % hour / minute);
    if (whole >= minute) return fmt::format("{} min {:02} s", whole / minute, whole % minute);
    return fmt::format("{:.2f} s", seconds);
}

std::string some_of(const std::vector<std::string>& texts) {
    constexpr std::size_t shown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, texts.size()); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : ", ", io::quoted_for_message(texts[i]));
    if (texts.size() > shown) text += fmt::format(" and {} more", texts.size() - shown);
    return text;
}

std::string percent_text(double part, double whole) {
    return whole == 0 ? "0 %" : fmt::format("{:.1f} %", 100 * part / whole);
}

} // namespace ipscore::stages
