#include "company_totals.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/memory.hpp"
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

/// So many of the sorted `evidence` are of each rank's companies: as many companies for each, give or take
/// one.
std::vector<std::uint64_t> rows_by_rank(std::span<const CompanyEvidence> evidence, std::uint64_t companies,
                                        std::uint64_t ranks) {
    std::vector<std::uint64_t> rows;
    auto at = evidence.begin();
    for (std::uint64_t rank = 1; rank <= ranks; ++rank) {
        const auto end = std::ranges::lower_bound(at, evidence.end(), companies * rank / ranks, {},
                                                  &CompanyEvidence::company);
        rows.push_back(static_cast<std::uint64_t>(end - at));
        at = end;
    }
    return rows;
}

/// Growing would touch the memory several times over; what is not used is never touched.
std::vector<CompanyEvidence> room_for(std::size_t rows) {
    std::vector<CompanyEvidence> evidence;
    evidence.reserve(rows);
    use_large_pages(evidence);
    return evidence;
}

/// Adds up runs that lie one behind the other.
std::vector<CompanyEvidence> sum_of_runs(std::span<const CompanyEvidence> runs,
                                         const std::vector<std::uint64_t>& rows) {
    const std::size_t all_rows = runs.size();
    std::vector<EvidenceSource> sources;
    for (const std::uint64_t count : rows) {
        sources.emplace_back([run = runs.first(count)]() mutable { return std::exchange(run, {}); });
        runs = runs.subspan(count);
    }
    std::vector<CompanyEvidence> sums = room_for(all_rows);
    merge_evidence(sources, {}, [&](const CompanyEvidence& sum) { sums.push_back(sum); });
    return sums;
}

} // namespace

std::optional<std::vector<CompanyEvidence>> add_up_kept_evidence(mpi::World& world, const EvidenceOfRanks& of,
                                                                 const StopFlag& stop, RunMonitor& monitor) {
    if (!all_agree(world, vote_for(of.made_all_parts && of.kept.has_all()))) {
        of.kept.give_up(); // what reads the parts needs the room
        return std::nullopt;
    }
    monitor.begin_phase("companies");
    const auto has_room = [&](std::uint64_t rows) {
        return rows <= std::min(of.memory_bytes / sizeof(CompanyEvidence), mpi::World::exchanged_max);
    };
    std::vector<CompanyEvidence> own = room_for(of.kept.rows());
    bool stopped = false;
    try {
        of.kept.add_up(of.threads, stop, [&](const CompanyEvidence& sum) { own.push_back(sum); });
    } catch (const Interrupted&) {
        stopped = true;
    }
    of.kept.give_up();
    all_agree(world, stopped ? Vote::stop : Vote::yes);
    if (world.size() == 1) return own;
    std::uint64_t companies = of.companies;
    world.broadcast(companies);
    const auto rows = rows_by_rank(own, companies, static_cast<std::uint64_t>(world.size()));
    const auto received = world.exchange_counts(rows);
    const std::uint64_t received_rows = std::reduce(received.begin(), received.end());
    // They are there with what they add up to, which is no more.
    if (!all_agree(world, vote_for(has_room(2 * received_rows)))) return std::nullopt;
    const std::vector<CompanyEvidence> sums =
        sum_of_runs(world.exchange(std::exchange(own, {}), rows, received), received);
    std::vector<std::uint64_t> all_rows{sums.size()};
    world.sum_on_root(all_rows);
    if (!all_agree(world, vote_for(!world.is_root() || has_room(all_rows.front())))) return std::nullopt;
    return world.gather_values(sums);
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
