#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/json_text.hpp"

namespace ipscore::cli {

namespace {

constexpr std::uint64_t top_max = 1'000'000;

Reader address_into(std::optional<Address>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        field = parse_address(value);
        if (!field) return "an IPv4 or IPv6 address";
        return std::nullopt;
    };
}

Arguments describe(ExplainCommand& command) {
    stages::ExplainArgs& args = command.explain;
    Arguments arguments("explain", "Tells why an address has the score that it has for a tag: which keys, "
                                   "days and hits made it, with which "
                                   "decay\nand weight, what did not count, and what it hangs on. Or which "
                                   "addresses carry the score of a "
                                   "company.");
    arguments.required("scores", "DIR", "the scores", path_into(args.scores))
        .required("table", "DIR", "the table that they were made from", path_into(args.table))
        .required("tag", "TAG", "the tag", text_into(args.tag))
        .optional("ip", "ADDRESS", "none", "explain the score of this address", address_into(args.ip))
        .optional("company", "NAME", "none", "explain the score of this company", text_into(args.company))
        .optional("top", "N", "10", "how many keys and days, or addresses of a company, to show at most",
                  quantity_into(args.top, 1, top_max))
        .flag("json", "print JSON for programs (default: text for people)", command.json)
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore explain --scores scores/ --table table/ --ip 203.0.113.7 --tag finance\n"
                 "  ipscore explain --scores scores/ --table table/ --company \"Example, Inc.\" --tag "
                 "finance --json\n")
        .when_stopped("nothing was printed: run the same command again");
    return arguments;
}

std::string help() {
    ExplainCommand command;
    return describe(command).help();
}

template <class Explanation>
void show(const ExplainCommand& command, const Explanation& explanation) {
    print_result(command.json ? io::json_text(stages::explain_json(explanation))
                              : stages::explain_text(explanation));
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& /*monitor*/) {
    const ExplainCommand command = parse_explain(words);
    if (command.explain.ip) {
        show(command, stages::explain_address(command.explain, stop));
    } else {
        show(command, stages::explain_company(command.explain, stop));
    }
}

} // namespace

ExplainCommand parse_explain(const Words& words) {
    ExplainCommand command;
    describe(command).parse(words);
    if (command.explain.ip.has_value() == !command.explain.company.empty())
        throw UsageError("explain takes --ip or --company, and not both; see ipscore explain --help");
    return command;
}

Verb explain_verb() {
    return {"explain", "tell why an address or a company has its score for a tag", &help, &perform};
}

} // namespace ipscore::cli
