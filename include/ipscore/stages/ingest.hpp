// Verb `ingest`: observations into the store, as sorted segments.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/observation_form.hpp"
#include "ipscore/io/reject_limit.hpp"
#include "ipscore/stages/run_monitor.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

struct IngestArgs {
    std::filesystem::path store;              ///< made when there is none
    std::vector<std::filesystem::path> files; ///< files, folders, patterns, `-`: see io::input_paths()
    std::filesystem::path feeds; ///< a file that says all that format, columns and time do, by name; or empty
    std::optional<io::TextFormat> format;   ///< of all files; not set: as their names say
    io::ColumnNames columns;                ///< of all files
    io::TimeForm time = io::TimeForm::date; ///< of all files
    std::string stdin_name = "-";           ///< what standard input is called
    bool again = false;                     ///< take in also what the store has
    std::string replace;         ///< name or id of a source whose place the one file is to take; or empty
    bool strict = false;         ///< the first bad row stops the run
    io::RejectLimit max_rejects; ///< where no feed says otherwise
    std::uint64_t min_rows = 0;  ///< guard: with fewer good rows in all files, nothing is taken in
    std::uint64_t segment_rows = 32'000'000; ///< at most, and at least 1; fewer where memory_bytes says so
    std::uint64_t memory_bytes = 0;          ///< 0: default_memory_bytes()
    int threads = 0;                         ///< 0: all cores that this process may use
    std::filesystem::path metrics;           ///< see RunMonitor::write_metrics_to()
};

struct IngestedFile {
    std::string name;
    std::string form; ///< see io::source_form()
    std::uint64_t rows = 0;
    std::uint64_t rejected = 0;
    std::uint64_t bytes = 0;     ///< decompressed
    bool already_there = false;  ///< the store has the same content, read in the same way
    std::string source_name;     ///< what it is called there, if it is
    std::string replaced_by;     ///< name of what took its place there, if anything did
    std::string replaced;        ///< name of the source whose place it took, if it did
    std::uint64_t forgotten = 0; ///< rows of addresses that are to be forgotten; none of `rows`
    std::vector<std::string> segments;
    std::filesystem::path rejects; ///< empty when there are none
    std::string first_reject;      ///< line and reason
};

struct IngestReport {
    std::vector<IngestedFile> files;
    std::uint64_t manifest_version = 0;
    std::uint64_t store_rows = 0; ///< of all segments
};

/// All files of the call or none appear in the store. Throws InputError for bad usage, unreadable files and
/// too many bad rows, too few good ones, nothing to replace, or too little memory_bytes, EnvironmentError
/// when writing fails, Interrupted when `stop` was requested.
IngestReport ingest(const IngestArgs& args, const StopFlag& stop, RunMonitor& monitor);

} // namespace ipscore::stages
