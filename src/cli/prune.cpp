#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

constexpr int keep_days_max = 36525; // all valid days

Arguments describe(stages::PruneArgs& args) {
    Arguments arguments(
        "prune",
        "Takes days from the store that no job looks back on any more, and frees their space. With both "
        "--keep-days\nand --models, what either of them needs is kept. Nothing that is at work in the store "
        "is "
        "disturbed: what it\nneeds goes with the next ingest, compact or prune.");
    arguments.required("store", "DIR", "the store that ingest filled", path_into(args.store))
        .optional("keep-days", "N", "what --models need", "days to keep, the last of which is --as-of",
                  quantity_into(args.keep_days, 1, keep_days_max))
        .several("models", "FILE", "models whose look-backs are kept", "none", paths_into(args.models))
        .optional("as-of", "YYYY-MM-DD", "the newest day of the store, and of a model its own",
                  "last day (UTC)", day_into(args.as_of))
        .flag("dry-run", "tell what would go, and change nothing (default: change the store)", args.dry_run)
        .optional("memory", "SIZE", memory_default, memory_help, memory_into(args.memory_bytes))
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore prune --store store/ --keep-days 90 --dry-run\n"
                 "  ipscore prune --store store/ --models models/*.toml\n")
        .when_stopped("the days are gone, but not all of their space is free: run the same command again");
    return arguments;
}

std::string help() {
    stages::PruneArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& monitor) {
    const stages::PruneArgs args = parse_prune(words);
    const stages::PruneReport done = stages::prune(args, stop, monitor);
    if (!done.first_day) {
        monitor.log().info(args.store.string() + ": holds no observations; nothing to prune");
        return;
    }
    monitor.log().info(fmt::format("{}: {} {} rows of {} days before {}: {} whole segments, {}, and rows of "
                                   "{} segments that are worth rewriting",
                                   args.store.string(), args.dry_run ? "would remove" : "removed",
                                   stages::count_text(done.rows), done.days, date_text(*done.first_day),
                                   done.segments_removed, stages::bytes_text(done.bytes_removed),
                                   done.segments_worn));
    if (!args.dry_run) report(monitor, args.store, done.compaction);
}

} // namespace

stages::PruneArgs parse_prune(const Words& words) {
    stages::PruneArgs args;
    describe(args).parse(words);
    return args;
}

Verb prune_verb() { return {"prune", "take days from a store that no job needs any more", &help, &perform}; }

} // namespace ipscore::cli
