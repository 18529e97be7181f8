#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

Arguments describe(stages::CompactArgs& args) {
    Arguments arguments(
        "compact",
        "Merges segments of about the same size, once there are eight of them, so that prepare never meets "
        "more than\nsome fifty and each row is rewritten once for every eightfold growth of the store. "
        "Nothing that is at work in\nthe store is disturbed.");
    arguments.required("store", "DIR", "the store that ingest filled", path_into(args.store))
        .optional("memory", "SIZE", memory_default, memory_help, memory_into(args.memory_bytes))
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore compact --store store/\n")
        .when_stopped("every merge that was finished counts: run the same command again");
    return arguments;
}

std::string help() {
    stages::CompactArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& monitor) {
    const stages::CompactArgs args = parse_compact(words);
    report(monitor, args.store, stages::compact(args, stop, monitor));
}

} // namespace

void report(stages::RunMonitor& monitor, const std::filesystem::path& store,
            const stages::CompactReport& done) {
    if (done.merges == 0) {
        monitor.log().info(
            fmt::format("{}: {} segments, none worth compacting", store.string(), done.segments));
    } else {
        monitor.log().info(fmt::format("{}: {} segments, of {} before: {} merges rewrote {} rows, in {}",
                                       store.string(), done.segments, done.segments_before, done.merges,
                                       stages::count_text(done.rows),
                                       stages::seconds_text(monitor.phases().total_seconds())));
    }
    monitor.log().info(fmt::format("{}: freed {} files, {}", store.string(), done.files_freed,
                                   stages::bytes_text(done.bytes_freed)));
}

stages::CompactArgs parse_compact(const Words& words) {
    stages::CompactArgs args;
    describe(args).parse(words);
    return args;
}

Verb compact_verb() {
    return {"compact", "merge small segments of a store into large ones", &help, &perform};
}

} // namespace ipscore::cli
