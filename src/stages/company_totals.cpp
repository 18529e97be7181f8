#include "company_totals.hpp"

#include "evidence_sum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/evidence.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/stages/rank_work.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

namespace ipscore::stages {

using scoring::CompanyEvidence;

namespace {

/// What one rank makes of it; the smallest decides for all.
enum class Vote : std::uint64_t { stop, no, yes };

/// True when all ranks vote `yes`. All ranks must call; throws AgreedError when one was asked to stop.
bool all_agree(mpi::World& world, Vote vote) {
    const auto all = static_cast<Vote>(world.smallest(static_cast<std::uint64_t>(vote)));
    if (all == Vote::stop) {
        throw mpi::AgreedError(ExitCode::interrupted,
                               "stopped on request; run the same command again to resume");
    }
    return all == Vote::yes;
}

Vote vote_for(bool yes) { return yes ? Vote::yes : Vote::no; }

/// What runs have of the companies that each rank adds up: as many companies for each, give or take one.
std::vector<std::vector<EvidenceRun>> cut_for_ranks(const std::vector<EvidenceRun>& runs,
                                                    std::uint64_t companies, std::uint64_t ranks) {
    std::vector<std::vector<EvidenceRun>> cut(ranks);
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
        for (const EvidenceRun& run : runs) {
            const EvidenceRun part =
                of_companies(run, companies * rank / ranks, companies * (rank + 1) / ranks);
            if (!part.empty()) cut[rank].push_back(part);
        }
    }
    return cut;
}

} // namespace

std::optional<CompanyRows> add_up_kept_evidence(mpi::World& world, const EvidenceOfRanks& of,
                                                const StopFlag& stop, RunMonitor& monitor) {
    const auto give_up = [&] {
        of.kept.give_up(); // what reads the parts needs the room
        return std::nullopt;
    };
    if (!all_agree(world, vote_for(of.made_all_parts && of.kept.has_all()))) return give_up();
    monitor.begin_phase("companies");
    const auto has_room = [&](std::uint64_t rows) {
        return rows <= of.memory_bytes / sizeof(CompanyEvidence);
    };
    std::vector<EvidenceRun> runs = of.kept.runs();
    std::vector<std::vector<CompanyEvidence>> received;
    if (world.size() > 1) {
        std::uint64_t companies = of.companies;
        world.broadcast(companies);
        const auto cut = cut_for_ranks(runs, companies, static_cast<std::uint64_t>(world.size()));
        std::vector<std::uint64_t> rows;
        rows.reserve(cut.size());
        for (const auto& runs_of_rank : cut) rows.push_back(rows_of(runs_of_rank));
        const std::vector<std::uint64_t> rows_from_ranks = world.exchange_counts(rows);
        runs = cut[static_cast<std::size_t>(world.rank())];
        const std::uint64_t all_rows = std::reduce(rows_from_ranks.begin(), rows_from_ranks.end());
        // What is received is there with the rows that all of it makes, which are no more.
        if (!all_agree(world, vote_for(has_room(all_rows - rows_of(runs) + all_rows)))) return give_up();
        received = world.exchange_pieces(cut);
        runs.insert(runs.end(), received.begin(), received.end());
    }
    CompanyRows made;
    auto vote = Vote::yes;
    try {
        made = add_up_runs(std::move(runs), of.threads, stop,
                           [&](const CompanyEvidence& sum) { return scoring::company_row(sum, of.rules); });
    } catch (const Interrupted&) {
        vote = Vote::stop;
    }
    of.kept.give_up();
    received = {};
    all_agree(world, vote);
    if (world.size() == 1) return made;
    std::vector<std::uint64_t> all_rows{rows_of(made)};
    world.sum_on_root(all_rows);
    if (!all_agree(world, vote_for(!world.is_root() || has_room(all_rows.front())))) return std::nullopt;
    return world.gather_pieces(std::move(made));
}

namespace {

// Runs of fewer parts have hardly fewer rows than these.
constexpr std::uint64_t parts_per_run_min = 16;
// More runs than workers even out how much their parts have; too many are work for rank 0.
constexpr std::uint64_t runs_per_worker = 2;
constexpr std::uint64_t runs_max = 256;

/// Consecutive parts, as many for each run, give or take one.
std::vector<Claim> stretches(std::uint64_t parts, std::uint64_t runs) {
    std::vector<Claim> claims;
    for (std::uint64_t run = 0; run < runs; ++run) {
        const std::uint64_t first = parts * run / runs;
        claims.push_back({first, parts * (run + 1) / runs - first});
    }
    return claims;
}

std::filesystem::path run_path(const std::filesystem::path& scores, std::uint64_t first_part) {
    return scores / io::format::runs_name / fmt::format("evidence-{:05}.h5", first_part);
}

EvidenceFiles parts_of(const std::filesystem::path& scores, const Claim& claim) {
    EvidenceFiles files;
    for (std::uint64_t part = claim.first_part; part < claim.first_part + claim.parts; ++part)
        files.files.push_back(scores / io::format::part_name(part));
    return files;
}

void write_run(const EvidenceParts& of, const Claim& claim, std::size_t fan_in, const StopFlag& halt) {
    io::TemporaryFile temporary(run_path(of.scores, claim.first_part));
    io::H5File file = io::H5File::create(temporary.path());
    io::EvidenceWriter writer(file, io::evidence_chunk_values);
    add_up_evidence(parts_of(of.scores, claim), of.scores, fan_in, halt,
                    [&](const CompanyEvidence& evidence) { writer.append(evidence); });
    (void)writer.finish();
    file.close();
    temporary.publish(false); // no later run reads it
}

} // namespace

EvidenceFiles merge_evidence_of_parts(mpi::World& world, const EvidenceParts& of, StopFlag& stop,
                                      RunMonitor& monitor) {
    // Ranks with less memory may have fewer workers, but all must cut alike.
    const std::uint64_t workers =
        world.smallest(static_cast<std::uint64_t>(of.threads)) * static_cast<std::uint64_t>(world.size());
    const bool is_forced = of.parts_per_run_min > 0;
    const std::uint64_t parts_per_run = is_forced ? of.parts_per_run_min : parts_per_run_min;
    const std::uint64_t runs = std::min({runs_per_worker * workers, of.parts / parts_per_run, runs_max});
    // The threads of one rank alone gain nothing: they take turns in HDF5.
    if (runs < 2 || (world.size() == 1 && !is_forced)) return parts_of(of.scores, {0, of.parts});
    monitor.begin_phase("companies");
    const std::filesystem::path directory = of.scores / io::format::runs_name;
    world.root_decides(stop, [&] {
        std::filesystem::remove_all(directory); // of a run that was cut otherwise
        std::filesystem::create_directory(directory);
    });
    const std::vector<Claim> claims = stretches(of.parts, runs);
    const std::size_t fan_in = of.fan_in / static_cast<std::size_t>(of.threads);
    const auto work = [&](const Claim& claim, const StopFlag& halt, WorkCounters& counters) {
        try {
            write_run(of, claim, fan_in, halt);
        } catch (const Interrupted&) {
            return;
        }
        counters.parts += claim.parts;
    };
    work_on_claims(world, claims, {.parts = of.parts, .threads = of.threads}, stop, monitor, work);
    EvidenceFiles files{.files = {}, .are_parts = false};
    for (const Claim& claim : claims) files.files.push_back(run_path(of.scores, claim.first_part));
    return files;
}

void add_up_evidence(const EvidenceFiles& of, const std::filesystem::path& scores, std::size_t fan_in,
                     const StopFlag& stop, const EvidenceSink& sink) {
    fan_in = std::max<std::size_t>(fan_in, 2);
    EvidenceSpill spill(scores, fan_in);
    for (std::span<const std::filesystem::path> left = of.files; !left.empty();) {
        std::vector<EvidenceSource> sources;
        for (; !left.empty() && sources.size() < fan_in; left = left.subspan(1)) {
            auto reader = std::make_shared<io::EvidenceReader>(
                of.are_parts ? io::open_part_evidence(left.front())
                             : io::EvidenceReader(io::H5File::open(left.front())));
            sources.emplace_back([reader] { return reader->next(); });
        }
        if (left.empty() && spill.runs() == 0) {
            merge_evidence(sources, stop, sink);
            return;
        }
        spill.add_merged(sources, stop);
    }
    spill.merge({}, stop, sink);
}

} // namespace ipscore::stages
