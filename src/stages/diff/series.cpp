#include "ipscore/core/day.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/stages/diff.hpp"
#include "report.hpp"

#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>

namespace ipscore::stages {

namespace {

/// The first YYYY-MM-DD of a name.
std::optional<std::string> date_in(std::string_view name) {
    for (std::size_t at = 0; at + date_text_bytes <= name.size(); ++at) {
        const std::string_view text = name.substr(at, date_text_bytes);
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        const bool in_number = (at > 0 && is_digit(name[at - 1])) ||
                               (at + date_text_bytes < name.size() && is_digit(name[at + date_text_bytes]));
        if (!in_number && parse_date(text).fault == DayFault::none) return std::string(text);
    }
    return std::nullopt;
}

/// What lies in a directory by the date in its name. Throws InputError.
std::map<std::string, std::filesystem::path> dated(const std::filesystem::path& directory) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error))
        throw InputError(fmt::format("{}: is no directory; --series takes two of them", directory.string()));
    std::map<std::string, std::filesystem::path> days;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with('.') || name.starts_with('_')) continue;
        const auto date = date_in(name);
        if (!date) continue;
        const auto [day, is_new] = days.emplace(*date, entry.path());
        if (is_new) continue;
        const auto& [first, second] = std::minmax(day->second, entry.path());
        throw InputError(fmt::format("{} and {} are of one day; --series takes one of each", first.string(),
                                     second.filename().string()));
    }
    if (days.empty()) {
        throw InputError(
            fmt::format("{}: nothing there has a date such as 2026-11-22 in its name", directory.string()));
    }
    return days;
}

} // namespace

std::vector<DiffDay> diff_series(mpi::World& world, const DiffArgs& args, StopFlag& stop,
                                 RunMonitor& monitor) {
    std::map<std::string, std::filesystem::path> before;
    std::map<std::string, std::filesystem::path> now;
    const auto list = [&] {
        before = dated(args.before);
        now = dated(args.now);
    };
    world.root_decides(list);
    if (!world.is_root()) list();
    std::set<std::string> dates;
    for (const auto* days : {&before, &now}) {
        for (const auto& [date, path] : *days) dates.insert(date);
    }
    std::vector<DiffDay> days;
    for (const std::string& date : dates) {
        DiffDay day{date, {}, {}, {}};
        const auto old_side = before.find(date);
        const auto new_side = now.find(date);
        if (old_side == before.end() || new_side == now.end()) {
            day.missing = (old_side == before.end() ? args.before : args.now).string();
        } else {
            DiffArgs pair = args;
            pair.before = old_side->second;
            pair.now = new_side->second;
            try {
                day.report = diff(world, pair, stop, monitor);
            } catch (const Error& error) {
                // What one rank alone throws ends the job, for the others wait for it.
                const bool all_throw =
                    world.size() == 1 || dynamic_cast<const mpi::AgreedError*>(&error) != nullptr;
                if (!all_throw || error.code() != ExitCode::bad_input) throw;
                day.failure = error.what();
            }
        }
        if (world.is_root()) monitor.log().info(fmt::format("{}: {}", date, diffing::day_text(day)));
        days.push_back(std::move(day));
    }
    return days;
}

} // namespace ipscore::stages
