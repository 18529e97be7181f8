// What a run says at its end, for people and as run.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// Seconds per phase, in order; a phase that comes again adds up.
class Phases {
public:
    /// Ends the phase that runs and begins `name`.
    void begin(std::string name);
    void end();
    [[nodiscard]] const std::vector<std::pair<std::string, double>>& seconds() const noexcept {
        return seconds_;
    }
    [[nodiscard]] double total_seconds() const noexcept;
    [[nodiscard]] nlohmann::ordered_json json() const;

private:
    std::vector<std::pair<std::string, double>> seconds_;
    std::size_t running_ = none;
    std::chrono::steady_clock::time_point began_;
    static constexpr std::size_t none = ~std::size_t{0};
};

/// The end of a run: a verdict in one line, the figures as text lines, and all of it as JSON.
struct RunSummary {
    std::string verdict;
    std::vector<std::string> lines;
    nlohmann::ordered_json json;
};

/// Appends what every distributed run ends with: seconds per phase, peak memory and how evenly the ranks were
/// loaded. `ranks` as in PartJobResult; `imbalance` is the busiest rank's time over the mean, less 1.
void append_run_lines(RunSummary& summary, const Phases& phases, const nlohmann::ordered_json& ranks,
                      double imbalance);

/// "8 400 000", "1.2 GiB", "0.42 s" as people read them.
[[nodiscard]] std::string count_text(std::uint64_t count);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
[[nodiscard]] std::string seconds_text(double seconds);
[[nodiscard]] std::string percent_text(double part, double whole);
/// The first few of some texts, in quotes, and how many more.
[[nodiscard]] std::string some_of(const std::vector<std::string>& texts);

} // namespace ipscore::stages
