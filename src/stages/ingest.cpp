#include "ipscore/stages/ingest.hpp"

#include "ingest_file.hpp"
#include "ingest_inputs.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace ipscore::stages {

namespace {

/// How the memory of an ingest is divided.
struct IngestPlan {
    int threads = 1;
    FileLimits file;
};

IngestPlan plan_ingest(const IngestArgs& args, const std::vector<IngestInput>& inputs) {
    IngestPlan plan;
    MemoryBudget budget(args.memory_bytes > 0 ? args.memory_bytes : default_memory_bytes(1));
    budget.need("the program", memory::program_without_mpi_bytes);
    budget.need("the manifest", io::Store::manifest_bytes(args.store) * memory::manifest_factor);
    budget.need("reading and writing", memory::text_reader_bytes + memory::row_writer_bytes);
    if (std::ranges::any_of(inputs, &IngestInput::may_be_zstd)) {
        plan.file.window_bytes = std::clamp(std::bit_floor(budget.left_bytes() / 8), plan.file.window_bytes,
                                            io::ByteSource::zstd_window_bytes_default);
        budget.need("decompressing", plan.file.window_bytes);
    }
    budget.need("rows", memory::run_bytes_min);
    // Larger blocks read no faster; smaller ones find the same keys anew more often.
    constexpr std::uint64_t large_from_bytes = 256 * mebibyte;
    plan.file.block_bytes = budget.bytes() >= large_from_bytes ? mebibyte : mebibyte / 4;
    const std::uint64_t block_needs = memory::text_block_bytes(plan.file.block_bytes);
    budget.need("text", block_needs); // one is read while every thread has one
    plan.threads = budget.workers(args.threads > 0 ? args.threads : default_threads(1), block_needs);
    plan.file.blocks = static_cast<std::size_t>(plan.threads) + 1;
    plan.file.run_bytes = memory::run_bytes_min + budget.left_bytes();
    return plan;
}

/// Of all files; 0 where that is not known.
std::uint64_t text_bytes(const std::vector<IngestInput>& inputs) {
    std::uint64_t bytes = 0;
    for (const IngestInput& input : inputs) {
        const std::optional<std::uint64_t> size = input.text_bytes();
        if (!size) return 0;
        bytes += *size;
    }
    return bytes;
}

std::string now_text() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

/// Gives the files of one source their names and adds it to the manifest.
void publish_files(const io::Store& store, PendingFile& pending) {
    constexpr std::size_t id_digits = 16;
    constexpr std::size_t checksum_digits = 8;
    const std::string stem = pending.content_hash.substr(0, id_digits);
    for (std::size_t i = 0; i < pending.segments.size(); ++i) {
        auto& [file, info] = pending.segments[i];
        // Another ingest may be cutting the same content into other segments right now: one id, one meaning.
        info.id =
            fmt::format("{}-{:04}-{}", stem, i, checksum_text(info.checksum).substr(0, checksum_digits));
        io::sync_to_disk(file->path());
        std::filesystem::rename(file->path(), store.segment_path(info.id));
        pending.report.segments.push_back(info.id);
    }
    if (!pending.segments.empty()) io::sync_to_disk(store.path() / "segments");
    if (!pending.rejects->empty()) pending.report.rejects = pending.rejects->publish(stem + ".csv");
}

bool add_to_manifest(io::Manifest& manifest, const PendingFile& pending) {
    if (manifest.find_source(pending.content_hash) != nullptr) return false;
    for (const auto& [file, info] : pending.segments) manifest.segments.push_back(info);
    manifest.sources.push_back({.name = pending.report.name,
                                .content_hash = pending.content_hash,
                                .bytes = pending.report.bytes,
                                .rows = pending.report.rows,
                                .rejected = pending.report.rejected,
                                .ingested_at = now_text(),
                                .segments = pending.report.segments});
    return true;
}

void check_rows(const IngestArgs& args, const std::vector<PendingFile>& pending) {
    std::uint64_t rows = 0;
    for (const PendingFile& file : pending) rows += file.report.rows;
    if (rows >= args.min_rows) return;
    throw InputError(
        fmt::format("{}: {} good rows in {} files are fewer than --min-rows {}; nothing was taken in",
                    args.store.string(), rows, pending.size(), args.min_rows));
}

/// Of the sources: all that is kept of a manifest, which takes many times the memory.
std::set<std::string> content_hashes(const io::Manifest& manifest) {
    std::set<std::string> hashes;
    for (const io::Source& source : manifest.sources) hashes.insert(source.content_hash);
    return hashes;
}

} // namespace

IngestReport ingest(const IngestArgs& args, const StopFlag& stop, RunMonitor& monitor) {
    IngestReport report;
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("read");
    const std::vector<IngestInput> inputs = ingest_inputs(args);
    const IngestPlan plan = plan_ingest(args, inputs); // may refuse, and then there is to be no store
    const io::Store store = io::Store::open_or_create(args.store);
    const std::set<std::string> there = content_hashes(store.read());
    const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(plan.threads));
    tbb::task_arena arena(plan.threads);
    monitor.watch_shared(args.store);
    WorkCounters& counters = monitor.begin_work(text_bytes(inputs), 0, plan.threads, "bytes");
    std::vector<PendingFile> pending;
    const IngestJob job{args, store, stop, monitor.log(), counters};
    for (const IngestInput& input : inputs) {
        PendingFile file = arena.execute([&] { return read_into_segments(job, input, plan.file); });
        // What is there already leaves no files behind.
        file.report.already_there = there.contains(file.content_hash);
        for (const PendingFile& other : pending)
            file.report.already_there |= other.content_hash == file.content_hash;
        if (file.report.already_there) {
            file.segments.clear();
            file.rejects.reset();
        }
        pending.push_back(std::move(file));
    }
    monitor.end_work();
    check_rows(args, pending);
    monitor.begin_phase("publish");
    for (PendingFile& file : pending) {
        if (!file.report.already_there) publish_files(store, file);
    }
    const io::Manifest manifest = store.publish([&](io::Manifest& newest) {
        bool changed = false;
        for (PendingFile& file : pending) {
            if (file.report.already_there) continue;
            const bool added = add_to_manifest(newest, file);
            file.report.already_there = !added;
            changed = changed || added;
        }
        return changed;
    });
    report.manifest_version = manifest.version;
    report.store_rows = manifest.rows();
    for (PendingFile& file : pending) report.files.push_back(std::move(file.report));
    for (const IngestedFile& file : report.files) {
        if (file.rejects.empty()) continue;
        monitor.log().warning(fmt::format("{}: {} bad rows were left out, see {}; the first: {}", file.name,
                                          file.rejected, file.rejects.string(), file.first_reject),
                              file.rejected);
    }
    monitor.end_phases();
    return report;
}

} // namespace ipscore::stages
