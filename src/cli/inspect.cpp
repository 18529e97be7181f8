#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/json_text.hpp"

namespace ipscore::cli {

namespace {

Arguments describe(InspectArgs& args) {
    constexpr std::uint64_t top_max = 10'000;
    Arguments arguments(
        "inspect",
        "Tells what a store, a table, scores or one file of them holds and how large it is: bytes per column "
        "stored and\ndecoded, rows per day, distinct addresses and keys, the heaviest of them, sources, "
        "segments worth compacting,\nwhat it costs in memory to use it, and which of its days the models "
        "use. "
        "Changes nothing.");
    arguments.words("PATH", "a store, a table, scores (unfinished ones, too) or one of their .h5 files",
                    paths_into(args.paths));
    arguments
        .several("models", "FILE", "models whose look-backs are compared with the days that are kept", "none",
                 paths_into(args.inspect.models))
        .optional("as-of", "YYYY-MM-DD", "each model's as_of", "last day that the models look back from",
                  day_into(args.inspect.as_of))
        .optional("top", "N", "10", "how many of the heaviest to show",
                  quantity_into(args.inspect.top, 1, top_max))
        .flag("quick", "reads no rows: leaves out what is distinct, and the heaviest (default: reads all)",
              args.inspect.quick)
        .flag("json", "as JSON (default: text)", args.json)
        .optional("memory", "SIZE", memory_default, memory_help, memory_into(args.inspect.memory_bytes))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore inspect store/ --models models/*.toml\n"
                 "  ipscore inspect table/ scores/ --json\n"
                 "  ipscore inspect table/part-00000.h5 --top 3\n")
        .when_stopped("nothing was printed: run the same command again");
    return arguments;
}

std::string help() {
    InspectArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& /*monitor*/) {
    const InspectArgs args = parse_inspect(words);
    std::vector<stages::InspectReport> reports;
    for (const auto& path : args.paths) reports.push_back(stages::inspect(path, args.inspect, stop));
    if (args.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const auto& report : reports) list.push_back(stages::inspect_json(report));
        print_result(io::json_text({{"reports", list}}));
        return;
    }
    std::string text;
    for (const auto& report : reports) text += (text.empty() ? "" : "\n") + stages::inspect_text(report);
    print_result(text);
}

} // namespace

InspectArgs parse_inspect(const Words& words) {
    InspectArgs args;
    describe(args).parse(words);
    return args;
}

Verb inspect_verb() {
    return {"inspect", "tell what a store, a table or scores hold, and what they take", &help, &perform};
}

} // namespace ipscore::cli
