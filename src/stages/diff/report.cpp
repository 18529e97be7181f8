#include "report.hpp"

#include "ipscore/stages/summary.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::stages::diffing {

using comparing::Outcome;

const char* outcome_name(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::equal:
        return "equal";
    case Outcome::changed:
        return "changed";
    case Outcome::only_old:
        return "only_old";
    case Outcome::only_new:
        return "only_new";
    }
    return "";
}

const char* outcome_text(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::equal:
        return "equal rows";
    case Outcome::changed:
        return "changed rows";
    case Outcome::only_old:
        return "rows only in OLD";
    case Outcome::only_new:
        return "rows only in NEW";
    }
    return "";
}

namespace {

/// What of a report is not the same, each in a few words.
std::vector<std::string> faults_of(const DiffReport& report) {
    std::vector<std::string> faults;
    const auto add = [&](std::uint64_t count, std::string_view what) {
        if (count > 0) faults.push_back(fmt::format("{} {}", count_text(count), what));
    };
    add(report.counts.of(Outcome::changed), "changed");
    add(report.counts.of(Outcome::only_old), "only in OLD");
    add(report.counts.of(Outcome::only_new), "only in NEW");
    add(report.duplicates.keys, report.duplicates.keys == 1 ? "key more than once" : "keys more than once");
    const auto add_columns = [&](const DiffSide& side, std::string_view where) {
        if (!side.columns_alone.empty())
            faults.push_back(
                fmt::format("columns only in {}: {}", where, fmt::join(side.columns_alone, ", ")));
    };
    add_columns(report.before, "OLD");
    add_columns(report.now, "NEW");
    return faults;
}

} // namespace

std::string verdict_text(const DiffReport& report) {
    if (report.same()) return fmt::format("the same: {} rows", count_text(report.counts.all()));
    return fmt::format("different: {} (of {} rows in OLD and {} in NEW)", fmt::join(faults_of(report), "; "),
                       count_text(report.before.rows), count_text(report.now.rows));
}

std::string verdict_text(const std::vector<DiffDay>& days) {
    const auto count = [&](auto is_one) { return std::ranges::count_if(days, is_one); };
    const auto same = count(&DiffDay::same);
    const auto failed = count([](const DiffDay& day) { return !day.failure.empty(); });
    const auto all = static_cast<std::ptrdiff_t>(days.size());
    if (same == all) return fmt::format("the same on all {} days", all);
    std::string text = fmt::format("different on {} of {} days", all - same - failed, all);
    if (failed > 0) text += fmt::format("; {} could not be compared", failed);
    return text;
}

std::string day_text(const DiffDay& day) {
    if (!day.failure.empty()) return fmt::format("not compared: {}", day.failure);
    return day.missing.empty() ? verdict_text(day.report) : fmt::format("missing in {}", day.missing);
}

std::string share_text(double share) {
    if (share == 0 || share == 1) return share == 0 ? "0 %" : "100 %";
    const double percent = 100 * share;
    for (int decimals = 1; decimals < 12; ++decimals) {
        std::string text = fmt::format("{:.{}f}", percent, decimals);
        if (text.find_first_not_of("0.") != std::string::npos && !text.starts_with("100")) return text + " %";
    }
    return percent < 50 ? "0 %" : "100 %";
}

std::string finding_text(const comparing::Finding& finding) {
    std::string values;
    for (std::size_t i = 0; i < finding.values.size(); ++i) {
        if (i > 0) values += i + 1 == finding.values.size() ? " or " : ", ";
        values += finding.values[i].empty() ? "none" : finding.values[i];
    }
    const char* of_others = finding.outcome == Outcome::changed    ? "of all others changed"
                            : finding.outcome == Outcome::only_old ? "of all others are only in OLD"
                                                                   : "of all others are only in NEW";
    return fmt::format("{} of the {} have {} {}; {} of the rows with {} are among them, {} {}",
                       share_text(finding.explained()), outcome_text(finding.outcome), finding.dimension,
                       values, share_text(finding.purity()),
                       finding.values.size() == 1 ? "it" : "one of these", share_text(finding.rest()),
                       of_others);
}

std::string size_text(double size) { return fmt::format("{:.4g}", size); }

std::string tolerance_text(const comparing::Tolerance& tolerance) {
    std::string text;
    if (tolerance.absolute > 0) text = "abs " + size_text(tolerance.absolute);
    if (tolerance.relative > 0) text += (text.empty() ? "rel " : " or rel ") + size_text(tolerance.relative);
    return text;
}

} // namespace ipscore::stages::diffing
