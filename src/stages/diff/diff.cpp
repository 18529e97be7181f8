#include "ipscore/stages/diff.hpp"

#include "../memory_needs.hpp"
#include "comparisons.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/on_threads.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "jobs.hpp"
#include "row_sorter.hpp"
#include "side.hpp"
#include "terms.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <memory>

namespace ipscore::stages {

namespace {

using comparing::Differences;
using comparing::Outcome;
using comparing::Terms;
using diffing::Sides;

/// Values of one dimension in a finding, and findings of one outcome.
constexpr std::size_t finding_values_max = 8;
constexpr std::size_t findings_max = 6;
/// What explains less than this share of what the strongest finding explains only distracts from it.
constexpr double finding_strength_min = 0.1;

Sides open_sides(const diffing::SideArgs& with) {
    const DiffArgs& args = with.args;
    const bool text_before = diffing::is_text(args.before);
    const bool text_now = diffing::is_text(args.now);
    if (!args.key.empty() && !(text_before && text_now)) {
        throw InputError(fmt::format("--key is for two CSV files; {} says itself what its rows are",
                                     (text_before ? args.now : args.before).string()));
    }
    Sides sides;
    sides.with_text = text_before || text_now;
    if (!text_before) sides.before = diffing::open_result(args.before, with);
    if (!text_now) sides.now = diffing::open_result(args.now, with);
    if (text_before) sides.before = diffing::open_text(args.before, sides.now.get(), with);
    if (text_now) sides.now = diffing::open_text(args.now, sides.before.get(), with);
    return sides;
}

/// What both sides hold, with room for the longer one once more while it is read.
std::uint64_t held_bytes(const Sides& sides, const comparing::NameTable& names) {
    const std::uint64_t before = sides.before->held_bytes();
    const std::uint64_t now = sides.now->held_bytes();
    return before + now + std::max(before, now) + names.bytes();
}

/// What compares stretches on one thread: a part of each side, and the outcomes by name, while they grow.
std::uint64_t worker_bytes(const comparing::NameTable& names) {
    return 2 * memory::score_worker_bytes + 2 * names.size() * sizeof(comparing::OutcomeCounts);
}

/// Divides what is left of the budget among two texts: blocks that are worked on, names, and what is
/// returned, of each text that has to be sorted. Throws InputError when it is too little.
std::uint64_t share_out(MemoryBudget& budget, int threads, diffing::SideArgs& with) {
    constexpr std::uint64_t sides = 2;
    constexpr std::uint64_t names_bytes_min = mebibyte;
    budget.need("blocks of text", sides * (memory::text_reader_bytes + (1 + diffing::text_blocks_compared) *
                                                                           diffing::text_block_memory_bytes));
    budget.need("sorting", sides * diffing::RowSorter::bytes_min);
    budget.need("names", names_bytes_min);
    budget.check();
    const std::uint64_t left = budget.left_bytes();
    with.names.allow_more(names_bytes_min + left / 4);
    with.blocks = 1 + std::min<std::uint64_t>(left / 4 / sides / diffing::text_block_memory_bytes,
                                              static_cast<std::uint64_t>(threads) + 1);
    return diffing::RowSorter::bytes_min + left / 4 / sides;
}

void add_findings(const Differences& found, const comparing::NameTable& names, DiffReport& report) {
    if (found.counts().different() == 0) return;
    const auto dimensions = found.dimensions().outcomes(names);
    for (const Outcome outcome : {Outcome::changed, Outcome::only_old, Outcome::only_new}) {
        auto findings = comparing::find_common(outcome, dimensions, found.counts(), finding_values_max);
        if (findings.size() > findings_max) findings.resize(findings_max);
        std::erase_if(findings,
                      [strongest = findings.empty() ? 0 : findings.front().strength](const auto& finding) {
                          return finding.strength < finding_strength_min * strongest;
                      });
        std::ranges::move(findings, std::back_inserter(report.findings));
    }
}

void fill(DiffReport& report, const Terms& terms, const Differences& found) {
    report.key = terms.schema.key;
    for (std::size_t column = 0; column < terms.schema.values.size(); ++column) {
        report.columns.push_back({terms.schema.values[column], terms.tolerances[column],
                                  found.columns()[column], found.column_samples()[column]});
    }
    report.counts = found.counts();
    report.duplicates = found.duplicates();
    report.only_old = found.only_old_samples();
    report.only_new = found.only_new_samples();
    report.duplicate_keys = found.duplicate_samples();
    report.before.rows = report.rows_before();
    report.now.rows = report.rows_now();
    add_findings(found, *terms.names, report);
}

} // namespace

bool DiffReport::same() const noexcept {
    return counts.different() == 0 && duplicates.keys == 0 && before.columns_alone.empty() &&
           now.columns_alone.empty();
}

std::uint64_t DiffReport::rows_before() const noexcept {
    return counts.all() - counts.of(Outcome::only_new) + duplicates.rows_old;
}

std::uint64_t DiffReport::rows_now() const noexcept {
    return counts.all() - counts.of(Outcome::only_old) + duplicates.rows_new;
}

DiffReport diff(mpi::World& world, const DiffArgs& args, StopFlag& stop, RunMonitor& monitor) {
    const auto began = std::chrono::steady_clock::now();
    monitor.begin_phase("check");
    MemoryBudget budget = memory_budget(world, args.memory_bytes);
    int threads = args.threads > 0 ? args.threads : default_threads(world.ranks_on_node());
    comparing::NameTable names;
    diffing::SideArgs with{args, names, stop};

    DiffReport report;
    Sides sides;
    Terms terms;
    std::uint64_t in_stretches = 0;
    std::uint64_t sort_bytes = 0;
    world.root_decides(stop, [&] {
        sides = open_sides(with);
        in_stretches = !sides.with_text && !args.companies ? 1 : 0;
        budget.need("what names the rows", held_bytes(sides, names));
        if (in_stretches != 0) {
            budget.need("a thread", worker_bytes(names));
            budget.check();
            budget.release("a thread");
        } else {
            sort_bytes = share_out(budget, threads, with);
        }
        if (auto jobs = diffing::compare_jobs(args.before, args.now)) {
            report.jobs_compared = true;
            report.inputs = std::move(*jobs);
        }
        terms = agree_on_terms(*sides.before, *sides.now, args, names, report);
    });
    world.broadcast(in_stretches);
    if (!world.is_root() && in_stretches != 0) {
        sides = open_sides(with);
        budget.need("what names the rows", held_bytes(sides, names));
        terms = agree_on_terms(*sides.before, *sides.now, args, names, report);
    }

    if (in_stretches != 0) {
        threads = budget.workers(threads, worker_bytes(names));
        const auto result = diffing::compare_stretches(world, sides, terms, threads, stop, monitor);
        report.parts_skipped = result.parts_skipped;
        if (world.is_root()) fill(report, terms, result.found);
    } else {
        monitor.begin_phase("compare");
        world.root_decides(stop, [&] {
            on_threads(threads, [&] {
                fill(report, terms,
                     diffing::compare_texts(sides, terms, args.sort_bytes > 0 ? args.sort_bytes : sort_bytes,
                                            stop, monitor.log()));
            });
        });
    }
    monitor.end_phases();
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return report;
}

} // namespace ipscore::stages
