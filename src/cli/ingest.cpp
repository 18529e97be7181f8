#include "ipscore/cli/quantity.hpp"
#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/csv.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

/// `100` rows, or `0.5%` of the rows of a file.
Reader reject_limit_into(io::RejectLimit& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        if (const auto share = io::parse_reject_share(value)) {
            field = *share;
        } else if (const auto rows = parse_quantity(value)) {
            field = {};
            field.rows = *rows;
        } else {
            return "a number of rows or a percentage, such as 100, 1% or 0.5%";
        }
        return std::nullopt;
    };
}

Reader format_into(std::optional<io::TextFormat>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        field = io::format_named(value);
        if (!field) return std::string(io::format_names);
        return std::nullopt;
    };
}

Reader columns_into(io::ColumnNames& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        const auto names = io::parse_column_names(value);
        if (!names) return "names for some of ip, day, key and hits, such as ip=client_ip,day=ts";
        field = *names;
        return std::nullopt;
    };
}

Reader time_into(io::TimeForm& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        const auto form = io::time_form_named(value);
        if (!form) return std::string(io::time_form_names);
        field = *form;
        return std::nullopt;
    };
}

Arguments describe(stages::IngestArgs& args) {
    Arguments arguments(
        "ingest",
        "Adds files of observations to the store, sorted. All files of one call are added, or none. "
        "A file that\nis in the store already, read in the same way, is passed over, also under another "
        "name. Bad rows are\nwritten to a rejects file, with their reasons.");
    arguments.words(
        "FILE",
        "CSV, TSV or JSON Lines with ip, day, key and perhaps hits; .gz and .zst are decompressed. "
        "A folder\nstands for the files in it and below it, without names that begin with . or _; a "
        "pattern in quotes, such as\n'in/*.csv', for what matches; - for standard input.",
        paths_into(args.files));
    arguments.required("store", "DIR", "the store; made when missing", path_into(args.store))
        .optional("feeds", "FILE", "none",
                  "TOML that says of each feed by the names of its files how they are to be read: format, "
                  "columns, time and limits; see docs/spec.md",
                  path_into(args.feeds))
        .optional("format", "FORMAT",
                  "by the name: .tsv and .tab; .jsonl, .ndjson and .json; csv for all others",
                  "csv, tsv or jsonl, of all files", format_into(args.format))
        .optional("columns", "COLUMN=NAME,...", "ip=ip,day=day,key=key, and hits=hits where it is there",
                  "what the files call the columns, such as ip=client_ip,key=page,day=ts,hits=n",
                  columns_into(args.columns))
        .optional(
            "time", "FORM", "date",
            "what the day is written as: date (YYYY-MM-DD or RFC 3339), epoch_s or epoch_ms (seconds or "
            "milliseconds since 1970-01-01 UTC)",
            time_into(args.time))
        .optional("name", "NAME", "-",
                  "what standard input is called in messages and in the store's manifest",
                  text_into(args.stdin_name))
        .flag("again", "take in also what the store has: it then counts twice (default: pass over it)",
              args.again)
        .optional(
            "replace", "NAME", "none",
            "name or id, as ipscore inspect lists them, of a source of the store whose place FILE takes: "
            "its rows count no more",
            text_into(args.replace))
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
        .example(
            "  ipscore ingest --store store/ monday.csv tuesday.csv.gz\n"
            "  ipscore ingest --store store/ --feeds feeds.toml in/\n"
            "  ipscore ingest --store store/ --replace monday.csv monday-corrected.csv\n"
            "  zcat log.gz | ipscore ingest --store store/ --format jsonl --columns ip=client_ip,day=ts -\n")
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
        const std::string replaced =
            file.replaced.empty() ? ""
                                  : fmt::format(", in place of {}", io::quoted_for_message(file.replaced));
        if (file.already_there) {
            if (file.replaced_by.empty())
                monitor.log().info(fmt::format("{}: already in the store{}", file.name, replaced));
            continue;
        }
        std::string line = fmt::format("{}: {} rows, {} rejected", file.name, stages::count_text(file.rows),
                                       stages::count_text(file.rejected));
        if (!file.rejects.empty()) line += ", see " + file.rejects.string();
        if (file.forgotten > 0)
            line +=
                fmt::format(", {} of addresses to be forgotten left out", stages::count_text(file.forgotten));
        line += replaced;
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
    if (args.feeds.empty()) return args;
    const stages::IngestArgs defaults;
    const char* given = args.format                        ? "--format"
                        : args.columns != defaults.columns ? "--columns"
                        : args.time != defaults.time       ? "--time"
                                                           : nullptr;
    if (given != nullptr) {
        throw UsageError(fmt::format(
            "{} does not go with --feeds, which says it of each feed; see ipscore ingest --help", given));
    }
    return args;
}

Verb ingest_verb() { return {"ingest", "add files of observations to a store, sorted", &help, &perform}; }

} // namespace ipscore::cli
