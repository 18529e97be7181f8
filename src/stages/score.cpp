#include "ipscore/stages/score.hpp"

#include "company_totals.hpp"
#include "evidence_merge.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/scoring/company_scores.hpp"
#include "kept_evidence.hpp"
#include "memory_needs.hpp"
#include "part_job.hpp"
#include "score_inputs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using scoring::CompanyEvidence;

// Rows that the kernel collects before they go to the columns: a batch of all columns fits the first-level
// cache's larger neighbour, and is worth a call.
constexpr std::size_t batch_rows = 4096;

// Parts whose company evidence is merged at a time at most: one file each.
constexpr std::uint64_t evidence_parts_max = 512;

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

/// How the memory of a worker's company evidence is divided.
struct EvidenceRoom {
    std::size_t rows = scoring::Scorer::evidence_rows_default; ///< held in memory
    std::size_t fan_in = 8;                                    ///< runs that are merged at a time
};

/// Kernels with their memory, for one part after the other: there are never more than workers.
class Scorers {
public:
    Scorers(const scoring::ScoringInputs& inputs, std::size_t evidence_rows)
        : inputs_(&inputs), evidence_rows_(evidence_rows) {}

    [[nodiscard]] std::unique_ptr<scoring::Scorer> take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) return std::make_unique<scoring::Scorer>(*inputs_, batch_rows, evidence_rows_);
        auto scorer = std::move(free_.back());
        free_.pop_back();
        scorer->reset();
        return scorer;
    }
    void give_back(std::unique_ptr<scoring::Scorer> scorer) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(scorer));
    }
    void clear() noexcept { free_.clear(); }

private:
    const scoring::ScoringInputs* inputs_;
    std::size_t evidence_rows_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<scoring::Scorer>> free_;
};

/// Scores one part of the table. Evidence that is too much for the memory goes through a file without a name.
std::optional<io::PartRecord> make_part(const ScoreArgs& args, const SharedInputs& inputs,
                                        const EvidenceRoom& room, KeptEvidence& kept, scoring::Scorer& scorer,
                                        std::uint64_t part, const std::filesystem::path& path,
                                        const StopFlag& halt, WorkCounters& counters) {
    const io::H5File table = io::H5File::open(args.table / io::format::part_name(part));
    if (table.read_u64("/", "checksum") != inputs.part_checksums[part]) {
        table.damaged("it is not the part that the table's index lists");
    }
    io::SortedRowsReader reader(table, inputs.keys);
    io::ScoresPartWriter writer(path);
    EvidenceSpill spill(args.output, room.fan_in);
    const auto drain = [&] {
        writer.append(scorer.batch());
        scorer.clear_batch();
    };
    std::uint64_t rows_counted = 0;
    const auto count_rows = [&] {
        counters.rows += scorer.counts().observations - rows_counted;
        rows_counted = scorer.counts().observations;
    };
    while (reader.next_address()) {
        scorer.begin_address(reader.address());
        for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
            scorer.rows(rows.key, rows.day, rows.hits, rows.keys_ahead);
            if (!halt.requested()) continue;
            count_rows(); // the status tells how far it was
            return std::nullopt;
        }
        scorer.end_address();
        if (scorer.wants_evidence_drain()) spill.add(scorer.take_company_evidence());
        if (!scorer.wants_drain()) continue;
        drain();
        count_rows();
    }
    drain();
    count_rows();
    const std::uint64_t spilled_runs = spill.runs();
    const auto evidence = scorer.take_company_evidence();
    try {
        spill.merge(evidence, halt, [&](const CompanyEvidence& row) { writer.append(row); });
    } catch (const Interrupted&) {
        return std::nullopt;
    }
    counters.spilled_runs += spilled_runs;
    io::PartRecord record;
    record.counts = counts_json(scorer.counts(), writer.evidence_rows());
    writer.finish(inputs.job_hash, part, record);
    counters.bytes += writer.stored_bytes();
    if (spilled_runs > 0) {
        kept.give_up(); // `evidence` is not all of it
    } else {
        kept.keep(evidence);
    }
    return record;
}

/// What is left goes to the evidence, up to where more would hardly ever be used.
EvidenceRoom evidence_room(const ScoreArgs& args, const MemoryBudget& budget, int threads) {
    const std::uint64_t left = budget.left_bytes() / static_cast<std::uint64_t>(threads);
    EvidenceRoom room{.rows = static_cast<std::size_t>(std::min<std::uint64_t>(
                          memory::evidence_rows_min + left / 2 / sizeof(CompanyEvidence),
                          scoring::Scorer::evidence_rows_default)),
                      .fan_in = static_cast<std::size_t>(
                          std::clamp<std::uint64_t>(left / 4 / io::SpillReader::buffer_bytes, 8, 256))};
    if (args.evidence_rows_max > 0) room.rows = args.evidence_rows_max;
    if (args.evidence_fan_in > 0) room.fan_in = args.evidence_fan_in;
    return room;
}

/// Of what is left, evidence_room() leaves a quarter. There a rank keeps the evidence of its parts.
std::uint64_t kept_evidence_bytes(const ScoreArgs& args, const MemoryBudget& budget) {
    const bool is_to_read_files = args.evidence_fan_in > 0 || args.evidence_parts_per_run > 0;
    return is_to_read_files ? 0 : budget.left_bytes() / 4;
}

/// Parts of which one rank reads the evidence at a time. The workers that made them are gone, and their room
/// is free.
std::size_t evidence_fan_in(const ScoreArgs& args, const MemoryBudget& budget, int threads,
                            std::size_t tags) {
    if (args.evidence_fan_in > 0) return args.evidence_fan_in;
    const std::uint64_t free_bytes =
        budget.left_bytes() + scoring_worker_bytes(tags) * static_cast<std::uint64_t>(threads);
    return std::clamp<std::uint64_t>(free_bytes / memory::evidence_part_bytes, 2, evidence_parts_max);
}

/// Largest first, so that no large part is left for the end. `parts`: numbers of the parts to make.
std::vector<Claim> largest_first(const std::vector<std::uint64_t>& parts,
                                 const std::vector<std::uint64_t>& part_rows) {
    std::vector<std::uint64_t> order = parts;
    std::ranges::stable_sort(order,
                             [&](std::uint64_t a, std::uint64_t b) { return part_rows[a] > part_rows[b]; });
    std::vector<Claim> claims;
    claims.reserve(order.size());
    for (const std::uint64_t part : order) claims.push_back({part, 1});
    return claims;
}

/// Of all part files. Not among the counts of a part: those are written before its file has its size.
std::uint64_t stored_bytes(const std::filesystem::path& scores, std::uint64_t parts) {
    std::uint64_t bytes = 0;
    for (std::uint64_t part = 0; part < parts; ++part) {
        bytes += std::filesystem::file_size(scores / io::format::part_name(part));
    }
    return bytes;
}

/// Days of the look-back that the table has nothing of.
std::vector<std::string> days_without_observations(const ScoreFiles& files) {
    std::vector<std::string> days;
    for (Day day = files.model.first_day(); day <= files.model.as_of; ++day) {
        if (!files.table.has_observations_of(day)) days.push_back(date_text(day));
    }
    return days;
}

/// Rows of the look-back that are not in the table, for its classification does not name their keys.
std::uint64_t rows_left_out(const ScoreFiles& files) {
    std::uint64_t rows = 0;
    for (const auto& [day, count] : files.table.classification->unclassified)
        rows += day >= files.model.first_day() && day <= files.model.as_of ? count : 0;
    return rows;
}

/// Of the observations within the look-back and not excluded.
double unclassified_share(const Json& counts) {
    const auto& observations = counts.at("observations");
    const double unclassified = observations.at("unclassified");
    const double considered = unclassified + observations.at("classified").get<double>();
    return considered == 0 ? 0.0 : unclassified / considered;
}

/// What the inputs leave uncovered.
Json coverage_of(const ScoreFiles& files, const SharedInputs& inputs, const Json& counts) {
    const ByteStrings& tags = files.tags;
    std::vector<bool> has_keys(tags.size());
    for (const scoring::Posting& posting : inputs.scoring.postings.postings) has_keys[posting.tag] = true;
    Json tags_without_keys = Json::array();
    for (std::size_t tag = 0; tag < tags.size(); ++tag) {
        if (!has_keys[tag]) tags_without_keys.push_back(tags[tag]);
    }
    Json coverage{{"observations_without_tag_share", unclassified_share(counts)},
                  {"tags", tags.size()},
                  {"tags_without_keys", tags_without_keys},
                  {"lookback_days", files.model.lookback_days},
                  {"days_without_observations", days_without_observations(files)}};
    if (files.table.classification) {
        // The share of what is in the table would be near 0 whatever the classification lacks.
        coverage["observations_without_tag_share"] = nullptr;
        coverage["rows_left_out"] = rows_left_out(files);
    }
    return coverage;
}

/// Warns of what a person should look at before using the scores. Throws what --require-days forbids, and
/// what --max-unclassified could not find.
void check_coverage(const ScoreArgs& args, const ScoreFiles& files, RunLog& log) {
    if (files.table.classification && args.max_unclassified < 1) {
        throw InputError(fmt::format("{}: was prepared with --classification, without the observations that "
                                     "--max-unclassified counts; give that to ipscore prepare",
                                     args.table.string()));
    }
    if (const auto& tags = files.tags_unknown; !tags.empty()) {
        log.warning(fmt::format("{}: tags.{}: no key is classified to this tag{}", args.model.string(),
                                io::quoted_for_message(tags.front()),
                                tags.size() == 1 ? "" : fmt::format("; nor to {} more", tags.size() - 1)),
                    tags.size());
    }
    if (const auto days = days_without_observations(files); !days.empty()) {
        const std::string text =
            fmt::format("{}: has no observations of {} of the {} days of the look-back: {}",
                        args.table.string(), days.size(), files.model.lookback_days, some_of(days));
        if (args.require_days) throw InputError(text + "; --require-days allows no such day");
        log.warning(text, days.size());
    }
}

/// The other guards. Throws InputError.
void check_result(const ScoreArgs& args, const io::ScoresIndex& index) {
    if (index.rows() < args.min_rows) {
        throw InputError(fmt::format("{}: {} rows are fewer than --min-rows {}; the scores get no index",
                                     args.output.string(), index.rows(), args.min_rows));
    }
    if (const double share = unclassified_share(index.counts); share > args.max_unclassified) {
        throw InputError(fmt::format(
            "{}: {:.4f} of the observations have no tag, more than --max-unclassified {}; the scores "
            "get no index",
            args.output.string(), share, args.max_unclassified));
    }
}

RunSummary summarize(const ScoreArgs& args, const ScoreFiles& files, const SharedInputs& inputs,
                     const io::ScoresIndex& index, std::uint64_t company_rows, const PartJobResult& result,
                     const Phases& phases) {
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
                    count_text(company_rows), index.parts.size(), date_text(files.model.as_of));
    summary.lines.push_back(fmt::format(
        "read {} observations of {} addresses: {} classified, {} without a tag, {} "
        "outside the look-back, {} of excluded networks",
        count_text(read), count_text(count("addresses", "read")), part_of_read("classified"),
        part_of_read("unclassified"), part_of_read("outside_lookback"), part_of_read("excluded")));
    if (count("rows", "below_min_score") > 0) {
        summary.lines.push_back(fmt::format("{} rows below min_score were not written",
                                            count_text(count("rows", "below_min_score"))));
    }
    const std::vector<std::string> tags_without_keys = coverage.at("tags_without_keys");
    const std::vector<std::string> empty_days = coverage.at("days_without_observations");
    const std::string without_tag =
        files.table.classification
            ? fmt::format("rows without a tag that prepare left out: {}",
                          count_text(coverage.at("rows_left_out").get<std::uint64_t>()))
            : percent_text(coverage.at("observations_without_tag_share"), 1) +
                  " of the observations have no tag";
    summary.lines.push_back(
        fmt::format("coverage: {}; tags without keys: {} "
                    "of {}{}{}; days without data: {} of {}{}{}",
                    without_tag, tags_without_keys.size(), coverage.at("tags").get<std::uint64_t>(),
                    tags_without_keys.empty() ? "" : ", ", some_of(tags_without_keys), empty_days.size(),
                    files.model.lookback_days, empty_days.empty() ? "" : ", ", some_of(empty_days)));
    summary.lines.push_back(
        fmt::format("wrote {}", bytes_text(counts.at("stored_bytes").get<std::uint64_t>())));
    if (result.parts_verified > 0) {
        summary.lines.push_back(fmt::format("parts that were there already: {}", result.parts_verified));
    }
    append_run_lines(summary, phases, result.ranks, result.imbalance);
    summary.json = {
        {"verb", "score"},
        {"version", IPSCORE_VERSION},
        {"as_of", date_text(files.model.as_of)},
        {"content_hash", index.content_hash},
        {"parts", index.parts.size()},
        {"parts_already_there", result.parts_verified},
        {"keys", inputs.keys},
        {"company_rows", company_rows},
        {"counts", counts},
        {"coverage", coverage},
        {"spilled_runs",
         {{"classification", files.classification_runs}, {"company_evidence", result.spilled_runs}}},
        {"tags_unknown", files.tags_unknown},
        {"phases_seconds", phases.json()},
        {"seconds", phases.total_seconds()},
        {"imbalance", result.imbalance},
        {"ranks", result.ranks}};
    return summary;
}

} // namespace

RunSummary score(mpi::World& world, const ScoreArgs& args, StopFlag& stop, RunMonitor& monitor) {
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("check");
    MemoryBudget budget = memory_budget(world, args.memory_bytes);
    const int threads_wanted = args.threads > 0 ? args.threads : default_threads(world.ranks_on_node());
    ScoreFiles files;
    SharedInputs inputs;
    std::unique_ptr<io::OutputDirectory> output;
    auto state = io::OutputDirectory::State::fresh;
    world.root_decides(stop, [&] {
        files = read_score_files(args, budget, threads_wanted, stop);
        budget.need("a thread", scoring_worker_bytes(files.tags.size()));
        budget.check();
        budget.release("a thread");
        const io::Job job = score_job(args, files);
        check_coverage(args, files, monitor.log());
        output = std::make_unique<io::OutputDirectory>(args.output, job, args.restart);
        state = output->state();
        inputs = share_inputs(files, job);
    });
    monitor.begin_phase("broadcast");
    monitor.watch(world, args.output);
    broadcast_inputs(world, inputs, files);
    auto known_state = static_cast<std::uint64_t>(state);
    world.broadcast(known_state);
    state = static_cast<io::OutputDirectory::State>(known_state);
    if (!world.is_root()) budget.need("inputs", bytes_of(inputs));
    const int threads =
        budget.workers(threads_wanted, scoring_worker_bytes(inputs.scoring.rules.tags.size()));
    const EvidenceRoom room = evidence_room(args, budget, threads);
    KeptEvidence kept(kept_evidence_bytes(args, budget));

    const PartJob job{.output = args.output,
                      .job_hash = inputs.job_hash,
                      .part_format = io::format::scores_part,
                      .columns = io::scores_columns,
                      .parts = inputs.part_rows.size(),
                      .threads = threads,
                      .phase = "score"};
    PartResults parts(job.parts);
    if (state != io::OutputDirectory::State::fresh) verify_parts(world, job, stop, monitor, parts);
    Scorers scorers(inputs.scoring, room.rows);
    const PartJobResult result =
        make_parts(world, job, largest_first(parts.missing(), inputs.part_rows), stop, monitor, parts,
                   [&]() -> MakePart {
                       return [&](std::uint64_t part, const std::filesystem::path& path, const StopFlag& halt,
                                  WorkCounters& counters) {
                           auto scorer = scorers.take();
                           auto record =
                               make_part(args, inputs, room, kept, *scorer, part, path, halt, counters);
                           scorers.give_back(std::move(scorer));
                           return record;
                       };
                   });

    scorers.clear();

    const std::size_t fan_in = evidence_fan_in(args, budget, threads, inputs.scoring.rules.tags.size());
    const auto company_rows = add_up_kept_evidence(world,
                                                   {.kept = kept,
                                                    .rules = inputs.scoring.rules,
                                                    .companies = files.companies.companies.names.size(),
                                                    .threads = threads,
                                                    .memory_bytes = budget.left_bytes() / 2,
                                                    .made_all_parts = parts.missing().size() == job.parts},
                                                   stop, monitor);
    EvidenceFiles evidence_files;
    if (!company_rows) {
        evidence_files = merge_evidence_of_parts(world,
                                                 {.scores = args.output,
                                                  .parts = job.parts,
                                                  .threads = threads,
                                                  .fan_in = fan_in,
                                                  .parts_per_run_min = args.evidence_parts_per_run},
                                                 stop, monitor);
    }

    monitor.begin_phase("index");
    RunSummary summary;
    world.root_decides(stop, [&] {
        io::ScoresIndex index;
        index.tags = files.tags;
        index.companies = std::move(files.companies.companies);
        index.model = files.model;
        index.job_hash = inputs.job_hash;
        index.counts = result.counts;
        index.counts["stored_bytes"] = stored_bytes(args.output, result.parts.size());
        index.parts = result.parts;
        check_result(args, index);
        io::TemporaryFile file(args.output / io::format::index_name);
        io::ScoresIndexWriter writer(file.path());
        if (company_rows) {
            for (const auto& piece : *company_rows) {
                for (const scoring::CompanyRow& row : piece) writer.append(row);
            }
        } else {
            add_up_evidence(evidence_files, args.output, fan_in, stop, [&](const CompanyEvidence& sum) {
                writer.append(scoring::company_row(sum, inputs.scoring.rules));
            });
        }
        const std::uint64_t rows = writer.company_rows();
        writer.finish(index, inputs.scoring);
        monitor.end_phases();
        summary = summarize(args, files, inputs, index, rows, result, monitor.phases());
        publish_index(args.output, file, summary,
                      state == io::OutputDirectory::State::finished &&
                          result.parts_verified == index.parts.size(),
                      [&] { return io::scores_index_stands(args.output, index.content_hash); });
        std::error_code ignored; // the runs are of no more use, and another one would remove them
        std::filesystem::remove_all(args.output / io::format::runs_name, ignored);
    });
    return summary;
}

} // namespace ipscore::stages
