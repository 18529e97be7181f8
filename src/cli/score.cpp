#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

namespace ipscore::cli {

namespace {

Arguments describe(stages::ScoreArgs& args) {
    Arguments arguments(
        "score", "Scores every address of a table against the tags of a classification, and every company. "
                 "Runs alone, or on\nmany ranks under mpirun or srun; the scores are the same to the last "
                 "bit.");
    arguments.required("table", "DIR", "the table that prepare wrote", path_into(args.table))
        .required("classification", "FILE", "CSV with the columns key,tag,weight",
                  path_into(args.classification))
        .required("companies", "FILE", "CSV with the columns network,company,confidence and perhaps type",
                  path_into(args.companies))
        .required("model", "FILE", "TOML: look-back, half-life, thresholds", path_into(args.model))
        .required("output", "DIR", "directory for the scores; made when missing", path_into(args.output))
        .optional("as-of", "YYYY-MM-DD", "the model's as_of", "last day that counts (UTC)",
                  day_into(args.as_of))
        .flag("restart", "replace what another job left in --output (default: refuse)", args.restart)
        .flag("require-days", "refuse a look-back of which a day has no observations (default: warn)",
              args.require_days)
        .optional("min-rows", "N", "0", "refuse to finish scores of fewer rows",
                  quantity_into(args.min_rows, 0, unbounded))
        .optional("max-unclassified", "SHARE", "1",
                  "refuse to finish scores for which a larger share of the observations, 0 to 1, has no tag",
                  decimal_into(args.max_unclassified, 0, 1))
        .optional("memory", "SIZE", rank_memory_default, rank_memory_help, memory_into(args.memory_bytes))
        .optional("threads", "N", rank_threads_default, rank_threads_help, threads_into(args.threads))
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  mpirun -n 4 ipscore score --table table/ --classification classification.csv \\\n"
                 "      --companies companies.csv --model model.toml --output scores/\n")
        .when_stopped("its work is saved: run the same command again to resume");
    return arguments;
}

std::string help() {
    stages::ScoreArgs args;
    return describe(args).help();
}

void perform(const Words& words, mpi::World& world, StopFlag& stop, stages::RunMonitor& monitor) {
    stages::ScoreArgs args;
    world.root_decides([&] { args = parse_score(words); });
    if (!world.is_root()) args = parse_score(words);
    report(monitor.log(), stages::score(world, args, stop, monitor));
}

} // namespace

stages::ScoreArgs parse_score(const Words& words) {
    stages::ScoreArgs args;
    describe(args).parse(words);
    return args;
}

Verb score_verb() {
    return {"score", "score every address and company of a table (also under mpirun)", &help, &perform};
}

} // namespace ipscore::cli
