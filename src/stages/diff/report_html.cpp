// What `diff` found, as one page for a browser: no script, no network, pictures as inline SVG.
#include "ipscore/stages/diff.hpp"
#include "ipscore/stages/summary.hpp"
#include "report.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>

namespace ipscore::stages {

namespace {

using comparing::Outcome;
using comparing::Sample;

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d8dee4; --page: #ffffff; --card: #f6f8fa;
        --good: #1a7f37; --bad: #b42318; --changed: #9a6700; --old: #b42318; --new: #0a5cc0; --equal: #1a7f37; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa7b4; --line: #30363d; --page: #0d1117; --card: #161b22;
          --good: #3fb950; --bad: #ff7b72; --changed: #d29922; --old: #ff7b72; --new: #6cb6ff; --equal: #3fb950; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--page); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p, ul { margin: .25rem 0; } .soft { color: var(--soft); }
.verdict { border-left: .4rem solid var(--bad); background: var(--card); padding: .75rem 1rem; margin: 1rem 0; overflow-wrap: anywhere; }
.verdict.same { border-color: var(--good); }
.verdict strong { color: var(--bad); } .verdict.same strong { color: var(--good); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .75rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } td.n, th.n { text-align: right; } td.wrap { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
del { color: var(--old); text-decoration: none; } ins { color: var(--new); text-decoration: none; }
svg { display: block; max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
.bar { width: 100%; height: 1.75rem; }
.finding { display: grid; grid-template-columns: 12rem 1fr; gap: .25rem 1rem; align-items: center; padding: .35rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
@media (max-width: 40rem) { .finding { grid-template-columns: 1fr; } }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
details { margin: .5rem 0; border: 1px solid var(--line); padding: .25rem .75rem; } summary { cursor: pointer; overflow-wrap: anywhere; }
summary.bad { color: var(--bad); }
)";

/// Text between tags or quotes; what is no text for people becomes a mark.
std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
                safe += "\xEF\xBF\xBD";
            } else {
                safe += c;
            }
        }
    }
    return safe;
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
    return diffing::share_text(whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole));
}

std::string verdict_html(bool same, std::string_view text) {
    return fmt::format("<div class=\"verdict{}\"><strong>{}</strong></div>\n", same ? " same" : "",
                       escaped(text));
}

std::string side_html(std::string_view name, const DiffSide& side) {
    return fmt::format(
        "<tr><th>{}</th><td class=\"wrap\">{}</td><td>{}</td><td class=\"n\">{} rows</td></tr>\n", name,
        escaped(side.path.string()), escaped(side.kind), count_text(side.rows));
}

/// One bar of all rows by what became of them, and below it the figures.
std::string rows_html(const DiffReport& report) {
    struct Kind {
        std::uint64_t rows;
        std::string_view name;
        std::string_view color;
    };
    const std::uint64_t duplicates = report.duplicates.rows_old + report.duplicates.rows_new;
    const std::array<Kind, 5> kinds{{{report.counts.of(Outcome::equal), "equal", "equal"},
                                     {report.counts.of(Outcome::changed), "changed", "changed"},
                                     {report.counts.of(Outcome::only_old), "only in OLD", "old"},
                                     {report.counts.of(Outcome::only_new), "only in NEW", "new"},
                                     {duplicates, "of keys more than once", "soft"}}};
    const std::uint64_t all = report.counts.all() + duplicates;
    // What is there is to be seen, however little it is; the widest bar gives the room.
    constexpr double width = 1000;
    constexpr double least = 8;
    std::array<double, kinds.size()> bars{};
    double sum = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        if (kinds[i].rows > 0)
            bars[i] = std::max(least, width * static_cast<double>(kinds[i].rows) / static_cast<double>(all));
        sum += bars[i];
    }
    *std::ranges::max_element(bars) -= std::max(0.0, sum - width);
    std::string text =
        "<h2>Rows</h2>\n<svg class=\"bar\" viewBox=\"0 0 1000 28\" preserveAspectRatio=\"none\" "
        "role=\"img\" aria-label=\"rows by what became of them\">";
    double at = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        if (kinds[i].rows == 0) continue;
        text += fmt::format("<rect x=\"{:.1f}\" width=\"{:.1f}\" height=\"28\" fill=\"var(--{})\"><title>{}: "
                            "{}</title></rect>",
                            at, bars[i], kinds[i].color, kinds[i].name, count_text(kinds[i].rows));
        at += bars[i];
    }
    text += "</svg>\n<div class=\"scroll\"><table>\n";
    for (const Kind& kind : kinds) {
        if (kind.rows == 0 && kind.color == "soft") continue;
        text += fmt::format("<tr><td style=\"color:var(--{})\">&#9632; {}</td><td class=\"n\">{}</td><td "
                            "class=\"n soft\">{}</td></tr>\n",
                            kind.color, kind.name, count_text(kind.rows), percent_of(kind.rows, all));
    }
    if (report.duplicates.keys > 0) {
        text += fmt::format("<tr><td class=\"wrap soft\" colspan=\"3\">Not compared: {} rows in OLD and {} "
                            "in NEW, of keys that one of "
                            "them has more than once ({}).</td></tr>\n",
                            count_text(report.duplicates.rows_old), count_text(report.duplicates.rows_new),
                            count_text(report.duplicates.keys));
    }
    return text + "</table></div>\n";
}

std::string columns_html(const DiffReport& report) {
    std::string rows;
    std::string equal;
    for (const DiffColumn& column : report.columns) {
        const auto& found = column.differences;
        if (!column.differs()) {
            equal += (equal.empty() ? "" : ", ") + escaped(column.column.name);
            continue;
        }
        rows += fmt::format(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td>"
            "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
            escaped(column.column.name), count_text(found.rows), count_text(found.rows_within_tolerance),
            diffing::tolerance_text(column.tolerance), diffing::size_text(found.absolute_max),
            diffing::size_text(found.relative_max), count_text(found.rows_unmeasured + found.rows_infinite));
    }
    std::string text = "<h2>Columns</h2>\n";
    if (!rows.empty()) {
        text += "<div class=\"scroll\"><table>\n<tr><th>column</th><th class=\"n\">rows that differ</th><th "
                "class=\"n\">within tolerance"
                "</th><th>tolerance</th><th class=\"n\">largest</th><th class=\"n\">largest relative</th><th "
                "class=\"n\">no "
                "distance</th></tr>\n" +
                rows + "</table></div>\n";
    }
    if (!equal.empty()) text += fmt::format("<p class=\"soft\">Without a difference: {}</p>\n", equal);
    for (const auto* side : {&report.before, &report.now}) {
        for (const std::string& column : side->columns_alone)
            text += fmt::format("<p>Column <b>{}</b> is only in {}</p>\n", escaped(column),
                                escaped(side->path.string()));
    }
    return text;
}

/// Bars by power of ten.
std::string histogram_svg(std::string_view title, const comparing::DecadeHistogram& histogram) {
    if (histogram.counts().empty()) return {};
    constexpr int row_height = 20;
    constexpr int top = 24;
    std::uint64_t most = 0;
    for (const auto& [decade, count] : histogram.counts()) most = std::max(most, count);
    const auto height = static_cast<std::size_t>(top) + row_height * histogram.counts().size();
    std::string text = fmt::format("<svg viewBox=\"0 0 320 {}\" role=\"img\" aria-label=\"{}\"><text x=\"0\" "
                                   "y=\"14\" font-weight=\"600\">{}"
                                   "</text>",
                                   height, escaped(title), escaped(title));
    int y = top;
    for (const auto& [decade, count] : histogram.counts()) {
        const double width = std::max(1.0, 160.0 * static_cast<double>(count) / static_cast<double>(most));
        text += fmt::format("<text class=\"soft\" x=\"52\" y=\"{0}\" text-anchor=\"end\">1e{1}</text><rect "
                            "x=\"60\" y=\"{2}\" width=\"{3:.1f}\" "
                            "height=\"14\" fill=\"var(--changed)\"/><text x=\"{4:.1f}\" y=\"{0}\">{5}</text>",
                            y + 12, decade, y + 1, width, 66 + width, count_text(count));
        y += row_height;
    }
    return text + "</svg>\n";
}

std::string histograms_html(const DiffReport& report) {
    std::string charts;
    for (const DiffColumn& column : report.columns) {
        charts += histogram_svg(column.column.name + ": difference", column.differences.absolute);
        charts += histogram_svg(column.column.name + ": relative difference", column.differences.relative);
    }
    if (charts.empty()) return {};
    return "<h2>How large the differences are</h2>\n<p class=\"soft\">Rows by size: from this power of ten "
           "to the next.</p>\n<div "
           "class=\"charts\">\n" +
           charts + "</div>\n";
}

/// How many of the rows of an outcome have the values, against how many of all others are of the outcome.
std::string finding_html(const comparing::Finding& finding) {
    const auto bar = [](double share, int y, std::string_view color) {
        return fmt::format("<rect x=\"0\" y=\"{0}\" width=\"200\" height=\"8\" fill=\"var(--line)\"/><rect "
                           "x=\"0\" y=\"{0}\" "
                           "width=\"{1:.1f}\" height=\"8\" fill=\"var(--{2})\"/>",
                           y, 200 * share, color);
    };
    return fmt::format("<div class=\"finding\"><svg viewBox=\"0 0 200 30\" width=\"200\" role=\"img\" "
                       "aria-label=\"explained, "
                       "pure\">{}{}</svg><div>{}</div></div>\n",
                       bar(finding.explained(), 4, "changed"), bar(finding.purity(), 18, "new"),
                       escaped(diffing::finding_text(finding)));
}

std::string findings_html(const DiffReport& report) {
    std::string text;
    for (const Outcome outcome : {Outcome::changed, Outcome::only_old, Outcome::only_new}) {
        std::string rows;
        for (const comparing::Finding& finding : report.findings) {
            if (finding.outcome == outcome) rows += finding_html(finding);
        }
        if (rows.empty()) continue;
        text += fmt::format("<h2>What the {} have in common</h2>\n<p class=\"soft\">Upper bar: how many of "
                            "them have it. Lower bar: how "
                            "many of the rows that have it are among them.</p>\n{}",
                            diffing::outcome_text(outcome), rows);
    }
    return text;
}

std::string inputs_html(const DiffReport& report) {
    if (!report.jobs_compared) return {};
    if (report.inputs.empty())
        return "<h2>What they were made of</h2>\n<p>The same inputs, with the same model and version.</p>\n";
    std::string rows;
    for (const InputDifference& input : report.inputs) {
        rows += fmt::format("<tr><td>{}</td><td class=\"wrap\"><del>{}</del></td><td "
                            "class=\"wrap\"><ins>{}</ins></td></tr>\n",
                            escaped(input.name), escaped(input.before), escaped(input.now));
    }
    return "<h2>What they were made of</h2>\n<div "
           "class=\"scroll\"><table>\n<tr><th></th><th>OLD</th><th>NEW</th></tr>\n" +
           rows + "</table></div>\n";
}

std::string cell_html(const Sample& sample, std::size_t column) {
    if (sample.before.empty()) return escaped(sample.now[column]);
    if (sample.now.empty() || sample.before[column] == sample.now[column])
        return escaped(sample.before[column]);
    const auto or_none = [](const std::string& text) {
        return text.empty() ? std::string("none") : escaped(text);
    };
    return fmt::format("<del>{}</del> &rarr; <ins>{}</ins>", or_none(sample.before[column]),
                       or_none(sample.now[column]));
}

std::string samples_table(const DiffReport& report, std::string_view which,
                          const std::vector<Sample>& samples) {
    if (samples.empty()) return {};
    const bool repeated = samples.front().rows_before > 1 || samples.front().rows_now > 1;
    std::string text = fmt::format("<h3>{}</h3>\n<div class=\"scroll\"><table>\n<tr>", which);
    for (const auto& key : report.key) text += fmt::format("<th>{}</th>", escaped(key.name));
    if (repeated) text += "<th class=\"n\">rows in OLD</th><th class=\"n\">rows in NEW</th>";
    for (const DiffColumn& column : report.columns)
        text += fmt::format("<th>{}</th>", escaped(column.column.name));
    text += "</tr>\n";
    for (const Sample& sample : samples) {
        text += "<tr>";
        for (const std::string& key : sample.key_texts) text += fmt::format("<td>{}</td>", escaped(key));
        if (repeated)
            text += fmt::format("<td class=\"n\">{}</td><td class=\"n\">{}</td>", sample.rows_before,
                                sample.rows_now);
        for (std::size_t i = 0; i < report.columns.size(); ++i)
            text += fmt::format("<td>{}</td>", cell_html(sample, i));
        text += "</tr>\n";
    }
    return text + "</table></div>\n";
}

std::string samples_html(const DiffReport& report, std::string_view what, const comparing::Samples& samples) {
    if (samples.first().empty()) return {};
    return fmt::format("<details><summary>{}</summary>\n{}{}</details>\n", escaped(what),
                       samples_table(report, "The worst", samples.worst()),
                       samples_table(report, "The first", samples.first()));
}

std::string all_samples_html(const DiffReport& report) {
    std::string text;
    for (const DiffColumn& column : report.columns)
        text += samples_html(report, column.column.name + " changed", column.samples);
    text += samples_html(report, "rows only in OLD", report.only_old);
    text += samples_html(report, "rows only in NEW", report.only_new);
    text += samples_html(report, "keys more than once", report.duplicate_keys);
    if (text.empty()) return text;
    // The first ones are shown without a click.
    constexpr std::string_view closed = "<details>";
    return "<h2>Samples</h2>\n<details open>" + text.substr(closed.size());
}

std::string body_html(const DiffReport& report) {
    std::string text = "<div class=\"scroll\"><table>\n" + side_html("OLD", report.before) +
                       side_html("NEW", report.now) + "</table></div>\n";
    text += rows_html(report) + columns_html(report) + findings_html(report) + inputs_html(report) +
            histograms_html(report) + all_samples_html(report);
    return text;
}

std::string page(std::string_view title, const std::string& body) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, "
        "initial-scale=1\">\n<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
        "<h1>ipscore diff</h1>\n{2}</body>\n</html>\n",
        escaped(title), style, body);
}

} // namespace

std::string diff_html(const DiffReport& report) {
    const std::string verdict = diffing::verdict_text(report);
    return page(verdict, verdict_html(report.same(), verdict) + body_html(report));
}

std::string diff_html(const std::vector<DiffDay>& days) {
    const std::string verdict = diffing::verdict_text(days);
    const bool same = std::ranges::all_of(days, &DiffDay::same);
    std::string body = verdict_html(same, verdict) + "<h2>Days</h2>\n";
    for (const DiffDay& day : days) {
        body += fmt::format("<details><summary class=\"{}\">{}: {}</summary>\n", day.same() ? "good" : "bad",
                            day.date, escaped(diffing::day_text(day)));
        if (day.missing.empty() && day.failure.empty()) body += body_html(day.report);
        body += "</details>\n";
    }
    return page(verdict, body);
}

} // namespace ipscore::stages
