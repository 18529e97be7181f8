#include "ipscore/stages/ingest.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/progress.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "memory_needs.hpp"
#include "observation_run.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

namespace ipscore::stages {

namespace {

/// How the memory of an ingest is divided.
struct IngestPlan {
    int threads = 1;
    std::size_t block_bytes = 0; ///< of text
    std::size_t blocks = 0;      ///< on their way at a time
    std::uint64_t run_bytes = 0; ///< for rows and keys, until they become a segment
    std::uint64_t window_bytes = io::ByteSource::zstd_window_bytes_min;
};

IngestPlan plan_ingest(const IngestArgs& args) {
    IngestPlan plan;
    MemoryBudget budget(args.memory_bytes > 0 ? args.memory_bytes : default_memory_bytes(1));
    budget.need("the program", memory::program_without_mpi_bytes);
    budget.need("the manifest", io::Store::manifest_bytes(args.store) * memory::manifest_factor);
    budget.need("reading and writing", memory::text_reader_bytes + memory::row_writer_bytes);
    if (std::ranges::any_of(args.files, [](const auto& file) { return file.extension() == ".zst"; })) {
        plan.window_bytes = std::clamp(std::bit_floor(budget.left_bytes() / 8), plan.window_bytes,
                                       io::ByteSource::zstd_window_bytes_default);
        budget.need("decompressing", plan.window_bytes);
    }
    budget.need("rows", memory::run_bytes_min);
    // Larger blocks read no faster; smaller ones find the same keys anew more often.
    constexpr std::uint64_t large_from_bytes = 256 * mebibyte;
    plan.block_bytes = budget.bytes() >= large_from_bytes ? mebibyte : mebibyte / 4;
    const std::uint64_t block_needs = memory::text_block_bytes(plan.block_bytes);
    budget.need("text", block_needs); // one is read while every thread has one
    plan.threads = budget.workers(args.threads > 0 ? args.threads : default_threads(1), block_needs);
    plan.blocks = static_cast<std::size_t>(plan.threads) + 1;
    plan.run_bytes = memory::run_bytes_min + budget.left_bytes();
    return plan;
}

/// The rejects of one file, written as they come, under a temporary name.
class RejectsFile {
public:
    RejectsFile(std::filesystem::path directory, std::string source)
        : directory_(std::move(directory)), source_(std::move(source)) {}

    void add(const io::Reject& reject) {
        if (!file_) {
            file_ = std::make_unique<io::TemporaryFile>(directory_ / "rejects.csv");
            out_.open(file_->path(), std::ios::binary);
            out_ << "file,line,reason,row\n";
        }
        std::string line;
        io::append_csv_field(line, source_);
        line += fmt::format(",{},", reject.line);
        io::append_csv_field(line, reject.reason);
        line += ',';
        io::append_csv_field(line, reject.text);
        line += '\n';
        out_ << line;
        check();
    }
    [[nodiscard]] bool empty() const noexcept { return !file_; }
    void close() {
        if (!file_) return;
        out_.close();
        check();
    }
    /// Gives the file its name for good, and returns it.
    std::filesystem::path publish(const std::string& name) {
        std::filesystem::path path = directory_ / name;
        std::filesystem::rename(file_->path(), path);
        return path;
    }

private:
    void check() const {
        if (!out_)
            throw EnvironmentError(system_message("cannot write", (directory_ / "rejects.csv").string()));
    }
    std::filesystem::path directory_;
    std::string source_;
    std::unique_ptr<io::TemporaryFile> file_;
    std::ofstream out_;
};

/// One file that has been read, with what it will add to the store.
struct PendingFile {
    IngestedFile report;
    std::string content_hash;
    std::vector<std::pair<std::unique_ptr<io::TemporaryFile>, io::SegmentInfo>> segments;
    std::unique_ptr<RejectsFile> rejects;
};

bool is_plain(const std::filesystem::path& path) {
    return path.extension() != ".gz" && path.extension() != ".zst";
}

/// Of all files; 0 where that is not known.
std::uint64_t text_bytes(const std::vector<std::filesystem::path>& files) {
    std::uint64_t bytes = 0;
    for (const auto& path : files) {
        std::error_code error;
        if (!is_plain(path) || !std::filesystem::is_regular_file(path, error)) return 0;
        bytes += std::filesystem::file_size(path, error);
    }
    return bytes;
}

/// Reads one file into segments under temporary names.
class FileReader {
public:
    FileReader(const IngestArgs& args, const IngestPlan& plan, const io::Store& store,
               const std::filesystem::path& path, const StopFlag& stop, RunLog& log, WorkCounters& counters)
        : args_(args),
          plan_(plan),
          store_(store),
          path_(path),
          stop_(stop),
          log_(log),
          counters_(counters),
          run_(plan.run_bytes, std::min(args.segment_rows, rows_at_most(path))) {
        pending_.report.name = path.string();
        pending_.rejects = std::make_unique<RejectsFile>(store.rejects_directory(), path.string());
    }

    PendingFile read() {
        io::ByteSource source(path_, plan_.window_bytes);
        io::TextBlocks blocks(source, plan_.block_bytes);
        read_header(blocks);
        read_rows(blocks);
        if (run_.rows() > 0) write_segment();
        pending_.rejects->close();
        pending_.content_hash = blocks.content_hash();
        pending_.report.bytes = blocks.bytes();
        check_rejects();
        return std::move(pending_);
    }

private:
    struct Parsed {
        Parsed(std::shared_ptr<io::TextBlock> text, const io::ObservationColumns& columns)
            : block(std::move(text)), parser(*block, columns), batch(parser.next()) {}
        std::shared_ptr<io::TextBlock> block;
        io::ObservationParser parser;
        io::ObservationBatch batch; ///< the first one; almost always all
    };

    /// More than the file can hold, where its size tells.
    static std::uint64_t rows_at_most(const std::filesystem::path& path) {
        constexpr std::uint64_t row_bytes_min = 16; // "::,2000-01-01,k" and a line end
        constexpr auto unknown = ~std::uint64_t{0};
        std::error_code error;
        if (!is_plain(path) || !std::filesystem::is_regular_file(path, error)) return unknown;
        return std::filesystem::file_size(path) / row_bytes_min + 1;
    }
    void read_header(io::TextBlocks& blocks) {
        io::CsvRow row;
        while (!columns_ && blocks.next(first_block_)) {
            io::CsvRows rows(first_block_.text, first_block_.first_line);
            if (!rows.next(row)) continue;
            columns_.emplace(io::CsvHeader(row, path_.string()));
            const auto header_end = static_cast<std::size_t>(rows.rest().data() - first_block_.text.data());
            first_block_.text.erase(0, header_end);
            first_block_.first_line = rows.line();
        }
        if (!columns_)
            throw InputError(path_.string() + ": is empty; a header row with ip, day and key is needed");
    }

    void read_rows(io::TextBlocks& blocks) {
        std::error_code error;
        const std::uintmax_t size = is_plain(path_) ? std::filesystem::file_size(path_, error) : 0;
        Progress progress("ingest " + path_.filename().string(), error ? 0 : size, log_);
        Done done;
        bool first = true;
        const auto next_block = [&](tbb::flow_control& flow) -> std::shared_ptr<io::TextBlock> {
            if (stop_.requested()) throw Interrupted("stopped on request; nothing was taken in");
            auto block = std::make_shared<io::TextBlock>();
            if (std::exchange(first, false)) {
                *block = std::move(first_block_);
            } else if (!blocks.next(*block)) {
                flow.stop();
            }
            return block;
        };
        const auto parse = [&](const std::shared_ptr<io::TextBlock>& block) {
            return std::make_shared<Parsed>(block, *columns_);
        };
        const auto collect = [&](const std::shared_ptr<Parsed>& parsed) {
            take(parsed->batch);
            while (!parsed->parser.done()) {
                if (stop_.requested()) throw Interrupted("stopped on request; nothing was taken in");
                take(parsed->batch = parsed->parser.next());
            }
            done.bytes += parsed->block->text.size();
            done.units = done.bytes;
            counters_.rows += pending_.report.rows - done.rows;
            counters_.bytes += parsed->block->text.size();
            done.rows = pending_.report.rows;
            progress.update(done);
        };
        using tbb::filter_mode;
        tbb::parallel_pipeline(
            plan_.blocks,
            tbb::make_filter<void, std::shared_ptr<io::TextBlock>>(filter_mode::serial_in_order, next_block) &
                tbb::make_filter<std::shared_ptr<io::TextBlock>, std::shared_ptr<Parsed>>(
                    filter_mode::parallel, parse) &
                tbb::make_filter<std::shared_ptr<Parsed>, void>(filter_mode::serial_in_order, collect));
    }

    void take(const io::ObservationBatch& batch) {
        IngestedFile& report = pending_.report;
        for (const io::Reject& reject : batch.rejects) {
            if (report.rejected == 0)
                report.first_reject = fmt::format("line {}: {}", reject.line, reject.reason);
            ++report.rejected;
            if (args_.strict) {
                throw InputError(fmt::format("{}:{}: {}; --strict stops at the first bad row", path_.string(),
                                             reject.line, reject.reason));
            }
            pending_.rejects->add(reject);
        }
        report.rows += batch.address.size();
        if (args_.max_rejects.rows && report.rejected > *args_.max_rejects.rows) too_many_rejects();
        if (run_.rows() > 0 && !run_.has_room_for(batch)) write_segment();
        for (std::size_t taken = 0; taken < batch.address.size();) {
            taken = run_.add(batch, taken);
            if (run_.is_full()) write_segment();
        }
    }

    void write_segment() {
        auto file = std::make_unique<io::TemporaryFile>(store_.segment_path("segment"));
        io::SegmentInfo info = run_.write(file->path(), stop_);
        io::begin_writeback(file->path());
        pending_.segments.emplace_back(std::move(file), std::move(info));
    }

    void check_rejects() const {
        if (args_.max_rejects.rows) return;
        const std::uint64_t rejected = pending_.report.rejected;
        const auto rows = static_cast<double>(pending_.report.rows + rejected);
        if (rejected > args_.max_rejects.rows_with_share &&
            static_cast<double>(rejected) > args_.max_rejects.share * rows) {
            too_many_rejects();
        }
    }

    [[noreturn]] void too_many_rejects() const {
        throw InputError(
            fmt::format("{}: {} of {} rows are bad, more than --max-rejects allows; the first: {}",
                        path_.string(), pending_.report.rejected,
                        pending_.report.rows + pending_.report.rejected, pending_.report.first_reject));
    }

    const IngestArgs& args_;
    const IngestPlan& plan_;
    const io::Store& store_;
    const std::filesystem::path& path_;
    const StopFlag& stop_;
    RunLog& log_;
    WorkCounters& counters_;
    PendingFile pending_;
    io::TextBlock first_block_;
    std::optional<io::ObservationColumns> columns_;
    ObservationRun run_;
};

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
    const IngestPlan plan = plan_ingest(args); // may refuse, and then there is to be no store
    const io::Store store = io::Store::open_or_create(args.store);
    io::StoreWriter writer(store);
    clean(writer, monitor.log(), args.store);
    const std::set<std::string> there = content_hashes(store.read());
    const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(plan.threads));
    tbb::task_arena arena(plan.threads);
    monitor.watch_shared(args.store);
    WorkCounters& counters = monitor.begin_work(text_bytes(args.files), 0, plan.threads, "bytes");
    std::vector<PendingFile> pending;
    for (const auto& path : args.files) {
        PendingFile file = arena.execute(
            [&] { return FileReader(args, plan, store, path, stop, monitor.log(), counters).read(); });
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
