#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

namespace ipscore::cli {

namespace {

Arguments describe(stages::PrepareArgs& args) {
    constexpr int lookback_days_max = 36525; // all valid days
    Arguments arguments(
        "prepare", "Merges the store into a table that score reads: the days of one look-back, in parts by "
                   "address. Runs alone,\nor on many ranks under mpirun or srun.");
    arguments.required("store", "DIR", "the store that ingest filled", path_into(args.store))
        .required("as-of", "YYYY-MM-DD", "last day that goes into the table (UTC)", day_into(args.as_of))
        .optional("lookback-days", "N", "90", "days that go into the table, the last of which is --as-of",
                  quantity_into(args.lookback_days, 1, lookback_days_max))
        .required("output", "DIR", "directory for the table; made when missing", path_into(args.output))
        .optional("previous", "DIR", "from the store alone",
                  "a table made from this store, such as yesterday's: its rows are read once, and of the "
                  "store only what it has not. The same observations as without, several times faster",
                  path_into(args.previous))
        .optional("classification", "FILE", "keep the rows of all keys",
                  "CSV with the columns key,tag,weight: keep only the rows whose key it names. The table and "
                  "its scoring get smaller; score then takes no classification that names other keys",
                  path_into(args.classification))
        .flag("restart", "replace what another job left in --output (default: refuse)", args.restart)
        .flag("require-days", "refuse a look-back of which a day has no observations (default: warn)",
              args.require_days)
        .optional("min-rows", "N", "0", "refuse to finish a table of fewer rows",
                  quantity_into(args.min_rows, 0, unbounded))
        .optional("max-unclassified", "SHARE", "1",
                  "with --classification: refuse to finish a table for which a larger share of the rows of "
                  "these days, 0 to 1, has a key without a tag",
                  decimal_into(args.max_unclassified, 0, 1))
        .optional("memory", "SIZE", rank_memory_default, rank_memory_help, memory_into(args.memory_bytes))
        .optional("threads", "N", rank_threads_default, rank_threads_help, threads_into(args.threads))
        .optional("metrics", "FILE", metrics_default, metrics_help, path_into(args.metrics))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore prepare --store store/ --as-of 2026-11-22 --lookback-days 90 --output table/\n"
                 "  mpirun -n 4 ipscore prepare --store store/ --as-of 2026-11-22 --output table/ \\\n"
                 "      --classification classification.csv\n"
                 "  ipscore prepare --previous table-2026-11-21/ --store store/ --as-of 2026-11-22 \\\n"
                 "      --output table-2026-11-22/\n")
        .when_stopped("its work is saved: run the same command again to resume");
    return arguments;
}

std::string help() {
    stages::PrepareArgs args;
    return describe(args).help();
}

void perform(const Words& words, mpi::World& world, StopFlag& stop, stages::RunMonitor& monitor) {
    stages::PrepareArgs args;
    world.root_decides([&] { args = parse_prepare(words); });
    if (!world.is_root()) args = parse_prepare(words);
    report(monitor.log(), stages::prepare(world, args, stop, monitor));
}

} // namespace

stages::PrepareArgs parse_prepare(const Words& words) {
    stages::PrepareArgs args;
    describe(args).parse(words);
    if (args.max_unclassified < 1 && args.classification.empty())
        throw UsageError("--max-unclassified needs --classification; see ipscore prepare --help");
    return args;
}

Verb prepare_verb() {
    return {"prepare", "merge the store into a table for one look-back (also under mpirun)", &help, &perform};
}

} // namespace ipscore::cli
