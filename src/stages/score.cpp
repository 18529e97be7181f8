#include "ipscore/stages/score.hpp"

#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/scoring/company_scores.hpp"
#include "part_job.hpp"
#include "score_inputs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <spdlog/spdlog.h>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using scoring::CompanyEvidence;

// Rows that the kernel collects before they go to the columns: a batch of all columns fits the first-level
// cache's larger neighbour, and is worth a call.
constexpr std::size_t batch_rows = 4096;

Json counts_json(const scoring::ScoreCounts& counts, std::size_t evidence_rows) {
    return {{"observations",
             {{"read", counts.observations},
              {"excluded", counts.excluded},
              {"outside_lookback", counts.outside_lookback},
              {"unclassified", counts.unclassified},
              {"classified", counts.classified}}},
            {"addresses",
             {{"read", counts.addresses},
              {"excluded", counts.addresses_excluded},
              {"with_rows", counts.addresses_with_rows}}},
            {"rows", {{"written", counts.rows}, {"below_min_score", counts.rows_below_min_score}}},
            {"company_evidence_rows", evidence_rows}};
}

/// Scores one part of the table.
std::optional<io::PartRecord> make_part(const ScoreArgs& args, const SharedInputs& inputs, std::uint64_t part,
                                        const std::filesystem::path& path, const StopFlag& halt,
                                        WorkCounters& counters) {
    const io::H5File table = io::H5File::open(args.table / io::format::part_name(part));
    if (table.read_u64("/", "checksum") != inputs.part_checksums[part]) {
        table.damaged("it is not the part that the table's index lists");
    }
    io::SortedRowsReader reader(table, inputs.keys);
    io::ScoresPartWriter writer(path);
    scoring::Scorer scorer(inputs.scoring, batch_rows);
    const auto drain = [&] {
        writer.append(scorer.batch());
        scorer.clear_batch();
    };
    std::uint64_t rows_counted = 0;
    while (reader.next_address()) {
        scorer.begin_address(reader.address());
        for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
            scorer.rows(rows.key, rows.day, rows.hits);
            if (halt.requested()) return std::nullopt;
        }
        scorer.end_address();
        if (!scorer.wants_drain()) continue;
        drain();
        counters.rows += scorer.counts().observations - rows_counted;
        rows_counted = scorer.counts().observations;
    }
    drain();
    counters.rows += scorer.counts().observations - rows_counted;
    const std::vector<CompanyEvidence> evidence = scorer.take_company_evidence();
    writer.append(evidence);
    io::PartRecord record;
    record.counts = counts_json(scorer.counts(), evidence.size());
    writer.finish(inputs.job_hash, part, record);
    counters.bytes += writer.stored_bytes();
    return record;
}

/// Largest first, so that no large part is left for the end.
std::vector<Claim> largest_first(const std::vector<std::uint64_t>& part_rows) {
    std::vector<std::uint64_t> order(part_rows.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::ranges::stable_sort(order,
                             [&](std::uint64_t a, std::uint64_t b) { return part_rows[a] > part_rows[b]; });
    std::vector<Claim> claims;
    claims.reserve(order.size());
    for (const std::uint64_t part : order) claims.push_back({part, 1});
    return claims;
}

/// Adds up the evidence of all parts.
std::vector<scoring::CompanyRow> company_rows(const std::filesystem::path& scores, std::uint64_t parts,
                                              const scoring::TagRules& rules) {
    std::vector<CompanyEvidence> all;
    std::size_t merged = 0;
    constexpr std::size_t merge_at = 1U << 18U;
    for (std::uint64_t part = 0; part < parts; ++part) {
        const auto evidence = io::read_company_evidence(scores / io::format::part_name(part));
        all.insert(all.end(), evidence.begin(), evidence.end());
        if (all.size() - merged < std::max(merge_at, merged)) continue;
        scoring::sort_and_merge(all);
        merged = all.size();
    }
    scoring::sort_and_merge(all);
    std::vector<scoring::CompanyRow> rows;
    rows.reserve(all.size());
    for (const CompanyEvidence& evidence : all) rows.push_back(scoring::company_row(evidence, rules));
    return rows;
}

/// Of all part files. Not among the counts of a part: those are written before its file has its size.
std::uint64_t stored_bytes(const std::filesystem::path& scores, std::uint64_t parts) {
    std::uint64_t bytes = 0;
    for (std::uint64_t part = 0; part < parts; ++part) {
        bytes += std::filesystem::file_size(scores / io::format::part_name(part));
    }
    return bytes;
}

/// What the inputs leave uncovered.
Json coverage_of(const ScoreFiles& files, const SharedInputs& inputs, const Json& counts) {
    const auto& observations = counts.at("observations");
    const double unclassified = observations.at("unclassified");
    const double considered = unclassified + observations.at("classified").get<double>();
    const ByteStrings& tags = files.classification.classification.tags;
    std::vector<bool> has_keys(tags.size());
    for (const scoring::Posting& posting : inputs.scoring.postings.postings) has_keys[posting.tag] = true;
    Json tags_without_keys = Json::array();
    for (std::size_t tag = 0; tag < tags.size(); ++tag) {
        if (!has_keys[tag]) tags_without_keys.push_back(tags[tag]);
    }
    Json days = Json::array();
    for (Day day = files.model.first_day(); day <= files.model.as_of; ++day) {
        if (!files.table.rows_per_day.contains(day)) days.push_back(date_text(day));
    }
    return {{"observations_without_tag_share", considered == 0 ? 0.0 : unclassified / considered},
            {"tags", tags.size()},
            {"tags_without_keys", tags_without_keys},
            {"lookback_days", files.model.lookback_days},
            {"days_without_observations", days}};
}

/// The first few of a list of texts, and how many more.
std::string some_of(const Json& list) {
    constexpr std::size_t shown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, list.size()); ++i) {
        text += fmt::format("{}{}", i == 0 ? "" : ", ", io::quoted_for_message(list[i].get<std::string>()));
    }
    if (list.size() > shown) text += fmt::format(" and {} more", list.size() - shown);
    return text;
}

RunSummary summarize(const ScoreArgs& args, const ScoreFiles& files, const SharedInputs& inputs,
                     const io::ScoresIndex& index, const PartJobResult& result, const Phases& phases) {
    const Json& counts = index.counts;
    const Json coverage = coverage_of(files, inputs, counts);
    const auto count = [&](const char* group, const char* name) {
        return counts.at(group).at(name).get<std::uint64_t>();
    };
    const std::uint64_t read = count("observations", "read");
    const auto part_of_read = [&](const char* name) {
        const std::uint64_t rows = count("observations", name);
        return fmt::format("{} ({})", count_text(rows),
                           percent_text(static_cast<double>(rows), static_cast<double>(read)));
    };
    RunSummary summary;
    summary.verdict =
        fmt::format("{}: {} rows of {} addresses, {} company rows, in {} parts, as of {}",
                    args.output.string(), count_text(index.rows()), count_text(index.addresses()),
                    count_text(index.company_rows.size()), index.parts.size(), date_text(files.model.as_of));
    summary.lines.push_back(fmt::format(
        "read {} observations of {} addresses: {} classified, {} without a tag, {} "
        "outside the look-back, {} of excluded networks",
        count_text(read), count_text(count("addresses", "read")), part_of_read("classified"),
        part_of_read("unclassified"), part_of_read("outside_lookback"), part_of_read("excluded")));
    if (count("rows", "below_min_score") > 0) {
        summary.lines.push_back(fmt::format("{} rows below min_score were not written",
                                            count_text(count("rows", "below_min_score"))));
    }
    const Json& tags_without_keys = coverage.at("tags_without_keys");
    const Json& empty_days = coverage.at("days_without_observations");
    summary.lines.push_back(fmt::format("coverage: {} of the observations have no tag; tags without keys: {} "
                                        "of {}{}{}; days without data: {} of {}{}{}",
                                        percent_text(coverage.at("observations_without_tag_share"), 1),
                                        tags_without_keys.size(), coverage.at("tags").get<std::uint64_t>(),
                                        tags_without_keys.empty() ? "" : ", ", some_of(tags_without_keys),
                                        empty_days.size(), files.model.lookback_days,
                                        empty_days.empty() ? "" : ", ", some_of(empty_days)));
    summary.lines.push_back(
        fmt::format("wrote {}", bytes_text(counts.at("stored_bytes").get<std::uint64_t>())));
    if (result.parts_verified > 0) {
        summary.lines.push_back(fmt::format("parts that were there already: {}", result.parts_verified));
    }
    append_run_lines(summary, phases, result.ranks, result.imbalance);
    summary.json = {{"verb", "score"},
                    {"version", IPSCORE_VERSION},
                    {"as_of", date_text(files.model.as_of)},
                    {"content_hash", index.content_hash},
                    {"parts", index.parts.size()},
                    {"parts_already_there", result.parts_verified},
                    {"company_rows", index.company_rows.size()},
                    {"counts", counts},
                    {"coverage", coverage},
                    {"warnings", files.warnings},
                    {"phases_seconds", phases.json()},
                    {"seconds", phases.total_seconds()},
                    {"imbalance", result.imbalance},
                    {"ranks", result.ranks}};
    return summary;
}

} // namespace

RunSummary score(mpi::World& world, const ScoreArgs& args, StopFlag& stop) {
    Phases phases;
    phases.begin("check");
    const int threads = args.threads > 0 ? args.threads : default_threads(world.ranks_on_node());
    ScoreFiles files;
    SharedInputs inputs;
    std::unique_ptr<io::OutputDirectory> output;
    bool finished = false;
    world.root_decides([&] {
        files = read_score_files(args);
        for (const std::string& warning : files.warnings) spdlog::warn(warning);
        const io::Job job = score_job(args, files);
        output = std::make_unique<io::OutputDirectory>(args.output, job, args.restart);
        finished = output->state() == io::OutputDirectory::State::finished;
        inputs = share_inputs(files, job);
    });
    phases.begin("broadcast");
    broadcast_inputs(world, inputs, files);

    const PartJob job{.output = args.output,
                      .job_hash = inputs.job_hash,
                      .part_format = io::format::scores_part,
                      .columns = io::scores_columns,
                      .parts = inputs.part_rows.size(),
                      .claims = largest_first(inputs.part_rows),
                      .threads = threads,
                      .phase = "score",
                      .progress = args.progress};
    PartJobResult result = run_parts(world, job, stop, phases, [&]() -> MakePart {
        return [&](std::uint64_t part, const std::filesystem::path& path, const StopFlag& halt,
                   WorkCounters& counters) { return make_part(args, inputs, part, path, halt, counters); };
    });

    phases.begin("index");
    RunSummary summary;
    world.root_decides([&] {
        io::ScoresIndex index;
        index.tags = files.classification.classification.tags;
        index.companies = files.companies.companies;
        index.model = files.model;
        index.job_hash = inputs.job_hash;
        for (const io::PartRecord& part : result.parts) add_counts(index.counts, part.counts);
        index.counts["stored_bytes"] = stored_bytes(args.output, result.parts.size());
        index.parts = result.parts;
        index.company_rows = company_rows(args.output, index.parts.size(), inputs.scoring.rules);
        io::TemporaryFile file(args.output / io::format::index_name);
        io::write_scores_index(file.path(), index, inputs.scoring);
        phases.end();
        summary = summarize(args, files, inputs, index, result, phases);
        publish_index(args.output, file, summary, finished && result.parts_verified == index.parts.size(),
                      [&] { return io::read_scores_index(args.output).content_hash == index.content_hash; });
    });
    return summary;
}

} // namespace ipscore::stages
