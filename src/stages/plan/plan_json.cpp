// A plan for programs: see docs/format.md.
#include "ipscore/stages/plan.hpp"

#include "../json_values.hpp"
#include "numbers.hpp"

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using planning::rounded;

Json seconds_or_null(double seconds) { return seconds > 0 ? Json(seconds) : Json(); }

Json option_json(const PlanReport& report, const PlanOption& option) {
    const io::InstanceType& type = report.instances.types[option.type];
    const NodeSettings settings = settings_of(report, option);
    const double nights = report.args.nights;
    return {{"type", type.name},
            {"nodes", option.nodes},
            {"cores", type.cores},
            {"prepare_seconds", seconds_or_null(option.prepare_seconds)},
            {"score_seconds", seconds_or_null(option.score_seconds)},
            {"seconds", option.seconds},
            {"billed_seconds", option.billed_seconds},
            {"alone_seconds", option.alone_seconds},
            {"last_seconds", option.last_seconds},
            {"storage_seconds", option.storage_seconds},
            {"memory_bytes", rounded(option.memory_bytes)},
            {"fits", option.fits},
            {"on_own_disk", option.on_own_disk},
            {"pays", option.pays},
            {"price", option.price},
            {"spot_price", or_null(option.spot_price)},
            {"month_price", nights * option.price},
            {"month_spot_price", option.spot_price ? Json(nights * *option.spot_price) : Json()},
            {"settings", {{"memory_mib", settings.memory_mib}, {"limit_minutes", settings.limit_minutes}}}};
}

} // namespace

Json plan_json(const PlanReport& report) {
    const PlanSize& size = report.size;
    const PlanArgs& args = report.args;
    const io::Instances& instances = report.instances;
    Json options = Json::array();
    for (const PlanOption& option : report.options) options.push_back(option_json(report, option));
    return {{"rows_read", rounded(size.rows_read)},
            {"observations", rounded(size.observations)},
            {"addresses", rounded(size.addresses)},
            {"keys", rounded(size.keys)},
            {"inputs", rounded(size.inputs)},
            {"input_keys", rounded(size.input_keys)},
            {"parts", size.parts},
            {"store_bytes", rounded(size.store_bytes)},
            {"table_bytes", rounded(size.table_bytes)},
            {"score_rows", rounded(size.score_rows)},
            {"scores_bytes", rounded(size.scores_bytes)},
            {"runs", report.runs},
            {"times_larger", report.times_larger},
            {"least_measured_seconds", report.least_measured_seconds},
            {"most_threads", report.most_threads},
            {"currency", instances.currency},
            {"dated", instances.dated ? Json(date_text(*instances.dated)) : Json()},
            {"start_seconds", instances.start_seconds},
            {"storage_month_price", instances.storage.price_per_month},
            {"nights", args.nights},
            {"other_seconds", args.other_seconds},
            {"within_seconds", args.within_seconds > 0 ? Json(args.within_seconds) : Json()},
            {"options", options},
            {"cheapest", or_null(report.cheapest)},
            {"fastest", or_null(report.fastest)}};
}

} // namespace ipscore::stages
