#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/json_text.hpp"
#include "ipscore/stages/job_status.hpp"

namespace ipscore::cli {

namespace {

Arguments describe(StatusArgs& args) {
    Arguments arguments(
        "status",
        "Tells how far a job is, or how it ended, from its directory alone, on this machine or another "
        "that sees it:\nwhat is done and by which rank, how fast, how much time is left, and the last "
        "sign of life of each rank.");
    arguments
        .word("DIR", "the --output of prepare or score, or the --store of ingest", path_into(args.directory))
        .flag("json", "as JSON (default: text)", args.json)
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore status scores/\n"
                 "  watch ipscore status scores/\n");
    return arguments;
}

std::string help() {
    StatusArgs args;
    return describe(args).help();
}

void perform(const Words& words, stages::RunMonitor& /*monitor*/) {
    const StatusArgs args = parse_status(words);
    const std::vector<stages::JobStatus> jobs = stages::read_status(args.directory);
    if (args.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const stages::JobStatus& job : jobs) list.push_back(stages::status_json(job));
        print_result(io::json_text({{"jobs", list}}));
        return;
    }
    std::string text;
    for (const stages::JobStatus& job : jobs) text += (text.empty() ? "" : "\n") + stages::status_text(job);
    print_result(text);
}

} // namespace

StatusArgs parse_status(const Words& words) {
    StatusArgs args;
    describe(args).parse(words);
    return args;
}

Verb status_verb() { return {"status", "tell how far a job is, or how it ended", &help, &perform}; }

} // namespace ipscore::cli
