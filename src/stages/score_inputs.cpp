#include "score_inputs.hpp"

#include "input_files.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/model_toml.hpp"
#include "ipscore/io/strings.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

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

/// The keys of a table's classification that are not in its dictionary, searched front to back.
class UnseenKeys {
public:
    explicit UnseenKeys(const io::H5File& index) : reader_(index, io::format::unseen_keys) {}
    /// `key` must come after that of the last call.
    [[nodiscard]] bool contains(std::string_view key) {
        while (more_ && next_ < key) more_ = reader_.next(next_);
        return more_ && next_ == key;
    }

private:
    io::StringsReader reader_;
    std::string_view next_;
    bool more_ = true;
};

/// The postings of the table's keys, as far as there is room for them. Throws InputError for a key of which
/// the table may have left out rows.
void join_with_table(const ScoreArgs& args, io::ClassificationFile& classification, MemoryBudget& budget,
                     ScoreFiles& files) {
    const io::H5File index = io::H5File::open(args.table / io::format::index_name);
    io::StringsReader dictionary(index, io::format::dictionary);
    budget.need("the tags", files.tags.bytes().size() + files.tags.size() * memory::score_worker_tag_bytes);
    budget.need("keys", dictionary.size() * sizeof(std::uint32_t));
    const scoring::PostingSizes sizes{
        .keys = dictionary.size(),
        .postings_max = std::min(files.classification.rows, budget.left_bytes() / sizeof(scoring::Posting)),
        .count_only = !budget.fits()};
    std::function<void(std::string_view)> must_be_unseen; // where the table has the rows of some keys only
    std::optional<UnseenKeys> unseen;
    if (files.table.classification) {
        unseen.emplace(index);
        must_be_unseen = [&](std::string_view key) {
            if (unseen->contains(key)) return;
            throw InputError(fmt::format(
                "{}:{}: column key: {} is not in the classification that {} was prepared with, so its "
                "observations are not there; prepare a table with --classification {}",
                files.classification.path, classification.line_of_key(), io::quoted_for_message(key),
                args.table.string(), args.classification.string()));
        };
    }
    scoring::ResolvedPostings resolved = scoring::resolve_postings(
        [&](scoring::ClassifiedKey& key) { return classification.next(key); },
        [&](std::string_view& key) { return dictionary.next(key); }, sizes, must_be_unseen);
    budget.need("postings", resolved.postings * sizeof(scoring::Posting));
    files.postings = std::move(resolved.lists);
}

} // namespace

ScoreFiles read_score_files(const ScoreArgs& args, MemoryBudget& budget, int threads, const StopFlag& stop) {
    ScoreFiles files;
    files.table = io::read_table_index(args.table, false);
    files.model = io::read_model(args.model, args.as_of);
    check_days(args, files);

    const io::ReadLimits limits = need_reading(budget, {args.classification, args.companies});
    files.companies = io::read_companies(args.companies, stop, limits, budget.left_bytes());
    budget.need("the companies", files.companies.memory_bytes);

    io::SortRoom room = sort_room(budget, args.output, threads);
    if (args.sort_bytes > 0) room.bytes = args.sort_bytes;
    io::ClassificationFile classification(args.classification, room, stop, limits);
    files.classification = classification.file();
    files.classification_runs = classification.spilled_runs();
    files.tags = classification.tags();
    join_with_table(args, classification, budget, files);
    release_reading(budget);
    for (const auto& [tag, override] : files.model.tags) {
        if (files.tags.find_sorted(tag)) continue;
        files.tags_unknown.push_back(tag);
    }
    return files;
}

io::Job score_job(const ScoreArgs& args, const ScoreFiles& files) {
    return {.verb = "score",
            .identity = {{"table", files.table.content_hash},
                         {"classification", files.classification.content_hash},
                         {"companies", files.companies.file.content_hash},
                         {"model", io::model_json(files.model)},
                         {"format_version", io::format::version}},
            .about = {{"table", args.table.string()},
                      {"classification", describe(files.classification)},
                      {"companies", describe(files.companies.file)},
                      {"model", args.model.string()},
                      {"version", IPSCORE_VERSION}}};
}

SharedInputs share_inputs(ScoreFiles& files, const io::Job& job) {
    SharedInputs inputs;
    inputs.scoring.rules = scoring::TagRules(files.model, files.tags.views());
    inputs.scoring.postings = std::move(files.postings);
    inputs.scoring.networks = scoring::NetworkMap(files.companies.companies, files.model.exclude_types);
    inputs.keys = inputs.scoring.postings.keys();
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
    const ByteStrings& tags = files.tags;
    std::string model = world.is_root() ? io::model_json(files.model).dump() : "";
    std::vector<char> tag_bytes(tags.bytes().begin(), tags.bytes().end());
    std::vector<std::uint64_t> tag_offsets(tags.offsets().begin(), tags.offsets().end());
    std::vector<scoring::NetworkMap::Range> ranges = inputs.scoring.networks.take_ranges();
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
    inputs.scoring.networks = scoring::NetworkMap(std::move(ranges));
    if (world.is_root()) return;
    const ByteStrings all_tags(std::move(tag_bytes), std::move(tag_offsets));
    inputs.scoring.rules = scoring::TagRules(io::model_of_json(Json::parse(model)), all_tags.views());
}

std::uint64_t scoring_worker_bytes(std::size_t tags) {
    return memory::score_worker_bytes + tags * memory::score_worker_tag_bytes +
           memory::evidence_rows_min * sizeof(scoring::CompanyEvidence);
}

std::uint64_t bytes_of(const SharedInputs& inputs) {
    return inputs.scoring.networks.ranges().size() * sizeof(scoring::NetworkMap::Range) +
           inputs.scoring.postings.offsets.size() * sizeof(std::uint32_t) +
           inputs.scoring.postings.postings.size() * sizeof(scoring::Posting) +
           inputs.scoring.rules.tags.size() * memory::score_worker_tag_bytes;
}

} // namespace ipscore::stages
