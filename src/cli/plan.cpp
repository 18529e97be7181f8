#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/json_text.hpp"

namespace ipscore::cli {

namespace {

constexpr std::uint64_t observations_most = 1'000'000'000'000'000;
constexpr std::uint32_t nodes_most = 1024;
constexpr std::uint64_t seconds_most = 31ULL * 86400;
constexpr std::uint32_t nights_most = 366;
constexpr int lookback_days_most = 36525; // all valid days

Arguments describe(PlanCommand& command) {
    stages::PlanArgs& args = command.plan;
    Arguments arguments("plan",
                        "Tells what prepare and score will take on 1, 2, 4 and more nodes of some instance "
                        "types: time, memory "
                        "and\nprice, of a run and of a month, where more nodes stop paying, and what to "
                        "submit the job with.\n"
                        "It goes by runs that were measured, on this machine or another: by their run.json. "
                        "Give several, of\n"
                        "different numbers of threads, and it knows what more cores bring. Changes nothing.");
    arguments.optional("table", "DIR", "none", "plans for this table", path_into(args.table))
        .optional("store", "DIR", "none", "plans for a table of this store", path_into(args.store))
        .optional("observations", "N", "none",
                  "plans for so many observations, such as 100M; give one of these three",
                  quantity_into(args.observations, 1, observations_most))
        .optional("addresses", "N", "as the table has, or the runs had", "of so many addresses",
                  quantity_into(args.addresses, 1, observations_most))
        .optional("as-of", "YYYY-MM-DD", "the store's newest day", "last day of --store that counts",
                  day_into(args.as_of))
        .optional("lookback-days", "N", "all of its days", "days of --store that count",
                  quantity_into(args.lookback_days, 1, lookback_days_most))
        .several("runs", "PATH",
                 "run.json files of prepare and score, or the tables and scores that they lie in",
                 "none, but one is needed", paths_into(args.runs))
        .required("instances", "FILE",
                  "the instance types and their prices; jobs/instances.toml is an example",
                  path_into(args.instances))
        .optional("max-nodes", "N", "64", "most nodes to plan for",
                  quantity_into(args.nodes_max, 1, nodes_most))
        .optional("within", "SECONDS", "whenever", "time in which a run is to end, --other-seconds included",
                  quantity_into(args.within_seconds, 1, seconds_most))
        .optional("other-seconds", "SECONDS", "0",
                  "what each run also does on its nodes, such as ingest and export",
                  quantity_into(args.other_seconds, 0, seconds_most))
        .optional("nights", "N", "30", "runs of a month", quantity_into(args.nights, 1, nights_most))
        .flag("json", "as JSON (default: text)", command.json)
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore plan --table table/ --runs table/ scores/ --instances jobs/instances.toml\n"
                 "  ipscore plan --observations 1G --addresses 50M --runs table/run.json scores/run.json \\\n"
                 "               --instances jobs/instances.toml --within 600\n");
    return arguments;
}

std::string help() {
    PlanCommand command;
    return describe(command).help();
}

void perform(const Words& words, stages::RunMonitor& /*monitor*/) {
    const PlanCommand command = parse_plan(words);
    const stages::PlanReport report = stages::plan(command.plan);
    print_result(command.json ? io::json_text(stages::plan_json(report)) : stages::plan_text(report));
}

} // namespace

PlanCommand parse_plan(const Words& words) {
    PlanCommand command;
    describe(command).parse(words);
    const stages::PlanArgs& args = command.plan;
    const int sizes =
        (args.table.empty() ? 0 : 1) + (args.store.empty() ? 0 : 1) + (args.observations > 0 ? 1 : 0);
    if (sizes != 1)
        throw UsageError(
            "one of --table, --store and --observations says what to plan for; see ipscore plan --help");
    if (args.store.empty() && (args.as_of || args.lookback_days))
        throw UsageError("--as-of and --lookback-days are for --store; see ipscore plan --help");
    if (args.runs.empty())
        throw UsageError(
            "--runs is missing: a run.json of prepare, of score, or of both; see ipscore plan --help");
    if (args.within_seconds > 0 && args.other_seconds >= args.within_seconds)
        throw UsageError("--other-seconds leaves nothing of --within; see ipscore plan --help");
    if (args.addresses > 0 && args.observations > 0 && args.addresses > args.observations)
        throw UsageError("--addresses are more than --observations; see ipscore plan --help");
    return command;
}

Verb plan_verb() {
    return {"plan", "tell what prepare and score will take, and cost, on how many nodes", &help, &perform};
}

} // namespace ipscore::cli
