// What `diff` found, for people at a terminal.
#include "../text_table.hpp"
#include "ipscore/stages/diff.hpp"
#include "ipscore/stages/summary.hpp"
#include "report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace ipscore::stages {

namespace {

using comparing::Outcome;
using comparing::Sample;

std::string side_line(std::string_view name, const DiffSide& side) {
    return fmt::format("{}  {} ({}), {} rows\n", name, side.path.string(), side.kind, count_text(side.rows));
}

std::string rows_text(const DiffReport& report) {
    TextTable table({"rows", ""}, {1});
    table.add({count_text(report.counts.of(Outcome::equal)), "equal"});
    table.add({count_text(report.counts.of(Outcome::changed)), "changed"});
    table.add({count_text(report.counts.of(Outcome::only_old)), "only in OLD"});
    table.add({count_text(report.counts.of(Outcome::only_new)), "only in NEW"});
    if (report.duplicates.keys > 0) {
        table.add(
            {count_text(report.duplicates.rows_old + report.duplicates.rows_new),
             fmt::format(
                 "not compared: {} in OLD and {} in NEW, of {} keys that one of them has more than once",
                 count_text(report.duplicates.rows_old), count_text(report.duplicates.rows_new),
                 count_text(report.duplicates.keys))});
    }
    return table.text();
}

std::string columns_text(const DiffReport& report) {
    const bool tolerant = std::ranges::any_of(report.columns, [](const DiffColumn& column) {
        return !diffing::tolerance_text(column.tolerance).empty();
    });
    TextTable table({"column", "rows", "within tolerance", "largest", "largest relative", "no distance"},
                    {0});
    std::string equal;
    for (const DiffColumn& column : report.columns) {
        const comparing::ColumnDifferences& found = column.differences;
        if (!column.differs()) {
            equal += (equal.empty() ? "" : ", ") + column.column.name;
            continue;
        }
        table.add({column.column.name, count_text(found.rows),
                   tolerant ? count_text(found.rows_within_tolerance) : "-",
                   diffing::size_text(found.absolute_max), diffing::size_text(found.relative_max),
                   count_text(found.rows_unmeasured + found.rows_infinite)});
    }
    std::string text;
    if (!table.empty()) text += "\ncolumns that differ\n" + table.text();
    if (!equal.empty()) text += fmt::format("\ncolumns without a difference: {}\n", equal);
    for (const auto* side : {&report.before, &report.now}) {
        for (const std::string& column : side->columns_alone)
            text += fmt::format("column {}: only in {}\n", column, side->path.string());
    }
    return text;
}

std::string histogram_text(const DiffReport& report) {
    std::string text;
    for (const DiffColumn& column : report.columns) {
        const auto& counts = column.differences.absolute.counts();
        if (counts.empty()) continue;
        std::uint64_t most = 0;
        for (const auto& [decade, count] : counts) most = std::max(most, count);
        text += fmt::format("\n{}: how large the differences are\n", column.column.name);
        TextTable table({"from", "rows", ""}, {2});
        for (const auto& [decade, count] : counts) {
            constexpr std::uint64_t bar_width = 40;
            const std::uint64_t width = std::max<std::uint64_t>(1, count * bar_width / most);
            table.add({fmt::format("1e{}", decade), count_text(count), std::string(width, '#')});
        }
        text += table.text();
    }
    return text;
}

std::string findings_text(const DiffReport& report) {
    std::string text;
    for (const Outcome outcome : {Outcome::changed, Outcome::only_old, Outcome::only_new}) {
        bool first = true;
        for (const comparing::Finding& finding : report.findings) {
            if (finding.outcome != outcome) continue;
            if (first) text += fmt::format("\nwhat the {} have in common\n", diffing::outcome_text(outcome));
            first = false;
            text += "  " + printable(diffing::finding_text(finding)) + "\n";
        }
    }
    return text;
}

std::string inputs_text(const DiffReport& report) {
    if (!report.jobs_compared) return {};
    if (report.inputs.empty())
        return "\nboth were made of the same inputs, with the same model and version\n";
    std::string text = "\nwhat they were made of differs\n";
    for (const InputDifference& input : report.inputs) {
        text += fmt::format("  {}: was {}, now {}\n", printable(input.name),
                            input.before.empty() ? "nothing" : printable(input.before),
                            input.now.empty() ? "nothing" : printable(input.now));
    }
    return text;
}

std::string cells_text(const DiffReport& report, const Sample& sample) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < report.columns.size(); ++i) {
        const std::string& name = report.columns[i].column.name;
        if (sample.before.empty() || sample.now.empty()) {
            cells.push_back(
                fmt::format("{} {}", name, sample.before.empty() ? sample.now[i] : sample.before[i]));
        } else if (sample.before[i] != sample.now[i]) {
            cells.push_back(fmt::format("{} {} -> {}", name,
                                        sample.before[i].empty() ? "none" : sample.before[i],
                                        sample.now[i].empty() ? "none" : sample.now[i]));
        }
    }
    return printable(fmt::format("{}", fmt::join(cells, ", ")));
}

std::string samples_text(const DiffReport& report, std::string_view what, const comparing::Samples& samples) {
    std::string text;
    const auto list = [&](std::string_view which, const std::vector<Sample>& some) {
        if (some.empty()) return;
        text += fmt::format("\n{}: {}\n", what, which);
        for (const Sample& sample : some) {
            const bool once = sample.rows_before <= 1 && sample.rows_now <= 1;
            text += fmt::format(
                "  {}: {}\n", printable(fmt::format("{}", fmt::join(sample.key_texts, ", "))),
                once ? cells_text(report, sample)
                     : fmt::format("{} rows in OLD, {} in NEW", sample.rows_before, sample.rows_now));
        }
    };
    list("the first", samples.first());
    // Where the list of the first is not full, it has them all.
    list("the worst", samples.worst());
    return text;
}

} // namespace

std::string diff_text(const DiffReport& report) {
    std::string text = diffing::verdict_text(report) + "\n\n";
    text += side_line("OLD", report.before);
    text += side_line("NEW", report.now);
    if (!report.same()) text += "\n" + rows_text(report);
    text += columns_text(report);
    text += inputs_text(report);
    text += findings_text(report);
    text += histogram_text(report);
    for (const DiffColumn& column : report.columns)
        text += samples_text(report, column.column.name + " changed", column.samples);
    text += samples_text(report, "rows only in OLD", report.only_old);
    text += samples_text(report, "rows only in NEW", report.only_new);
    text += samples_text(report, "keys more than once", report.duplicate_keys);
    return text;
}

std::string diff_text(const std::vector<DiffDay>& days) {
    std::string text;
    for (const DiffDay& day : days) text += fmt::format("{}  {}\n", day.date, diffing::day_text(day));
    return text + diffing::verdict_text(days) + "\n";
}

} // namespace ipscore::stages
