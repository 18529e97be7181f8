// A plan for people, and the settings of the jobs that it ends with.
#include "ipscore/stages/plan.hpp"

#include "../text_table.hpp"
#include "ipscore/stages/summary.hpp"
#include "numbers.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace ipscore::stages {

namespace {

using planning::rounded;

std::string counted(double count, const char* one, const char* many) {
    return fmt::format("{} {}", count_text(rounded(count)), rounded(count) == 1 ? one : many);
}

std::string nodes_text(int nodes) { return counted(nodes, "node", "nodes"); }

/// At least two digits that count.
std::string money_text(double amount) {
    if (amount >= 1) return fmt::format("{:.2f}", amount);
    return amount >= 0.01 ? fmt::format("{:.3f}", amount) : fmt::format("{:.2g}", amount);
}

double month(const PlanReport& report, double price) { return report.args.nights * price; }

const io::InstanceType& type_of(const PlanReport& report, const PlanOption& option) {
    return report.instances.types[option.type];
}

std::string size_lines(const PlanReport& report) {
    const PlanSize& size = report.size;
    const PlanArgs& args = report.args;
    const std::string what = !args.table.empty() ? args.table.string() : args.store.string();
    std::string text =
        fmt::format("{}{}{}, of {}, {}, in {}\n", printable(what), what.empty() ? "" : ": ",
                    counted(size.observations, "observation", "observations"),
                    counted(size.addresses, "address", "addresses"), counted(size.keys, "key", "keys"),
                    counted(static_cast<double>(size.parts), "part", "parts"));
    const auto add = [&](const char* name, double bytes, const std::string& more) {
        if (bytes > 0) text += fmt::format("{}: {}{}\n", name, bytes_text(rounded(bytes)), more);
    };
    add("store", size.store_bytes,
        args.store.empty() ? " or so" : " in " + counted(size.inputs, "segment", "segments"));
    add("table", size.table_bytes, "");
    add("scores", size.scores_bytes, ", " + counted(size.score_rows, "row", "rows"));
    return text;
}

/// How much the plan is worth.
std::string basis_lines(const PlanReport& report) {
    constexpr double seconds_worth = 1; // of less, the start and the clock are too much
    constexpr double times_worth = 100;
    constexpr double times_threads_worth = 4;
    std::string text = "\nby these runs, with the classification, companies and model that they had:\n";
    for (const std::string& run : report.runs) text += "  " + printable(run) + "\n";
    if (report.least_measured_seconds < seconds_worth)
        text +=
            "  which are too short: measure some that take several seconds, for a plan that is worth more\n";
    if (report.times_larger > times_worth)
        text += fmt::format(
            "  of which this is {:.0f} times the size: measure larger ones, for a plan that is worth more\n",
            report.times_larger);
    const int cores = std::ranges::max_element(report.instances.types, {}, &io::InstanceType::cores)->cores;
    if (cores > times_threads_worth * report.most_threads)
        text += fmt::format("  on at most {:.0f} {} of a host: how well {} cores share the work is a guess; "
                            "measure some on more\n",
                            report.most_threads, report.most_threads == 1 ? "thread" : "threads", cores);
    return text;
}

std::string paid_lines(const PlanReport& report) {
    const io::Instances& instances = report.instances;
    std::string text = "\nprices in " + printable(instances.currency);
    if (instances.dated) text += " of " + date_text(*instances.dated);
    text += fmt::format("; a month is {}", counted(report.args.nights, "run", "runs"));
    if (report.args.other_seconds > 0)
        text += fmt::format("; each run does something else for {}",
                            seconds_text(static_cast<double>(report.args.other_seconds)));
    if (instances.start_seconds > 0)
        text += fmt::format("; a node is paid for {} before", seconds_text(instances.start_seconds));
    text += "\n";
    const io::SharedStorage& storage = instances.storage;
    if (storage.price_per_month > 0)
        text += fmt::format("the shared storage is {} a month more\n", money_text(storage.price_per_month));
    constexpr double bytes_of_a_gb = 1e9;
    if (storage.capacity_gb > 0 && report.size.bytes() > storage.capacity_gb * bytes_of_a_gb)
        text += fmt::format("and too small: store, table and scores take {:.0f} GB, and it has {:g}\n",
                            report.size.bytes() / bytes_of_a_gb, storage.capacity_gb);
    return text;
}

std::string step_text(double seconds) { return seconds > 0 ? seconds_text(seconds) : "-"; }

std::string remark(const PlanReport& report, const PlanOption& option) {
    if (!option.fits) return fmt::format("needs {} of memory", bytes_text(rounded(option.memory_bytes)));
    std::string text = option.on_own_disk                           ? "own disk"
                       : report.instances.storage.mb_per_second > 0 ? "shared storage"
                                                                    : "";
    if (!option.pays) text += (text.empty() ? "" : ", ") + std::string("more nodes than pay");
    return text;
}

/// Of each type up to the first number of nodes that does not pay, or to that of a choice.
std::string options_table(const PlanReport& report) {
    TextTable table({"nodes", "cores", "memory", "prepare", "score", "in all", "a run", "Spot", "a month",
                     "Spot", "type", ""},
                    {10, 11});
    bool ended = false;
    for (std::size_t i = 0; i < report.options.size(); ++i) {
        const PlanOption& option = report.options[i];
        if (i > 0 && report.options[i - 1].type != option.type) ended = false;
        const bool is_chosen = report.cheapest == i || report.fastest == i;
        if (ended && !is_chosen) continue;
        const io::InstanceType& type = type_of(report, option);
        const auto spot = [&](double times) {
            return option.spot_price ? money_text(times * *option.spot_price) : "-";
        };
        table.add({fmt::format("{}", option.nodes), fmt::format("{}", option.nodes * type.cores),
                   fmt::format("{} of {:g} GiB", bytes_text(rounded(option.memory_bytes)), type.memory_gib),
                   step_text(option.prepare_seconds), step_text(option.score_seconds),
                   seconds_text(option.seconds), money_text(option.price), spot(1),
                   money_text(month(report, option.price)), spot(report.args.nights), printable(type.name),
                   remark(report, option)});
        ended = !option.fits || !option.pays;
    }
    return table.text();
}

/// The most of what twice the nodes do not make shorter.
std::string what_stays(const PlanReport& report, const PlanOption& option) {
    const std::array reasons{
        std::pair{report.instances.start_seconds, "the start of a node"},
        std::pair{static_cast<double>(report.args.other_seconds), "what else a run does"},
        std::pair{option.storage_seconds, "the shared storage"},
        std::pair{option.last_seconds, "the last of the parts, which are too few"},
        std::pair{option.alone_seconds, "starting ranks, and what rank 0 does alone"}};
    const auto& most =
        *std::ranges::max_element(reasons, {}, [](const auto& reason) { return reason.first; });
    return fmt::format("{} of it for {}", seconds_text(most.first), most.second);
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
        text += fmt::format("; {} would each be paid for {} instead of {}, {}\n", next.nodes,
                            seconds_text(next.billed_seconds), seconds_text(option.billed_seconds),
                            what_stays(report, next));
    }
    return text;
}

/// Commands, one for each kind of cluster.
std::string settings_lines(const PlanReport& report, const PlanOption& option) {
    constexpr std::uint64_t seconds_of_a_minute = 60;
    const NodeSettings settings = settings_of(report, option);
    const int cores = type_of(report, option).cores;
    const std::string needs = fmt::format(
        R"("resourceRequirements":[{{"type":"VCPU","value":"{}"}},{{"type":"MEMORY","value":"{}"}}])", cores,
        settings.memory_mib);
    const std::string batch =
        option.nodes == 1
            ? fmt::format("ipscore-single --container-overrides '{{{}}}'", needs)
            : fmt::format(
                  R"(ipscore-multinode --node-overrides '{{"numNodes":{},"nodePropertyOverrides":[{{"targetNodes":"0:","containerOverrides":{{{}}}}}]}}')",
                  option.nodes, needs);
    return fmt::format(
        "  sbatch --nodes={} --ntasks-per-node=1 --cpus-per-task={} --mem={}M --time={} slurm/score.sbatch\n"
        "  aws batch submit-job --job-queue QUEUE --job-name score --job-definition {} --timeout "
        "attemptDurationSeconds={}\n",
        option.nodes, cores, settings.memory_mib, settings.limit_minutes, batch,
        settings.limit_minutes * seconds_of_a_minute);
}

std::string choice(const PlanReport& report, const std::string& what, const PlanOption& option) {
    std::string text = fmt::format("\n{}: {} of {}, {}; {} a run, {} a month", what, nodes_text(option.nodes),
                                   printable(type_of(report, option).name), seconds_text(option.seconds),
                                   money_text(option.price), money_text(month(report, option.price)));
    if (option.spot_price)
        text += fmt::format("; on Spot {} and {}", money_text(*option.spot_price),
                            money_text(month(report, *option.spot_price)));
    const double storage = report.instances.storage.price_per_month;
    if (storage > 0 && !option.on_own_disk)
        text += fmt::format("; with the shared storage {} a month",
                            money_text(month(report, option.price) + storage));
    text += "\n" + settings_lines(report, option);
    if (option.on_own_disk)
        text += "  with DATA on the disk of the node, to which the store is brought before\n";
    if (option.nodes > 1 && option.spot_price)
        text += "  (AWS Batch has no jobs of several nodes on Spot; Slurm has)\n";
    return text;
}

std::string choices(const PlanReport& report) {
    if (std::ranges::none_of(report.options, &PlanOption::fits))
        return "\nnone of these types has enough memory for a thread a core\n";
    std::string text;
    const auto within = static_cast<double>(report.args.within_seconds);
    if (report.cheapest) {
        const std::string what = within > 0 ? "cheapest within " + seconds_text(within) : "cheapest";
        text += choice(report, what, report.options[*report.cheapest]);
    } else {
        double least = report.options.front().seconds;
        for (const PlanOption& option : report.options) {
            if (option.fits) least = std::min(least, option.seconds);
        }
        text += fmt::format("\nnone of these ends within {}; the least is {}\n", seconds_text(within),
                            seconds_text(least));
    }
    if (report.fastest && report.fastest != report.cheapest)
        text += choice(report, "fastest whose nodes pay", report.options[*report.fastest]);
    return text + "\nEach command wants a partition, or a queue, with nodes of that type. The time limits "
                  "are twice the plan.\n";
}

} // namespace

std::string plan_text(const PlanReport& report) {
    return size_lines(report) + basis_lines(report) + paid_lines(report) + "\n" + options_table(report) +
           where_it_ends(report) + choices(report);
}

} // namespace ipscore::stages
