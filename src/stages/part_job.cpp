#include "part_job.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/host.hpp"
#include "ipscore/core/memory.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/json_text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

/// Fills in what the ranks say of themselves.
void gather_loads(mpi::World& world, const RankLoad& load, int threads, PartJobResult& result) {
    const Json mine{{"rank", world.rank()},
                    {"host", host_name()},
                    {"threads", threads},
                    {"claims", load.claims},
                    {"parts", load.parts},
                    {"rows", load.rows},
                    {"spilled_runs", load.spilled_runs},
                    {"busy_seconds", load.busy_seconds},
                    {"peak_memory_bytes", peak_memory_bytes()}};
    result.ranks = Json::array();
    double total_seconds = 0;
    double busiest_seconds = 0;
    for (const std::string& text :
         world.gather_texts(mine.dump(-1, ' ', false, Json::error_handler_t::replace))) {
        result.ranks.push_back(Json::parse(text));
        result.spilled_runs += result.ranks.back().at("spilled_runs").get<std::uint64_t>();
        const double busy_seconds = result.ranks.back().at("busy_seconds");
        total_seconds += busy_seconds;
        busiest_seconds = std::max(busiest_seconds, busy_seconds);
    }
    if (total_seconds > 0) result.imbalance = busiest_seconds / (total_seconds / world.size()) - 1;
}

} // namespace

void verify_parts(mpi::World& world, const PartJob& job, const StopFlag& stop, RunMonitor& monitor,
                  PartResults& results) {
    monitor.begin_phase("verify");
    std::vector<Claim> claims;
    for (std::uint64_t part = 0; part < job.parts; ++part) claims.push_back({part, 1});
    const auto verify = [&](const Claim& claim, const StopFlag& halt, WorkCounters& counters) {
        const std::uint64_t part = claim.first_part;
        const std::filesystem::path path = job.output / io::format::part_name(part);
        if (auto record = io::verify_part(path, job.part_format, job.job_hash, part, job.columns, halt)) {
            counters.rows += record->rows;
            results.add_verified(part, std::move(*record), path);
        } else if (!halt.requested() && std::filesystem::exists(path)) {
            results.add_damaged(part);
        }
        ++counters.parts;
    };
    work_on_claims(world, claims, {.parts = job.parts, .threads = job.threads}, stop, monitor, verify);
    results.agree_on_missing(world);
    if (const auto& damaged = results.damaged(); !damaged.empty()) {
        monitor.log().warning(
            fmt::format("{}: is damaged, or of another job, and is made again{}",
                        (job.output / io::format::part_name(damaged.front())).string(),
                        damaged.size() == 1 ? "" : fmt::format("; so are {} more parts", damaged.size() - 1)),
            damaged.size());
    }
}

PartJobResult make_parts(mpi::World& world, const PartJob& job, const std::vector<Claim>& claims,
                         const StopFlag& stop, RunMonitor& monitor, PartResults& results,
                         const BeginClaim& begin_claim) {
    std::optional<io::RankLock> lock; // rank 0 has that of the directory
    if (!world.is_root()) lock.emplace(job.output);
    monitor.begin_phase(job.phase);
    const auto work = [&](const Claim& claim, const StopFlag& halt, WorkCounters& counters) {
        const MakePart make = begin_claim();
        for (std::uint64_t part = claim.first_part; part < claim.first_part + claim.parts; ++part) {
            if (halt.requested()) return;
            const std::filesystem::path path = job.output / io::format::part_name(part);
            io::TemporaryFile file(path);
            auto made = make(part, file.path(), halt, counters);
            if (!made) return;
            io::begin_writeback(file.path());
            file.publish(false); // flush_to_disk() below waits for all of them, before there is an index
            results.add_made(part, std::move(*made), path);
            ++counters.parts;
        }
    };
    RankLoad load;
    try {
        const std::uint64_t missing = results.missing().size();
        load = work_on_claims(world, claims,
                              {.parts = missing, .parts_before = job.parts - missing, .threads = job.threads},
                              stop, monitor, work);
    } catch (const mpi::AgreedError&) {
        // Rank 0 ends last, when nobody holds the lock any more that it takes away.
        lock.reset();
        world.barrier();
        throw;
    }
    monitor.begin_phase("flush");
    results.flush_to_disk(stop);
    lock.reset();
    PartJobResult result;
    result.parts = results.gather(world, stop);
    result.counts = results.counts();
    result.parts_verified = results.parts_verified();
    gather_loads(world, load, job.threads, result);
    return result;
}

void write_run(const std::filesystem::path& output, const RunSummary& summary) {
    io::write_file(output / io::format::run_name, io::json_text(summary.json));
}

std::string finished_already_text(const std::filesystem::path& output) {
    return output.string() + ": is finished already, with the same inputs; nothing was done";
}

void publish_index(const std::filesystem::path& output, io::TemporaryFile& index, RunSummary& summary,
                   bool all_verified, const std::function<bool()>& index_stands) {
    const auto stands = [&] {
        try {
            return index_stands();
        } catch (const InputError&) {
            return false;
        }
    };
    if (all_verified && stands()) {
        summary.verdict = finished_already_text(output);
        return;
    }
    write_run(output, summary);
    index.publish();
}

std::vector<Claim> shrinking_stretches(const std::vector<std::uint64_t>& parts, std::uint64_t workers) {
    std::vector<Claim> claims;
    for (std::size_t i = 0; i < parts.size();) {
        const std::uint64_t longest = std::max<std::uint64_t>(1, (parts.size() - i) / (2 * workers));
        Claim claim{.first_part = parts[i]};
        while (claim.parts < longest && i + claim.parts < parts.size() &&
               parts[i + claim.parts] == claim.first_part + claim.parts)
            ++claim.parts;
        claims.push_back(claim);
        i += claim.parts;
    }
    return claims;
}

} // namespace ipscore::stages
