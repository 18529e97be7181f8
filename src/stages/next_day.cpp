#include "next_day.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using SourceDays = std::map<std::string, io::RowsPerDay>;

/// A segment whose rows nobody can tell apart stands for itself.
std::string name_of(const std::string& source, const io::SegmentInfo& segment) {
    return source.empty() ? "segment " + segment.id : source;
}

/// Calls visit(source, number of the source in the segment, rows per day) for all that count.
template <class Visit>
void for_each_source(const io::Manifest& manifest, const io::SegmentInfo& segment, Visit visit) {
    const std::vector<std::string> ids = manifest.sources_of(segment);
    for (std::size_t i = 0; i < ids.size(); ++i)
        visit(name_of(ids[i], segment), i, segment.sources.empty() ? segment.days : segment.sources[i].days);
}

SourceDays source_days(const io::Manifest& manifest, const DaySet& days) {
    SourceDays sources;
    for (const io::SegmentInfo& segment : manifest.segments) {
        for_each_source(manifest, segment,
                        [&](const std::string& source, std::size_t, const io::RowsPerDay& rows) {
                            for (const auto& [day, count] : rows) {
                                if (days.contains(day)) sources[source][day] += count;
                            }
                        });
    }
    return sources;
}

bool has_any(const io::RowsPerDay& rows, const DaySet& days) {
    return std::ranges::any_of(rows,
                               [&](const auto& day) { return day.second > 0 && days.contains(day.first); });
}

/// The segment without the sources of these numbers, where it has a column to tell them by.
MergeFile without(const io::Store& store, const io::SegmentInfo& segment,
                  const std::vector<std::uint32_t>& numbers) {
    MergeFile file = merge_file_of(store, segment);
    if (segment.sources.empty()) return file;
    auto& removed = file.filter.removed_sources;
    removed.insert(removed.end(), numbers.begin(), numbers.end());
    std::ranges::sort(removed);
    removed.erase(std::unique(removed.begin(), removed.end()), removed.end());
    return file;
}

struct StoreState {
    SourceDays sources;
    NetworkSet forgotten;
};

[[noreturn]] void damaged_index(const std::filesystem::path& table, const std::exception& error) {
    throw InputError(fmt::format("{}: damaged: {}", (table / io::format::index_name).string(), error.what()));
}

StoreState state_of(const io::TableIndex& table, const std::filesystem::path& path) {
    const auto sources = table.store.find("sources");
    if (sources == table.store.end()) {
        throw InputError(
            fmt::format("{}: was prepared by an earlier version, which did not note what it was made from; "
                        "prepare without --previous once",
                        path.string()));
    }
    try {
        StoreState state;
        for (const auto& [source, days] : sources->items()) state.sources[source] = io::rows_per_day_of(days);
        // Read as the member of a filter, as that of the manifest is.
        state.forgotten = io::row_filter_of(table.store).forgotten;
        return state;
    } catch (const Json::exception& error) {
        damaged_index(path, error);
    } catch (const std::invalid_argument& error) {
        damaged_index(path, error);
    }
}

} // namespace

Json store_state(const io::Manifest& manifest, const DaySet& days) {
    Json sources = Json::object();
    for (const auto& [source, rows] : source_days(manifest, days)) sources[source] = io::to_json(rows);
    Json forgotten = Json::array();
    for (const Network& network : manifest.forgotten.networks()) forgotten.push_back(to_string(network));
    return {{"sources", sources}, {"forgotten", forgotten}};
}

TableSources plan_next_day(const io::TableIndex& previous, const std::filesystem::path& previous_path,
                           const io::Store& store, const io::Manifest& manifest, const DaySet& days) {
    const StoreState before = state_of(previous, previous_path);
    const SourceDays now = source_days(manifest, days);
    const bool forgot_since = !(before.forgotten == manifest.forgotten);
    TableSources next;
    next.forgotten = manifest.forgotten;
    next.carried = DaySet(previous.first_day, previous.last_day) & days;
    for (const auto& [source, rows] : before.sources) {
        const auto found = now.find(source);
        for (const auto& [day, count] : rows) {
            if (found == now.end()) {
                next.carried.erase(day); // replaced, or merged in a way that nobody can tell apart
                continue;
            }
            const auto there = found->second.find(day);
            const std::uint64_t left = there == found->second.end() ? 0 : there->second;
            // Rows go by source, by day or by address. What is less without being nothing went by address,
            // and the same addresses are left out of the previous table.
            if (left != count && !(forgot_since && left > 0 && left < count)) next.carried.erase(day);
        }
    }
    next.again = days.without(next.carried);
    for (const io::SegmentInfo& segment : manifest.segments) {
        std::vector<std::uint32_t> old_numbers;
        std::vector<std::uint32_t> new_numbers;
        bool adds = false;
        bool repeats = false;
        for_each_source(
            manifest, segment,
            [&](const std::string& source, std::size_t number, const io::RowsPerDay& rows) {
                const bool is_old = before.sources.contains(source);
                (is_old ? old_numbers : new_numbers).push_back(static_cast<std::uint32_t>(number));
                adds = adds || (!is_old && has_any(rows, days));
                repeats = repeats || (is_old && has_any(rows, next.again));
            });
        if (adds) next.files.push_back(without(store, segment, old_numbers));
        if (repeats) next.repeated.push_back(without(store, segment, new_numbers));
    }
    return next;
}

} // namespace ipscore::stages
