#include "ipscore/stages/ingest.hpp"

#include "forgetting.hpp"
#include "ingest_file.hpp"
#include "ingest_inputs.hpp"
#include "ingest_plan.hpp"
#include "ingest_sources.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/store_lock.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

namespace ipscore::stages {

namespace {

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

/// Gives the files of one source their names and adds it to the manifest.
void publish_files(const io::Store& store, PendingFile& pending) {
    constexpr std::size_t checksum_digits = 8;
    const std::string& stem = pending.source_id;
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

/// What runs that were killed left, and what a compaction had to leave to a reader.
void clean(io::StoreWriter& writer, RunLog& log, const std::filesystem::path& store) {
    const io::StoreWriter::Freed freed = writer.clean();
    if (freed.files == 0) return;
    log.info(fmt::format("{}: removed {} files that nobody needs any more, {}", store.string(), freed.files,
                         bytes_text(freed.bytes)));
}

void check_rows(const IngestArgs& args, const std::vector<PendingFile>& pending) {
    std::uint64_t rows = 0;
    for (const PendingFile& file : pending) rows += file.report.rows;
    if (rows >= args.min_rows) return;
    throw InputError(
        fmt::format("{}: {} good rows in {} files are fewer than --min-rows {}; nothing was taken in",
                    args.store.string(), rows, pending.size(), args.min_rows));
}

/// The name of the file, whatever it lies in and however it is compressed.
std::filesystem::path bare_name(const std::string& name) {
    const std::filesystem::path file = std::filesystem::path(name).filename();
    const bool is_compressed = file.extension() == ".gz" || file.extension() == ".zst";
    return is_compressed ? file.stem() : file;
}

/// What an operator may not expect of a file that was taken in, or was not.
void warn_of_file(const IngestedFile& file, RunLog& log) {
    if (!file.replaced_by.empty()) {
        log.warning(
            fmt::format("{}: was replaced in the store by {}, and does not count; --again takes it all "
                        "the same",
                        file.name, io::quoted_for_message(file.replaced_by)));
    } else if (file.already_there && bare_name(file.name) != bare_name(file.source_name)) {
        log.warning(fmt::format("{}: the store has the same content under the name {}, and it counts once; "
                                "--again takes it all the same",
                                file.name, io::quoted_for_message(file.source_name)));
    }
    if (!file.rejects.empty()) {
        log.warning(fmt::format("{}: {} bad rows were left out, see {}; the first: {}", file.name,
                                file.rejected, file.rejects.string(), file.first_reject),
                    file.rejected);
    }
}

/// Reads all files, a large one with all threads and others side by side.
class FilesReader {
public:
    FilesReader(const IngestJob& job, const IngestPlan& plan, const std::vector<IngestInput>& inputs,
                KnownSources known)
        : job_(job), plan_(plan), inputs_(inputs), known_(std::move(known)), arena_(plan.threads) {}

    std::vector<PendingFile> read() {
        for (std::size_t i = 0; i < inputs_.size();) {
            if (plan_.is_read_alone(inputs_[i])) {
                arena_.execute([&] { take(read_into_segments(job_, inputs_[i], plan_.alone)); });
                ++i;
                continue;
            }
            std::size_t end = i + 1;
            while (end < inputs_.size() && !plan_.is_read_alone(inputs_[end])) ++end;
            arena_.execute([&] { read_beside(i, end); });
            i = end;
        }
        return std::move(pending_);
    }

private:
    struct Outcome {
        PendingFile file;
        std::exception_ptr fault;
    };

    /// Files are taken in their order, and so a fault is that of the first faulty one of them.
    void read_beside(std::size_t begin, std::size_t end) {
        using OutcomePointer = std::shared_ptr<Outcome>;
        const auto next_input = [&](tbb::flow_control& flow) {
            if (begin == end) flow.stop();
            return begin++;
        };
        const auto read = [&](std::size_t i) {
            auto outcome = std::make_shared<Outcome>();
            try {
                // A thread that waits for a block of this file must not begin with another file.
                tbb::this_task_arena::isolate(
                    [&] { outcome->file = read_into_segments(job_, inputs_[i], plan_.beside); });
            } catch (...) {
                outcome->fault = std::current_exception();
            }
            return outcome;
        };
        const auto take_in_order = [&](const OutcomePointer& outcome) {
            if (outcome->fault) std::rethrow_exception(outcome->fault);
            take(std::move(outcome->file));
        };
        using tbb::filter_mode;
        tbb::parallel_pipeline(
            plan_.files_at_once,
            tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, next_input) &
                tbb::make_filter<std::size_t, OutcomePointer>(filter_mode::parallel, read) &
                tbb::make_filter<OutcomePointer, void>(filter_mode::serial_in_order, take_in_order));
    }

    void take(PendingFile file) {
        // What is there already leaves no files behind.
        const bool counts_anyway = job_.args.again || !job_.args.replace.empty();
        file.report.already_there = !counts_anyway && known_.has(file.content_hash, file.report.form);
        known_.add(file.content_hash, file.report.form);
        if (file.report.already_there) {
            file.segments.clear();
            file.rejects.reset();
        }
        pending_.push_back(std::move(file));
    }

    const IngestJob& job_;
    const IngestPlan& plan_;
    const std::vector<IngestInput>& inputs_;
    KnownSources known_;
    tbb::task_arena arena_;
    std::vector<PendingFile> pending_;
};

} // namespace

IngestReport ingest(const IngestArgs& args, const StopFlag& stop, RunMonitor& monitor) {
    IngestReport report;
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("read");
    const std::vector<IngestInput> inputs = ingest_inputs(args);
    if (!args.replace.empty() && inputs.size() != 1) {
        throw InputError(fmt::format("--replace takes the one file that is to take the place of {}, not {}",
                                     io::quoted_for_message(args.replace), inputs.size()));
    }
    const IngestPlan plan = plan_ingest(args, inputs); // may refuse, and then there is to be no store
    // Only a store that is there has what can be replaced.
    const io::Store store =
        args.replace.empty() ? io::Store::open_or_create(args.store) : io::Store::open(args.store);
    io::StoreWriter writer(store);
    clean(writer, monitor.log(), args.store);
    std::optional<KnownSources> known;
    NetworkSet forgotten;
    {
        const io::Manifest manifest = store.read();
        if (!args.replace.empty()) check_replace(store, manifest, args.replace);
        known.emplace(manifest);
        forgotten = manifest.forgotten;
    }
    const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(plan.threads));
    monitor.watch_shared(args.store);
    const std::uint64_t bytes = text_bytes(inputs);
    IngestProgress progress(inputs, bytes, monitor.log(),
                            monitor.begin_work(bytes, 0, plan.threads, "bytes"));
    const IngestJob job{args, store, stop, progress, forgotten};
    std::vector<PendingFile> pending = FilesReader(job, plan, inputs, *std::move(known)).read();
    monitor.end_work();
    check_rows(args, pending);
    monitor.begin_phase("publish");
    for (PendingFile& file : pending) {
        if (!file.report.already_there) publish_files(store, file);
    }
    const io::Manifest manifest = store.publish([&](io::Manifest& newest) {
        bool changed = false;
        for (PendingFile& file : pending) {
            changed = take_source(args, store, newest, file, forgotten) || changed;
        }
        return changed;
    });
    if (manifest.forgotten != forgotten) { // since the files were read
        for (const PendingFile& file : pending) {
            if (!file.report.rejects.empty()) forget_in_rejects(file.report.rejects, manifest.forgotten);
        }
    }
    report.manifest_version = manifest.version;
    report.store_rows = manifest.rows();
    for (PendingFile& file : pending) report.files.push_back(std::move(file.report));
    for (const IngestedFile& file : report.files) warn_of_file(file, monitor.log());
    monitor.end_phases();
    return report;
}

} // namespace ipscore::stages
