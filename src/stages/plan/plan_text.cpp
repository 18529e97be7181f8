// A plan for people, and the settings of the jobs that it ends with.
#include "ipscore/stages/plan.hpp"

#include "../text_table.hpp"
#include "ipscore/stages/summary.hpp"

#include <cmath>
#include <fmt/format.h>

namespace ipscore::stages {

namespace {

std::uint64_t rounded(double value) { return static_cast<std::uint64_t>(std::llround(value)); }

std::string counted(double count, const char* one, const char* many) {
    return fmt::format("{} {}", count_text(rounded(count)), rounded(count) == 1 ? one : many);
}

std::string nodes_text(int nodes) { return counted(nodes, "node", "nodes"); }

std::string money_text(double amount) { return fmt::format("{:.{}f}", amount, amount < 1 ? 3 : 2); }

double month(const PlanReport& report, double price) { return report.nights * price; }

const io::InstanceType& type_of(const PlanReport& report, const PlanOption& option) {
    return report.instances.types[option.type];
}

std::string size_lines(const PlanReport& report) {
    const PlanSize& size = report.size;
    std::string text = fmt::format(
        "{}: {} of {}, {}, in {}\n", report.what, counted(size.observations, "observation", "observations"),
        counted(size.addresses, "address", "addresses"), counted(size.keys, "key", "keys"),
        counted(static_cast<double>(size.parts), "part", "parts"));
    if (size.store_bytes > 0)
        text += fmt::format("store: {} in {}\n", bytes_text(size.store_bytes),
                            counted(size.inputs, "segment", "segments"));
    if (size.table_bytes > 0) text += fmt::format("table: {}\n", bytes_text(rounded(size.table_bytes)));
    if (size.scores_bytes > 0)
        text += fmt::format("scores: {}, {}\n", bytes_text(rounded(size.scores_bytes)),
                            counted(size.score_rows, "row", "rows"));
    return text;
}

std::string basis_lines(const PlanReport& report) {
    std::string text = "\nby these runs, with the classification, companies and model that they had:\n";
    for (const std::string& run : report.runs) text += "  " + run + "\n";
    constexpr double seconds_worth = 1; // of less, the start and the clock are too much
    constexpr double times_worth = 100;
    if (report.least_measured_seconds < seconds_worth)
        text += "  some took less than a second: measure longer ones for a plan that is worth more\n";
    if (report.times_larger > times_worth)
        text += fmt::format(
            "  this is {:.0f} times as large: measure larger ones for a plan that is worth more\n",
            report.times_larger);
    return text;
}

std::string paid_lines(const PlanReport& report) {
    const io::Instances& instances = report.instances;
    std::string text = fmt::format("\nprices in {}", instances.currency);
    if (instances.dated) text += " of " + date_text(*instances.dated);
    text += fmt::format("; a month is {} runs", report.nights);
    if (report.other_seconds > 0)
        text += fmt::format("; each run does something else for {}",
                            seconds_text(static_cast<double>(report.other_seconds)));
    if (instances.start_seconds > 0)
        text += fmt::format("; a node is paid for {} before", seconds_text(instances.start_seconds));
    if (instances.storage.price_per_month > 0)
        text += fmt::format("; the shared storage is {} a month more, whatever runs",
                            money_text(instances.storage.price_per_month));
    return text + "\n";
}

std::string step_text(double seconds) { return seconds > 0 ? seconds_text(seconds) : "-"; }

std::string remark(const PlanReport& report, const PlanOption& option) {
    if (!option.fits) return fmt::format("needs {} of memory", bytes_text(rounded(option.memory_bytes)));
    if (!option.pays) return "more than pays";
    return option.on_own_disk                           ? "own disk"
           : report.instances.storage.mb_per_second > 0 ? "shared storage"
                                                        : "";
}

/// Up to the first number of nodes that does not pay.
std::string options_table(const PlanReport& report) {
    TextTable table({"type", "nodes", "cores", "memory", "prepare", "score", "in all", "a run", "Spot",
                     "a month", "Spot", ""},
                    {0, 11});
    std::size_t type_done = report.instances.types.size();
    for (const PlanOption& option : report.options) {
        if (option.type == type_done) continue;
        const io::InstanceType& type = type_of(report, option);
        table.add({printable(type.name), fmt::format("{}", option.nodes),
                   fmt::format("{}", option.nodes * type.cores),
                   fmt::format("{} of {:.0f} GiB", bytes_text(rounded(option.memory_bytes)), type.memory_gib),
                   step_text(option.prepare_seconds), step_text(option.score_seconds),
                   seconds_text(option.seconds), money_text(option.price),
                   option.spot_price ? money_text(*option.spot_price) : "-",
                   money_text(month(report, option.price)),
                   option.spot_price ? money_text(month(report, *option.spot_price)) : "-",
                   remark(report, option)});
        if (!option.fits || !option.pays) type_done = option.type;
    }
    return table.text();
}

/// The larger of what more nodes do not make shorter.
std::string what_stays(const PlanOption& option) {
    if (option.storage_seconds > option.alone_seconds)
        return fmt::format("the shared storage takes {}", seconds_text(option.storage_seconds));
    return fmt::format("the start and rank 0 alone take {}", seconds_text(option.alone_seconds));
}

std::string where_it_ends(const PlanReport& report) {
    std::string text =
        "\nmore nodes pay as long as twice as many save a quarter of the time that is paid for:\n";
    for (std::size_t i = 0; i < report.options.size(); ++i) {
        const PlanOption& option = report.options[i];
        const bool last = i + 1 == report.options.size() || report.options[i + 1].type != option.type;
        if (!option.pays || !option.fits || (!last && report.options[i + 1].pays)) continue;
        text +=
            fmt::format("  {}: up to {}", printable(type_of(report, option).name), nodes_text(option.nodes));
        if (last) {
            text += ", which is as far as this plan goes\n";
            continue;
        }
        const PlanOption& next = report.options[i + 1];
        text += fmt::format("; {} would take {} instead of {}, of which {}\n", next.nodes,
                            seconds_text(next.seconds), seconds_text(option.seconds), what_stays(next));
    }
    return text;
}

std::string choice(const PlanReport& report, const char* what, const PlanOption& option) {
    const NodeSettings settings = settings_of(report, option);
    std::string text = fmt::format("\n{}: {} of {}, {}; {} a run, {} a month", what, nodes_text(option.nodes),
                                   printable(type_of(report, option).name), seconds_text(option.seconds),
                                   money_text(option.price), money_text(month(report, option.price)));
    if (option.spot_price)
        text += fmt::format("; on Spot {} and {}", money_text(*option.spot_price),
                            money_text(month(report, *option.spot_price)));
    text += fmt::format("\n  Slurm      sbatch --nodes={} --ntasks-per-node=1 --cpus-per-task={} --mem={}M "
                        "--time={} slurm/score.sbatch\n",
                        settings.nodes, settings.cores, settings.memory_mib, settings.limit_minutes);
    text += fmt::format("  AWS Batch  {}\"resourceRequirements\": [{{\"type\": \"VCPU\", \"value\": "
                        "\"{}\"}}, {{\"type\": \"MEMORY\", "
                        "\"value\": \"{}\"}}], \"timeout\": {{\"attemptDurationSeconds\": {}}}\n",
                        settings.nodes > 1 ? fmt::format("\"numNodes\": {}, ", settings.nodes) : "",
                        settings.cores, settings.memory_mib, settings.limit_minutes * 60);
    if (settings.nodes > 1 && option.spot_price)
        text += "             (which takes no job of several nodes on Spot; Slurm does)\n";
    return text;
}

std::string choices(const PlanReport& report) {
    std::string text;
    if (report.cheapest) {
        const std::string what =
            report.within_seconds > 0
                ? "cheapest within " + seconds_text(static_cast<double>(report.within_seconds))
                : "cheapest";
        text += choice(report, what.c_str(), report.options[*report.cheapest]);
    } else if (report.within_seconds > 0 && report.fastest) {
        text += fmt::format("\nnone of these ends within {}\n",
                            seconds_text(static_cast<double>(report.within_seconds)));
    }
    if (report.fastest && report.fastest != report.cheapest)
        text += choice(report, "fastest whose nodes pay", report.options[*report.fastest]);
    if (!report.fastest) text += "\nnone of these types has enough memory for a thread a core\n";
    return text;
}

} // namespace

std::string plan_text(const PlanReport& report) {
    return size_lines(report) + basis_lines(report) + paid_lines(report) + options_table(report) +
           where_it_ends(report) + choices(report);
}

} // namespace ipscore::stages
