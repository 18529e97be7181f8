#include "ipscore/io/row_filter.hpp"

#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdexcept>
#include <utility>

namespace ipscore::io {

namespace {

Network network_of_text(const std::string& text) {
    const ParsedNetwork parsed = parse_network(text);
    if (parsed.fault != NetworkFault::none)
        throw std::invalid_argument(quoted_for_message(text) + " is not a network");
    return parsed.network;
}

} // namespace

std::string RowFilter::text() const {
    std::string text;
    if (keep_from > 0) text += " from " + date_text(keep_from);
    if (!removed_sources.empty()) text += fmt::format(" without source {}", fmt::join(removed_sources, ","));
    for (const Network& network : forgotten.networks()) text += " without " + to_string(network);
    return text;
}

nlohmann::ordered_json to_json(const RowFilter& filter) {
    auto json = nlohmann::ordered_json::object();
    if (filter.keep_from > 0) json["keep_from"] = date_text(filter.keep_from);
    if (!filter.removed_sources.empty()) json["removed_sources"] = filter.removed_sources;
    for (const Network& network : filter.forgotten.networks())
        json["forgotten"].push_back(to_string(network));
    return json;
}

RowFilter row_filter_of(const nlohmann::ordered_json& json) {
    RowFilter filter;
    if (const auto day = json.find("keep_from"); day != json.end()) {
        const auto text = day->get<std::string>();
        const ParsedDay parsed = parse_date(text);
        if (parsed.fault != DayFault::none)
            throw std::invalid_argument(quoted_for_message(text) + " is not a day");
        filter.keep_from = parsed.day;
    }
    if (const auto sources = json.find("removed_sources"); sources != json.end()) {
        sources->get_to(filter.removed_sources);
        std::ranges::sort(filter.removed_sources);
    }
    if (const auto networks = json.find("forgotten"); networks != json.end()) {
        std::vector<Network> forgotten;
        for (const auto& text : *networks) forgotten.push_back(network_of_text(text.get<std::string>()));
        filter.forgotten = NetworkSet(std::move(forgotten));
    }
    return filter;
}

FilteredRowsReader::FilteredRowsReader(const H5File& file, std::uint64_t keys, RowFilter filter,
                                       bool with_sources)
    : reader_(file, keys, with_sources || !filter.removed_sources.empty()), filter_(std::move(filter)) {}

bool FilteredRowsReader::next_address() {
    do {
        if (!reader_.next_address()) return false;
    } while (!filter_.forgotten.empty() && filter_.forgotten.holds(reader_.address()));
    return true;
}

RowSpan FilteredRowsReader::next_rows(std::uint64_t at_most) {
    const bool keeps_all = filter_.keep_from == 0 && filter_.removed_sources.empty();
    for (;;) {
        const RowSpan rows = reader_.next_rows(at_most);
        if (rows.empty() || keeps_all) return rows;
        const RowSpan left = kept(rows);
        if (!left.empty()) return left;
    }
}

RowSpan FilteredRowsReader::kept(const RowSpan& all) {
    key_.clear();
    day_.clear();
    hits_.clear();
    source_.clear();
    const bool has_sources = !all.source.empty();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all.day[i] < filter_.keep_from) continue;
        if (has_sources && std::ranges::binary_search(filter_.removed_sources, all.source[i])) continue;
        key_.push_back(all.key[i]);
        day_.push_back(all.day[i]);
        hits_.push_back(all.hits[i]);
        if (has_sources) source_.push_back(all.source[i]);
    }
    return {key_, day_, hits_, source_};
}

} // namespace ipscore::io
