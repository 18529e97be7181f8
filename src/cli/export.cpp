#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

Arguments describe(stages::ExportArgs& args) {
    constexpr int score_max = 100;
    Arguments arguments(
        "export", "Writes scores, company rows or a table as CSV, or all of it as one plain HDF5 file.");
    arguments.word("INPUT", "a directory of scores or a table", path_into(args.input));
    arguments
        .required(
            "output", "FILE",
            "what to write: CSV, compressed when it ends in .gz or .zst; one HDF5 file when it ends in .h5; "
            "- is standard output",
            text_into(args.output))
        .flag("companies", "the company rows of scores (default: the rows of its addresses)", args.companies)
        .repeated("tag", "TAG", "only rows of this tag", texts_into(args.tags))
        .optional("min-score", "SCORE", "all", "only rows that score at least so high, 0 to 100",
                  decimal_into(args.min_score, 0, score_max))
        .repeated("ip", "ADDRESS|NETWORK", "only this address, or those of this network",
                  networks_into(args.networks))
        .repeated("company", "NAME", "only rows of this company", texts_into(args.company_names))
        .optional("threads", "N", threads_default, threads_help, threads_into(args.threads))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore export scores/ --output scores.csv.gz --min-score 60 --tag \"cyber security\"\n"
                 "  ipscore export scores/ --output - --companies\n"
                 "  ipscore export scores/ --output - --ip 198.51.100.0/24 --ip 2001:db8::7\n"
                 "  ipscore export table/ --output observations.csv\n"
                 "  ipscore export scores/ --output scores.h5\n")
        .when_stopped("no file was written: run the same command again");
    return arguments;
}

std::string help() {
    stages::ExportArgs args;
    return describe(args).help();
}

void perform(const Words& words, StopFlag& stop, stages::RunMonitor& monitor) {
    const stages::ExportArgs args = parse_export(words);
    const stages::ExportReport done = stages::export_to(args, stop);
    monitor.log().info(fmt::format(
        "{}: {} rows, {}, in {}", args.output == "-" ? "standard output" : args.output,
        stages::count_text(done.rows), stages::bytes_text(done.bytes), stages::seconds_text(done.seconds)));
}

} // namespace

stages::ExportArgs parse_export(const Words& words) {
    stages::ExportArgs args;
    describe(args).parse(words);
    return args;
}

Verb export_verb() { return {"export", "write scores or a table as CSV or one HDF5 file", &help, &perform}; }

} // namespace ipscore::cli
