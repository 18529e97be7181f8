#include "ingest_file.hpp"

#include "forgetting.hpp"
#include "ingest_sources.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/csv.hpp"
#include "observation_run.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <tbb/parallel_pipeline.h>

namespace ipscore::stages {

namespace {

/// Reads one file into segments under temporary names.
class FileReader {
public:
    FileReader(const IngestJob& job, const IngestInput& input, const FileLimits& limits)
        : job_(job),
          input_(input),
          name_(input.path.string()),
          limits_(limits),
          run_(limits.run_bytes,
               std::min(job.args.segment_rows,
                        input.rows_at_most().value_or(std::numeric_limits<std::uint64_t>::max()))) {
        pending_.report.name = name_;
        pending_.report.form = io::source_form(input.form);
        pending_.rejects = std::make_unique<RejectsFile>(job.store.rejects_directory(), name_);
    }

    PendingFile read() {
        io::ByteSource source = input_.open(limits_.window_bytes);
        const auto file = io::open_observations(source, input_.form, limits_.block_bytes);
        read_rows(*file);
        if (run_.rows() > 0) write_segment();
        pending_.rejects->close();
        pending_.content_hash = file->content_hash();
        pending_.source_id = make_source_id(pending_.content_hash, pending_.report.form, job_.args.again);
        pending_.report.bytes = file->bytes();
        check_rejects();
        check_rows();
        return std::move(pending_);
    }

private:
    struct Parsed {
        Parsed(std::shared_ptr<io::TextBlock> text, const io::ObservationFile& file)
            : block(std::move(text)), parser(file.parser(*block)), batch(parser->next()) {}
        std::shared_ptr<io::TextBlock> block;
        std::unique_ptr<io::ObservationParser> parser;
        io::ObservationBatch batch; ///< the first one; almost always all
    };

    void read_rows(io::ObservationFile& file) {
        const auto next_block = [&](tbb::flow_control& flow) -> std::shared_ptr<io::TextBlock> {
            if (job_.stop.requested()) throw Interrupted("stopped on request; nothing was taken in");
            auto block = std::make_shared<io::TextBlock>();
            if (!file.next(*block)) flow.stop();
            return block;
        };
        const auto parse = [&](const std::shared_ptr<io::TextBlock>& block) {
            return std::make_shared<Parsed>(block, file);
        };
        const auto collect = [&](const std::shared_ptr<Parsed>& parsed) {
            take(parsed->batch);
            while (!parsed->parser->done()) {
                if (job_.stop.requested()) throw Interrupted("stopped on request; nothing was taken in");
                take(parsed->batch = parsed->parser->next());
            }
            job_.progress.add(pending_.report.rows - rows_told_, parsed->block->text.size());
            rows_told_ = pending_.report.rows;
        };
        using tbb::filter_mode;
        tbb::parallel_pipeline(
            limits_.blocks,
            tbb::make_filter<void, std::shared_ptr<io::TextBlock>>(filter_mode::serial_in_order, next_block) &
                tbb::make_filter<std::shared_ptr<io::TextBlock>, std::shared_ptr<Parsed>>(
                    filter_mode::parallel, parse) &
                tbb::make_filter<std::shared_ptr<Parsed>, void>(filter_mode::serial_in_order, collect));
    }

    void take(io::ObservationBatch& batch) {
        IngestedFile& report = pending_.report;
        if (!job_.forgotten.empty()) forget(batch);
        for (const io::Reject& reject : batch.rejects) {
            if (report.rejected == 0)
                report.first_reject = fmt::format("line {}: {}", reject.line, reject.reason);
            ++report.rejected;
            if (job_.args.strict) {
                throw InputError(fmt::format("{}:{}: {}; --strict stops at the first bad row", name_,
                                             reject.line, reject.reason));
            }
            pending_.rejects->add(reject);
        }
        report.rows += batch.address.size();
        // A share is of all rows, and so has to wait for the last of them.
        if (input_.max_rejects.rows) check_rejects();
        if (run_.rows() > 0 && !run_.has_room_for(batch)) write_segment();
        for (std::size_t taken = 0; taken < batch.address.size();) {
            taken = run_.add(batch, taken);
            if (run_.is_full()) write_segment();
        }
    }

    /// Takes out what is of addresses that are to be forgotten.
    void forget(io::ObservationBatch& batch) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < batch.address.size(); ++i) {
            if (job_.forgotten.holds(batch.address[i])) continue;
            batch.address[kept] = batch.address[i];
            batch.key[kept] = batch.key[i];
            batch.day[kept] = batch.day[i];
            batch.hits[kept] = batch.hits[i];
            ++kept;
        }
        pending_.report.forgotten += batch.address.size() - kept;
        batch.address.resize(kept);
        batch.key.resize(kept);
        batch.day.resize(kept);
        batch.hits.resize(kept);
        for (io::Reject& reject : batch.rejects) redact(reject, job_.forgotten);
    }

    void write_segment() {
        auto file = std::make_unique<io::TemporaryFile>(job_.store.segment_path("segment"));
        io::SegmentInfo info = run_.write(file->path(), job_.stop);
        io::begin_writeback(file->path());
        pending_.segments.emplace_back(std::move(file), std::move(info));
    }

    void check_rejects() const {
        const IngestedFile& report = pending_.report;
        if (!input_.max_rejects.allows(report.rejected, report.rows + report.rejected)) too_many_rejects();
    }

    void check_rows() const {
        if (pending_.report.rows >= input_.min_rows) return;
        throw InputError(
            fmt::format("{}: {} good rows are fewer than min_rows {} of feed {}; nothing was taken in", name_,
                        pending_.report.rows, input_.min_rows, io::quoted_for_message(input_.feed)));
    }

    [[noreturn]] void too_many_rejects() const {
        throw InputError(fmt::format("{}: {} of {} rows are bad, more than {} allows; the first: {}", name_,
                                     pending_.report.rejected,
                                     pending_.report.rows + pending_.report.rejected, input_.max_rejects_of,
                                     pending_.report.first_reject));
    }

    const IngestJob& job_;
    const IngestInput& input_;
    std::string name_;
    const FileLimits& limits_;
    PendingFile pending_;
    std::uint64_t rows_told_ = 0;
    ObservationRun run_;
};

} // namespace

IngestProgress::IngestProgress(const std::vector<IngestInput>& inputs, std::uint64_t bytes, RunLog& log,
                               WorkCounters& counters)
    : counters_(counters),
      progress_(inputs.size() == 1 ? "ingest " + inputs[0].path.filename().string()
                                   : fmt::format("ingest {} files", inputs.size()),
                bytes, log) {}

void IngestProgress::add(std::uint64_t rows, std::uint64_t bytes) {
    counters_.rows += rows;
    counters_.bytes += bytes;
    const std::lock_guard lock(mutex_);
    done_.rows += rows;
    done_.bytes += bytes;
    done_.units = done_.bytes;
    progress_.update(done_);
}

void RejectsFile::add(const io::Reject& reject) {
    if (!file_) {
        file_ = std::make_unique<io::TemporaryFile>(directory_ / "rejects.csv");
        out_.open(file_->path(), std::ios::binary);
        out_ << io::rejects_header;
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

void RejectsFile::close() {
    if (!file_) return;
    out_.close();
    check();
}

std::filesystem::path RejectsFile::publish(const std::string& name) {
    std::filesystem::path path = directory_ / name;
    std::filesystem::rename(file_->path(), path);
    return path;
}

void RejectsFile::check() const {
    if (!out_) throw EnvironmentError(system_message("cannot write", (directory_ / "rejects.csv").string()));
}

PendingFile read_into_segments(const IngestJob& job, const IngestInput& input, const FileLimits& limits) {
    return FileReader(job, input, limits).read();
}

} // namespace ipscore::stages
