// What crosses from one rank to another.
#include "ipscore/comparing/differences.hpp"

#include <nlohmann/json.hpp>

namespace ipscore::comparing {

namespace {

using Json = nlohmann::json;

Json to_json(const OutcomeCounts& counts) { return counts.rows; }
OutcomeCounts counts_of(const Json& json) { return {json.get<std::array<std::uint64_t, outcomes>>()}; }

/// [number, counts] of those that have rows.
Json to_json(const OutcomesByNumber& by_number) {
    Json json = Json::array();
    const auto& counts = by_number.counts();
    for (std::size_t number = 0; number < counts.size(); ++number) {
        if (counts[number].all() > 0) json.push_back({number, to_json(counts[number])});
    }
    return json;
}

void add(OutcomesByNumber& by_number, const Json& json) {
    for (const Json& entry : json) by_number[entry.at(0).get<std::size_t>()].add(counts_of(entry.at(1)));
}

Json to_json(const Network& network, const OutcomeCounts& counts) {
    return {network.first.hi, network.first.lo, network.prefix_length, to_json(counts)};
}

NetworkOutcomes::Entry entry_of(const Json& json) {
    return {{{json.at(0), json.at(1)}, json.at(2)}, counts_of(json.at(3))};
}

Json to_json(const ColumnDifferences& column) {
    return {column.rows,
            column.rows_within_tolerance,
            column.rows_unmeasured,
            column.rows_infinite,
            column.absolute_max,
            column.relative_max,
            column.absolute.counts(),
            column.relative.counts()};
}

ColumnDifferences column_of(const Json& json) {
    ColumnDifferences column;
    column.rows = json.at(0);
    column.rows_within_tolerance = json.at(1);
    column.rows_unmeasured = json.at(2);
    column.rows_infinite = json.at(3);
    column.absolute_max = json.at(4);
    column.relative_max = json.at(5);
    for (const auto& [decade, count] : json.at(6).get<std::map<int, std::uint64_t>>())
        column.absolute.add(decade, count);
    for (const auto& [decade, count] : json.at(7).get<std::map<int, std::uint64_t>>())
        column.relative.add(decade, count);
    return column;
}

// Keys and texts may hold any bytes, of which JSON's own strings are not.
Json bytes_json(std::string_view text) { return Json::binary({text.begin(), text.end()}); }
std::string text_of(const Json& json) {
    const auto& bytes = json.get_binary();
    return {bytes.begin(), bytes.end()};
}
Json bytes_json(const std::vector<std::string>& texts) {
    Json json = Json::array();
    for (const std::string& text : texts) json.push_back(bytes_json(text));
    return json;
}
std::vector<std::string> texts_of(const Json& json) {
    std::vector<std::string> texts;
    for (const Json& text : json) texts.push_back(text_of(text));
    return texts;
}

Json to_json(const Samples& samples) {
    Json json = Json::array();
    for (const auto* list : {&samples.first(), &samples.worst()}) {
        for (const Sample& sample : *list) {
            json.push_back({bytes_json(sample.key), sample.measure, bytes_json(sample.key_texts),
                            bytes_json(sample.before), bytes_json(sample.now), sample.rows_before,
                            sample.rows_now});
        }
    }
    return json;
}

void add(Samples& samples, const Json& json, std::size_t each) {
    // Through samples of its own, which take what comes twice once.
    Samples others(each);
    for (const Json& entry : json) {
        Samples one(each);
        one.offer(text_of(entry.at(0)), entry.at(1), [&] {
            return Sample{.key_texts = texts_of(entry.at(2)),
                          .before = texts_of(entry.at(3)),
                          .now = texts_of(entry.at(4)),
                          .rows_before = entry.at(5),
                          .rows_now = entry.at(6)};
        });
        others.add(one);
    }
    samples.add(others);
}

} // namespace

Json Dimensions::json() const {
    Json networks = Json::array();
    for (std::size_t level = 0; level < NetworkOutcomes::prefix_lengths.size(); ++level) {
        Json entries = Json::array();
        for (const auto& entry : networks_.inner(level))
            entries.push_back(to_json(entry.network, entry.counts));
        networks.push_back(std::move(entries));
    }
    Json edges = Json::array();
    for (const auto& [network, counts] : networks_.edges()) edges.push_back(to_json(network, counts));
    Json by_band = Json::array();
    for (const OutcomeCounts& counts : bands_) by_band.push_back(to_json(counts));
    return {{"tags", to_json(tags_)},
            {"days", to_json(days_)},
            {"first_days", to_json(first_days_)},
            {"last_days", to_json(last_days_)},
            {"bands", by_band},
            {"networks", networks},
            {"edges", edges}};
}

void Dimensions::add(const Json& json) {
    comparing::add(tags_, json.at("tags"));
    comparing::add(days_, json.at("days"));
    comparing::add(first_days_, json.at("first_days"));
    comparing::add(last_days_, json.at("last_days"));
    for (std::size_t band = 0; band < bands; ++band) bands_[band].add(counts_of(json.at("bands").at(band)));
    for (std::size_t level = 0; level < NetworkOutcomes::prefix_lengths.size(); ++level) {
        for (const Json& entry : json.at("networks").at(level)) networks_.add_inner(level, entry_of(entry));
    }
    for (const Json& edge : json.at("edges")) {
        const auto entry = entry_of(edge);
        networks_.add_edge(entry.network, entry.counts);
    }
}

std::string Differences::packed() const {
    Json columns = Json::array();
    for (const ColumnDifferences& column : columns_) columns.push_back(to_json(column));
    Json column_samples = Json::array();
    for (const Samples& samples : column_samples_) column_samples.push_back(to_json(samples));
    const Json json{{"counts", to_json(counts_)},
                    {"duplicates", {duplicates_.keys, duplicates_.rows_old, duplicates_.rows_new}},
                    {"columns", columns},
                    {"column_samples", column_samples},
                    {"only_old", to_json(only_old_samples_)},
                    {"only_new", to_json(only_new_samples_)},
                    {"duplicate_keys", to_json(duplicate_samples_)},
                    {"dimensions", dimensions_.json()}};
    std::string bytes;
    Json::to_cbor(json, bytes);
    return bytes;
}

void Differences::add_packed(const std::string& bytes) {
    const Json json = Json::from_cbor(bytes);
    const std::size_t each = terms_->samples_each;
    counts_.add(counts_of(json.at("counts")));
    const Json& duplicates = json.at("duplicates");
    duplicates_.add({duplicates.at(0), duplicates.at(1), duplicates.at(2)});
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        columns_[column].add(column_of(json.at("columns").at(column)));
        comparing::add(column_samples_[column], json.at("column_samples").at(column), each);
    }
    comparing::add(only_old_samples_, json.at("only_old"), each);
    comparing::add(only_new_samples_, json.at("only_new"), each);
    comparing::add(duplicate_samples_, json.at("duplicate_keys"), each);
    dimensions_.add(json.at("dimensions"));
}

std::vector<std::uint64_t> Differences::company_counts(std::size_t names) const {
    std::vector<std::uint64_t> values(names * outcomes);
    const auto& companies = dimensions_.companies().counts();
    for (std::size_t name = 0; name < std::min(names, companies.size()); ++name)
        std::ranges::copy(companies[name].rows,
                          values.begin() + static_cast<std::ptrdiff_t>(name * outcomes));
    return values;
}

void Differences::set_company_counts(const std::vector<std::uint64_t>& counts) {
    OutcomesByNumber companies;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0) companies[i / outcomes].rows[i % outcomes] = counts[i];
    }
    dimensions_.companies() = std::move(companies);
}

} // namespace ipscore::comparing
