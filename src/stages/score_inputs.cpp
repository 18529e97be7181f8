#include "score_inputs.hpp"

#include "ipscore/io/format.hpp"
#include "ipscore/io/model_toml.hpp"

#include <fmt/format.h>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

void check_days(const ScoreArgs& args, const ScoreFiles& files) {
    const scoring::Model& model = files.model;
    if (model.first_day() >= files.table.first_day && model.as_of <= files.table.last_day) return;
    throw InputError(fmt::format(
        "{}: was prepared for {} to {}, but {} looks back on {} to {}; prepare a table with --as-of {} "
        "--lookback-days {}",
        args.table.string(), date_text(files.table.first_day), date_text(files.table.last_day),
        args.model.string(), date_text(model.first_day()), date_text(model.as_of), date_text(model.as_of),
        model.lookback_days));
}

Json describe(const io::InputFile& file) {
    return {{"path", file.path}, {"bytes", file.bytes}, {"rows", file.rows}};
}

} // namespace

ScoreFiles read_score_files(const ScoreArgs& args) {
    ScoreFiles files;
    files.table = io::read_table_index(args.table);
    files.model = io::read_model(args.model, args.as_of);
    files.classification = io::read_classification(args.classification);
    files.companies = io::read_companies(args.companies);
    check_days(args, files);
    for (const auto& [tag, override] : files.model.tags) {
        if (files.classification.classification.tags.find_sorted(tag)) continue;
        files.warnings.push_back(fmt::format("{}: tags.{}: no key is classified to this tag",
                                             args.model.string(), io::quoted_for_message(tag)));
    }
    return files;
}

io::Job score_job(const ScoreArgs& args, const ScoreFiles& files) {
    return {.verb = "score",
            .identity = {{"table", files.table.content_hash},
                         {"classification", files.classification.file.content_hash},
                         {"companies", files.companies.file.content_hash},
                         {"model", io::model_json(files.model)},
                         {"format_version", io::format::version}},
            .about = {{"table", args.table.string()},
                      {"classification", describe(files.classification.file)},
                      {"companies", describe(files.companies.file)},
                      {"model", args.model.string()},
                      {"version", IPSCORE_VERSION}}};
}

SharedInputs share_inputs(const ScoreFiles& files, const io::Job& job) {
    const scoring::Classification& classification = files.classification.classification;
    SharedInputs inputs;
    inputs.scoring.rules = scoring::TagRules(files.model, classification.tag_names());
    inputs.scoring.postings = scoring::resolve_postings(classification, files.table.dictionary);
    inputs.scoring.networks = scoring::NetworkMap(files.companies.companies, files.model.exclude_types);
    inputs.keys = files.table.dictionary.size();
    for (const io::PartRecord& part : files.table.parts) {
        inputs.part_rows.push_back(part.rows);
        inputs.part_checksums.push_back(part.checksum);
    }
    // The parts are those of the table, wherever that was cut.
    inputs.job_hash = job.hash();
    return inputs;
}

void broadcast_inputs(mpi::World& world, SharedInputs& inputs, const ScoreFiles& files) {
    if (world.size() == 1) return;
    // Rules are rebuilt from model and tags, both of them small.
    const ByteStrings& tags = files.classification.classification.tags;
    std::string model = world.is_root() ? io::model_json(files.model).dump() : "";
    std::vector<char> tag_bytes(tags.bytes().begin(), tags.bytes().end());
    std::vector<std::uint64_t> tag_offsets(tags.offsets().begin(), tags.offsets().end());
    std::vector<scoring::NetworkMap::Range> ranges = inputs.scoring.networks.ranges();
    world.broadcast_text(model);
    world.broadcast_values(tag_bytes);
    world.broadcast_values(tag_offsets);
    world.broadcast_values(ranges);
    world.broadcast_values(inputs.scoring.postings.offsets);
    world.broadcast_values(inputs.scoring.postings.postings);
    world.broadcast(inputs.keys);
    world.broadcast_values(inputs.part_rows);
    world.broadcast_values(inputs.part_checksums);
    world.broadcast_text(inputs.job_hash);
    if (world.is_root()) return;
    scoring::Classification classification;
    classification.tags = ByteStrings(std::move(tag_bytes), std::move(tag_offsets));
    inputs.scoring.rules =
        scoring::TagRules(io::model_of_json(Json::parse(model)), classification.tag_names());
    inputs.scoring.networks = scoring::NetworkMap(std::move(ranges));
}

} // namespace ipscore::stages
