// What `diff` found, for programs. docs/format.md names the fields.
#include "ipscore/stages/diff.hpp"
#include "report.hpp"

#include <cmath>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using comparing::Outcome;

Json side_json(const DiffSide& side) {
    return {{"path", side.path.string()},
            {"kind", side.kind},
            {"rows", side.rows},
            {"columns_alone", side.columns_alone}};
}

Json histogram_json(const comparing::DecadeHistogram& histogram) {
    Json json = Json::object();
    for (const auto& [decade, count] : histogram.counts()) json["1e" + std::to_string(decade)] = count;
    return json;
}

Json cells_json(const DiffReport& report, const std::vector<std::string>& cells) {
    if (cells.empty()) return nullptr;
    Json json = Json::object();
    for (std::size_t i = 0; i < cells.size(); ++i) json[report.columns[i].column.name] = cells[i];
    return json;
}

Json sample_json(const DiffReport& report, const comparing::Sample& sample, bool with_counts) {
    Json json = Json::object();
    for (std::size_t i = 0; i < report.key.size(); ++i) json[report.key[i].name] = sample.key_texts[i];
    Json all{{"key", std::move(json)}};
    if (with_counts) {
        all["rows_old"] = sample.rows_before;
        all["rows_new"] = sample.rows_now;
    }
    all["old"] = cells_json(report, sample.before);
    all["new"] = cells_json(report, sample.now);
    return all;
}

Json samples_json(const DiffReport& report, const comparing::Samples& samples, bool with_counts = false) {
    const auto list = [&](const std::vector<comparing::Sample>& some) {
        Json json = Json::array();
        for (const comparing::Sample& sample : some) json.push_back(sample_json(report, sample, with_counts));
        return json;
    };
    return {{"first", list(samples.first())}, {"worst", list(samples.worst())}};
}

Json column_json(const DiffReport& report, const DiffColumn& column) {
    const comparing::ColumnDifferences& found = column.differences;
    return {{"name", column.column.name},
            {"rows", found.rows},
            {"rows_within_tolerance", found.rows_within_tolerance},
            {"rows_without_distance", found.rows_unmeasured},
            {"rows_infinite", found.rows_infinite},
            {"tolerance", {{"abs", column.tolerance.absolute}, {"rel", column.tolerance.relative}}},
            {"absolute_max", found.absolute_max},
            {"relative_max", found.relative_max},
            {"absolute", histogram_json(found.absolute)},
            {"relative", histogram_json(found.relative)},
            {"samples", samples_json(report, column.samples)}};
}

Json finding_json(const comparing::Finding& finding) {
    return {{"rows", diffing::outcome_name(finding.outcome)},
            {"dimension", finding.dimension},
            {"values", finding.values},
            {"explained", finding.explained()},
            {"purity", finding.purity()},
            {"rest", finding.rest()},
            {"strength", finding.strength}};
}

} // namespace

Json diff_json(const DiffReport& report) {
    Json columns = Json::array();
    for (const DiffColumn& column : report.columns) columns.push_back(column_json(report, column));
    Json findings = Json::array();
    for (const comparing::Finding& finding : report.findings) findings.push_back(finding_json(finding));
    Json inputs = nullptr;
    if (report.jobs_compared) {
        inputs = Json::array();
        for (const InputDifference& input : report.inputs)
            inputs.push_back({{"name", input.name}, {"old", input.before}, {"new", input.now}});
    }
    return {{"same", report.same()},
            {"old", side_json(report.before)},
            {"new", side_json(report.now)},
            {"rows",
             {{"equal", report.counts.of(Outcome::equal)},
              {"changed", report.counts.of(Outcome::changed)},
              {"only_old", report.counts.of(Outcome::only_old)},
              {"only_new", report.counts.of(Outcome::only_new)}}},
            {"duplicates",
             {{"keys", report.duplicates.keys},
              {"rows_old", report.duplicates.rows_old},
              {"rows_new", report.duplicates.rows_new},
              {"samples", samples_json(report, report.duplicate_keys, true)}}},
            {"columns", columns},
            {"only_old", samples_json(report, report.only_old)},
            {"only_new", samples_json(report, report.only_new)},
            {"findings", findings},
            {"inputs", inputs},
            {"parts_skipped", report.parts_skipped},
            {"seconds", report.seconds}};
}

Json diff_json(const std::vector<DiffDay>& days) {
    Json list = Json::array();
    bool same = true;
    for (const DiffDay& day : days) {
        Json json{{"date", day.date}, {"same", day.same()}};
        if (!day.missing.empty()) {
            json["missing_in"] = day.missing;
        } else if (!day.failure.empty()) {
            json["failure"] = day.failure;
        } else {
            json["diff"] = diff_json(day.report);
        }
        list.push_back(std::move(json));
        same &= day.same();
    }
    return {{"same", same}, {"days", list}};
}

} // namespace ipscore::stages
