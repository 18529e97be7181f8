// What `inspect` found, for programs. docs/format.md names the fields.
#include "ipscore/stages/inspect.hpp"

#include "json_values.hpp"

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

Json heavy_json(const std::vector<Heavy>& heavy) {
    Json list = Json::array();
    for (const Heavy& one : heavy)
        list.push_back({{"name", one.name}, {"rows", one.rows}, {"hits", one.hits}});
    return list;
}

void add_heaviest(Json& json, const std::string& what, const Heaviest& heaviest) {
    json[what + "_by_rows"] = heavy_json(heaviest.by_rows);
    json[what + "_by_hits"] = heavy_json(heaviest.by_hits);
}

Json columns_json(const std::vector<ColumnFigures>& columns) {
    Json list = Json::array();
    for (const ColumnFigures& column : columns)
        list.push_back({{"name", column.name},
                        {"type", column.type},
                        {"filters", column.filters},
                        {"files", column.files},
                        {"values", column.values},
                        {"chunks", column.chunks},
                        {"stored_bytes", column.stored_bytes},
                        {"decoded_bytes", column.decoded_bytes}});
    return list;
}

Json store_json(const StoreFigures& store) {
    Json segments = Json::array();
    for (const io::SegmentInfo& segment : store.manifest.segments)
        segments.push_back({{"id", segment.id},
                            {"rows", segment.rows},
                            {"addresses", segment.addresses},
                            {"keys", segment.keys},
                            {"bytes", segment.bytes}});
    Json sources = Json::array();
    for (const io::Source& source : store.manifest.sources) {
        sources.push_back({{"id", source.id},
                           {"name", source.name},
                           {"form", source.form},
                           {"bytes", source.bytes},
                           {"rows", source.rows},
                           {"rejected", source.rejected},
                           {"ingested_at", source.ingested_at}});
        if (!source.replaced_by.empty()) sources.back()["replaced_by"] = source.replaced_by;
    }
    Json compactable = Json::array();
    for (const CompactableGroup& group : store.compactable)
        compactable.push_back({{"ids", group.segments}, {"rows", group.rows}, {"bytes", group.bytes}});
    return {{"manifest_version", store.manifest.version},
            {"segments", segments},
            {"sources", sources},
            {"compactable", compactable},
            {"unnamed_files", store.unnamed_files},
            {"unnamed_bytes", store.unnamed_bytes}};
}

Json table_json(const TableFigures& table) {
    Json json{{"first_day", date_text(table.first_day)},
              {"last_day", date_text(table.last_day)},
              {"parts", table.parts}};
    if (const auto& classification = table.classification)
        json["classification"] = {{"content_hash", classification->content_hash},
                                  {"keys", classification->keys},
                                  {"rows_unclassified", classification->rows_unclassified()}};
    return json;
}

Json unfinished_json(const UnfinishedFigures& unfinished) {
    return {{"parts", unfinished.parts},
            {"runs", unfinished.runs},
            {"runs_bytes", unfinished.runs_bytes},
            {"temporary_files", unfinished.temporary_files},
            {"temporary_bytes", unfinished.temporary_bytes}};
}

Json scores_json(const InspectReport& report) {
    const ScoresFigures& scores = *report.scores;
    Json json{{"parts", scores.parts},
              {"tags", scores.tags},
              {"companies", scores.companies},
              {"company_rows", scores.company_rows},
              {"model", scores.model}};
    if (!report.score_rows) return json;
    json["confident_rows"] = report.score_rows->confident_rows;
    json["tags_without_rows"] = report.score_rows->tags_without_rows;
    json["rows_per_score"] = report.score_rows->rows_per_score;
    return json;
}

Json memory_json(const InspectReport& report) {
    Json json = Json::object();
    if (report.store) {
        json["prepare_least_bytes"] = report.store->prepare_least_bytes;
        json["prepare_one_merge_bytes"] = report.store->prepare_one_merge_bytes;
    }
    if (report.table) json["score_least_bytes"] = report.table->score_least_bytes;
    if (report.observations) json["counting_bytes"] = report.observations->memory_bytes;
    if (report.score_rows) json["counting_bytes"] = report.score_rows->memory_bytes;
    return json;
}

Json heaviest_json(const InspectReport& report) {
    Json json = Json::object();
    if (report.observations) {
        add_heaviest(json, "addresses", report.observations->heaviest_addresses);
        if (report.observations->keys) add_heaviest(json, "keys", report.observations->heaviest_keys);
    }
    if (report.score_rows) {
        add_heaviest(json, "addresses", report.score_rows->heaviest_addresses);
        add_heaviest(json, "tags", report.score_rows->heaviest_tags);
        add_heaviest(json, "companies", report.score_rows->heaviest_companies);
    }
    return json;
}

Json some_days_json(const DaysFigures& days) {
    Json list = Json::array();
    for (const Day day : days.days) list.push_back(date_text(day));
    return {{"days", list}, {"rows", days.rows}, {"bytes", days.bytes}};
}

Json models_json(const ModelsFigures& models) {
    Json list = Json::array();
    for (const ModelDays& model : models.models)
        list.push_back({{"path", model.path},
                        {"first_day", date_text(model.as_of - model.lookback_days + 1)},
                        {"as_of", date_text(model.as_of)},
                        {"lookback_days", model.lookback_days},
                        {"days_with_rows", model.days_with_rows},
                        {"rows", model.rows}});
    return {{"look_backs", list},
            {"unused", some_days_json(models.unused)},
            {"later", some_days_json(models.later)}};
}

} // namespace

Json inspect_json(const InspectReport& report) {
    std::optional<std::uint64_t> addresses = report.addresses;
    std::optional<std::uint64_t> keys;
    std::optional<std::uint64_t> hits;
    if (report.observations) {
        addresses = report.observations->addresses;
        keys = report.observations->keys;
        hits = report.observations->hits;
    }
    if (report.score_rows) hits = report.score_rows->hits;
    Json json{{"path", report.path.string()},
              {"kind", report.kind},
              {"finished", !report.unfinished},
              {"files", report.files},
              {"bytes", report.bytes},
              {"rows", or_null(report.rows)},
              {"addresses", or_null(addresses)},
              {"keys", or_null(keys)},
              {"dictionary_keys", or_null(report.keys)},
              {"hits", or_null(hits)},
              {"columns", columns_json(report.columns)},
              {"rows_per_day", report.rows_per_day ? io::to_json(*report.rows_per_day) : Json()},
              {"memory", memory_json(report)},
              {"heaviest", heaviest_json(report)}};
    if (report.store) json["store"] = store_json(*report.store);
    if (report.table) json["table"] = table_json(*report.table);
    if (report.scores) json["scores"] = scores_json(report);
    if (report.unfinished) json["unfinished"] = unfinished_json(*report.unfinished);
    if (report.models) json["models"] = models_json(*report.models);
    return json;
}

} // namespace ipscore::stages
