#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

Arguments describe(stages::ForgetArgs& args) {
    Arguments arguments(
        "forget",
        "Removes addresses for good: from this moment on no prepare sees them, and no later ingest takes "
        "them in. The\nnext compact takes them from the disk, and --check proves that nothing is left. "
        "Without "
        "--ip and --network, it\ndoes the same for all addresses that the store is to forget already.");
    arguments.required("store", "DIR", "the store that ingest filled", path_into(args.store))
        .several("ip", "ADDRESS", "addresses to forget, IPv4 or IPv6", "none", networks_into(args.networks))
        .several("network", "NETWORK", "networks to forget, all of their addresses, such as 203.0.113.0/24",
                 "none", networks_into(args.networks))
        .several("table", "DIR", "tables to rewrite, too: the parts that have any of the addresses", "none",
                 paths_into(args.tables))
        .several("scores", "DIR",
                 "the same of scores; company rows stay, which are sums over addresses and name none", "none",
                 paths_into(args.scores))
        .flag("check",
              "change nothing: look into every file of the store, and of --table and --scores, rejects "
              "included, and end with code 2 when any of the addresses is left (default: forget)",
              args.check)
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore forget --store store/ --ip 203.0.113.7 --table table/ --scores scores/\n"
                 "  ipscore compact --store store/\n"
                 "  ipscore forget --check --store store/ --table table/ --scores scores/\n")
        .when_stopped("what is done is done: run the same command again");
    return arguments;
}

std::string help() {
    stages::ForgetArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& monitor) {
    const stages::ForgetArgs args = parse_forget(words);
    const stages::ForgetReport done = stages::forget(args, stop, monitor);
    const std::string store = args.store.string();
    if (args.check) {
        monitor.log().info(fmt::format("{}: nothing is left of {} networks in {} files", store, done.networks,
                                       stages::count_text(done.files_checked)));
        return;
    }
    monitor.log().info(fmt::format("{}: forgot {} networks: {} rows count no more, {} rejects were redacted",
                                   store, done.networks, stages::count_text(done.rows),
                                   stages::count_text(done.rejects)));
    if (!args.tables.empty() || !args.scores.empty()) {
        monitor.log().info(fmt::format("rewrote {} parts of tables and scores, without {} addresses in them",
                                       done.parts_rewritten, stages::count_text(done.addresses)));
    }
    if (done.segments > 0) {
        monitor.log().info(fmt::format(
            "{}: {} segments have rows of them until ipscore compact rewrites them", store, done.segments));
    }
}

} // namespace

stages::ForgetArgs parse_forget(const Words& words) {
    stages::ForgetArgs args;
    describe(args).parse(words);
    return args;
}

Verb forget_verb() { return {"forget", "remove addresses for good", &help, &perform}; }

} // namespace ipscore::cli
