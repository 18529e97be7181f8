#include "ipscore/cli/quantity.hpp"
#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

/// `100` rows, or `0.5%` of the rows of a file.
Reader reject_limit_into(stages::RejectLimit& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        constexpr double percent = 100;
        if (value.ends_with('%')) {
            const auto share = parse_decimal(value.substr(0, value.size() - 1));
            if (share && *share <= percent) {
                field = {};
                field.share = *share / percent;
                if (*share == 0) field.rows = 0; // who allows none means none, also of a small file
                return std::nullopt;
            }
        } else if (const auto rows = parse_quantity(value)) {
            field = {};
            field.rows = *rows;
            return std::nullopt;
        }
        return "a number of rows or a percentage, such as 100, 1% or 0.5%";
    };
}

Arguments describe(stages::IngestArgs& args) {
    Arguments arguments(
        "ingest",
        "Adds files of observations to the store, sorted. All files of one call are added, or none. "
        "A file whose\ncontent is in the store already is passed over. Bad rows are written to a "
        "rejects file, with their reasons.");
    arguments.words("FILE", "CSV with the columns ip,day,key and perhaps hits; .gz and .zst are decompressed",
                    paths_into(args.files));
    arguments.required("store", "DIR", "the store; made when missing", path_into(args.store))
        .flag("strict", "stop at the first bad row (default: skip bad rows, within --max-rejects)",
              args.strict)
        .optional("max-rejects", "ROWS|PERCENT", "1%",
                  "bad rows of one file beyond which the run stops and keeps nothing: a number of rows, or a "
                  "percentage of the file's rows, of which 100 rows are always allowed",
                  reject_limit_into(args.max_rejects))
        .optional("min-rows", "N", "0", "refuse files that have fewer good rows in all",
                  quantity_into(args.min_rows, 0, unbounded))
        .optional("memory", "SIZE", memory_default, memory_help, memory_into(args.memory_bytes))
        .optional("threads", "N", threads_default, threads_help, threads_into(args.threads))
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore ingest --store store/ monday.csv tuesday.csv.gz\n")
        .when_stopped("the store is as it was: run the same command again");
    return arguments;
}

std::string help() {
    stages::IngestArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& monitor) {
    const stages::IngestArgs args = parse_ingest(words);
    const stages::IngestReport done = stages::ingest(args, stop, monitor);
    for (const stages::IngestedFile& file : done.files) {
        if (file.already_there) {
            monitor.log().info(fmt::format("{}: already in the store", file.name));
            continue;
        }
        std::string line = fmt::format("{}: {} rows, {} rejected", file.name, stages::count_text(file.rows),
                                       stages::count_text(file.rejected));
        if (!file.rejects.empty()) line += ", see " + file.rejects.string();
        monitor.log().info(line);
    }
    monitor.log().info(fmt::format("{}: {} rows in manifest {}, in {}", args.store.string(),
                                   stages::count_text(done.store_rows), done.manifest_version,
                                   stages::seconds_text(monitor.phases().total_seconds())));
}

} // namespace

stages::IngestArgs parse_ingest(const Words& words) {
    stages::IngestArgs args;
    describe(args).parse(words);
    return args;
}

Verb ingest_verb() { return {"ingest", "add files of observations to a store, sorted", &help, &perform}; }

} // namespace ipscore::cli
