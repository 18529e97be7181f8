// A plan for programs: see docs/format.md.
#include "ipscore/stages/plan.hpp"

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

template <class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

Json seconds_or_null(double seconds) { return seconds > 0 ? Json(seconds) : Json(); }

Json option_json(const PlanReport& report, const PlanOption& option) {
    const io::Instances& instances = report.instances;
    const NodeSettings settings = settings_of(report, option);
    const auto month = [&](double price) { return report.nights * price; };
    return {{"type", instances.types[option.type].name},
            {"nodes", option.nodes},
            {"prepare_seconds", seconds_or_null(option.prepare_seconds)},
            {"score_seconds", seconds_or_null(option.score_seconds)},
            {"seconds", option.seconds},
            {"alone_seconds", option.alone_seconds},
            {"storage_seconds", option.storage_seconds},
            {"memory_bytes", static_cast<std::uint64_t>(option.memory_bytes)},
            {"fits", option.fits},
            {"on_own_disk", option.on_own_disk},
            {"pays", option.pays},
            {"price", option.price},
            {"spot_price", or_null(option.spot_price)},
            {"month_price", month(option.price)},
            {"month_spot_price", option.spot_price ? Json(month(*option.spot_price)) : Json()},
            {"settings",
             {{"cores", settings.cores},
              {"memory_mib", settings.memory_mib},
              {"limit_minutes", settings.limit_minutes}}}};
}

} // namespace

Json plan_json(const PlanReport& report) {
    const PlanSize& size = report.size;
    const auto whole = [](double value) { return static_cast<std::uint64_t>(value); };
    Json options = Json::array();
    for (const PlanOption& option : report.options) options.push_back(option_json(report, option));
    return {{"observations", whole(size.observations)},
            {"addresses", whole(size.addresses)},
            {"keys", whole(size.keys)},
            {"inputs", whole(size.inputs)},
            {"parts", size.parts},
            {"store_bytes", size.store_bytes},
            {"table_bytes", whole(size.table_bytes)},
            {"score_rows", whole(size.score_rows)},
            {"scores_bytes", whole(size.scores_bytes)},
            {"runs", report.runs},
            {"currency", report.instances.currency},
            {"dated", report.instances.dated ? Json(date_text(*report.instances.dated)) : Json()},
            {"nights", report.nights},
            {"storage_month_price", report.instances.storage.price_per_month},
            {"options", options},
            {"cheapest", or_null(report.cheapest)},
            {"fastest", or_null(report.fastest)}};
}

} // namespace ipscore::stages
