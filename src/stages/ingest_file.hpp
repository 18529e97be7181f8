// One file of an ingest, read into segments under temporary names.
#pragma once

#include "ingest_inputs.hpp"
#include "ipscore/core/network_set.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/observations.hpp"
#include "ipscore/stages/ingest.hpp"
#include "ipscore/stages/progress.hpp"
#include "ipscore/stages/run_log.hpp"
#include "ipscore/stages/work_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// The rejects of one file, written as they come, under a temporary name.
class RejectsFile {
public:
    RejectsFile(std::filesystem::path directory, std::string source)
        : directory_(std::move(directory)), source_(std::move(source)) {}

    /// Throws EnvironmentError.
    void add(const io::Reject& reject);
    [[nodiscard]] bool empty() const noexcept { return !file_; }
    void close();
    /// Gives the file its name for good, and returns it.
    std::filesystem::path publish(const std::string& name);

private:
    void check() const;
    std::filesystem::path directory_;
    std::string source_;
    std::unique_ptr<io::TemporaryFile> file_;
    std::ofstream out_;
};

/// One file that has been read, with what it will add to the store.
struct PendingFile {
    IngestedFile report;
    std::string content_hash;
    std::string source_id;
    std::vector<std::pair<std::unique_ptr<io::TemporaryFile>, io::SegmentInfo>> segments;
    std::unique_ptr<RejectsFile> rejects;
};

/// What reading one file may take.
struct FileLimits {
    std::size_t block_bytes = 0; ///< of text
    std::size_t blocks = 0;      ///< on their way at a time
    std::uint64_t run_bytes = 0; ///< for rows and keys, until they become a segment
    std::uint64_t window_bytes = io::ByteSource::zstd_window_bytes_min;
};

/// What is heard of the files that are read, by any number of threads.
class IngestProgress {
public:
    /// `bytes` of text in all, 0 where nobody knows. `log` and `counters` must live longer.
    IngestProgress(const std::vector<IngestInput>& inputs, std::uint64_t bytes, RunLog& log,
                   WorkCounters& counters);
    void add(std::uint64_t rows, std::uint64_t bytes);

private:
    WorkCounters& counters_;
    std::mutex mutex_;
    Progress progress_;
    Done done_;
};

/// Where files are read to, and who hears of it.
struct IngestJob {
    const IngestArgs& args;
    const io::Store& store;
    const StopFlag& stop;
    IngestProgress& progress;
    const NetworkSet& forgotten; ///< addresses of which no row is to be taken in
};

/// On the TBB threads of the caller's arena. Throws as ingest() does.
[[nodiscard]] PendingFile read_into_segments(const IngestJob& job, const IngestInput& input,
                                             const FileLimits& limits);

} // namespace ipscore::stages
