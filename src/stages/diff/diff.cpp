#include "ipscore/stages/diff.hpp"

#include "../look_for_stop.hpp"
#include "../memory_needs.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "jobs.hpp"
#include "row_sorter.hpp"
#include "side.hpp"
#include "terms.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <mutex>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace ipscore::stages {

namespace {

using comparing::Differences;
using comparing::Outcome;
using comparing::Terms;
using diffing::Side;
using diffing::Stretch;

/// Values of one dimension in a finding, and findings of one outcome.
constexpr std::size_t finding_values_max = 8;
constexpr std::size_t findings_max = 6;
/// What explains less than this share of what the strongest finding explains only distracts from it.
constexpr double finding_strength_min = 0.1;

struct Sides {
    std::unique_ptr<Side> before;
    std::unique_ptr<Side> now;
};

Sides open_sides(const diffing::SideArgs& with) {
    const DiffArgs& args = with.args;
    const bool text_before = diffing::is_text(args.before);
    const bool text_now = diffing::is_text(args.now);
    if (!args.key.empty() && !(text_before && text_now)) {
        throw InputError(fmt::format("--key is for two CSV files; {} says itself what its rows are",
                                     (text_before ? args.now : args.before).string()));
    }
    Sides sides;
    if (!text_before) sides.before = diffing::open_result(args.before, with);
    if (!text_now) sides.now = diffing::open_result(args.now, with);
    if (text_before) sides.before = diffing::open_text(args.before, sides.now.get(), with);
    if (text_now) sides.now = diffing::open_text(args.now, sides.before.get(), with);
    return sides;
}

/// One Differences for each thread that needs one at a time.
class FoundPool {
public:
    explicit FoundPool(const Terms& terms) : terms_(terms) {}

    [[nodiscard]] std::unique_ptr<Differences> take() {
        const std::scoped_lock lock(mutex_);
        if (free_.empty()) return std::make_unique<Differences>(terms_);
        auto found = std::move(free_.back());
        free_.pop_back();
        return found;
    }
    void give_back(std::unique_ptr<Differences> found) {
        const std::scoped_lock lock(mutex_);
        free_.push_back(std::move(found));
    }
    /// When nobody has one any more.
    void add_all_to(Differences& found) const {
        for (const auto& part : free_) found.add(*part);
    }

private:
    const Terms& terms_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Differences>> free_;
};

/// Counts the rows of what is the same on both sides.
void count_equal(comparing::RowSource& rows, const Terms& terms, Differences& found, const StopFlag& halt) {
    comparing::RowBlock block(terms.schema);
    while (rows.next(block)) {
        if (halt.requested()) return;
        for (std::size_t row = 0; row < block.size(); ++row) found.pair({&block, row}, {&block, row});
    }
    found.end_stretch();
}

/// Rows that end early when `halt` is requested: the comparison is thrown away then.
class StoppableRows final : public comparing::RowSource {
public:
    StoppableRows(std::unique_ptr<comparing::RowSource> rows, const StopFlag& halt, WorkCounters& counters)
        : rows_(std::move(rows)), halt_(halt), counters_(counters) {}
    bool next(comparing::RowBlock& block) override {
        if (halt_.requested() || !rows_->next(block)) return false;
        counters_.rows += block.size();
        return true;
    }

private:
    std::unique_ptr<comparing::RowSource> rows_;
    const StopFlag& halt_;
    WorkCounters& counters_;
};

/// Two results of this program, stretch by stretch on all ranks.
class StretchComparison {
public:
    StretchComparison(mpi::World& world, const Sides& sides, const Terms& terms, int threads,
                      const StopFlag& stop, RunMonitor& monitor)
        : world_(world), sides_(sides), terms_(terms), threads_(threads), stop_(stop), monitor_(monitor) {
        cut();
    }

    /// Returns what all ranks found, on rank 0. All ranks must call.
    Differences run() {
        monitor_.begin_phase("compare");
        FoundPool pool(terms_);
        work_on(
            differing_, pool,
            [&](const Stretch& stretch, const StopFlag& halt, WorkCounters& counters, Differences& found) {
                if (sides_.before->compare_shortly(*sides_.now, stretch, terms_, halt, found)) return;
                StoppableRows before(sides_.before->open(terms_.schema, stretch), halt, counters);
                StoppableRows now(sides_.now->open(terms_.schema, stretch), halt, counters);
                comparing::compare_rows(before, now, terms_.schema, found);
            });
        Differences found(terms_);
        pool.add_all_to(found);
        // How rare a difference is elsewhere is asked only where there is one.
        const bool any = world_.smallest(found.any() ? 0 : 1) == 0;
        if (any) {
            FoundPool equal(terms_);
            work_on(same_, equal,
                    [&](const Stretch& stretch, const StopFlag& halt, WorkCounters& counters,
                        Differences& counted) {
                        StoppableRows rows(sides_.now->open(terms_.schema, stretch), halt, counters);
                        count_equal(rows, terms_, counted, halt);
                    });
            equal.add_all_to(found);
        } else if (world_.is_root()) {
            found.add_equal(same_rows_);
        }
        gather(found);
        return found;
    }

    [[nodiscard]] std::uint64_t parts_skipped() const noexcept { return same_.size(); }

private:
    void cut() {
        // By the side with more parts, so that as many as can be work.
        auto cuts = sides_.before->cuts();
        if (auto other = sides_.now->cuts(); other.size() > cuts.size()) cuts = std::move(other);
        if (cuts.empty()) cuts.push_back(lowest_address);
        cuts.front() = lowest_address;
        const bool same_names = sides_.before->names_hash() == sides_.now->names_hash();
        for (std::size_t i = 0; i < cuts.size(); ++i) {
            const bool is_last = i + 1 == cuts.size();
            const Stretch stretch{cuts[i], is_last ? highest_address : address_before(cuts[i + 1])};
            const auto before = sides_.before->whole_part(stretch);
            const auto now = sides_.now->whole_part(stretch);
            if (same_names && before && now && before->checksum == now->checksum &&
                before->rows == now->rows) {
                same_.push_back(stretch);
                same_rows_ += now->rows;
            } else {
                differing_.push_back(stretch);
            }
        }
    }

    template <class Compare>
    void work_on(const std::vector<Stretch>& stretches, FoundPool& pool, Compare compare) {
        std::vector<Claim> claims;
        for (std::size_t i = 0; i < stretches.size(); ++i) claims.push_back({i, 1});
        const ClaimedWork what{.parts = stretches.size(), .threads = threads_};
        work_on_claims(world_, claims, what, stop_, monitor_,
                       [&](const Claim& claim, const StopFlag& halt, WorkCounters& counters) {
                           auto found = pool.take();
                           compare(stretches[claim.first_part], halt, counters, *found);
                           ++counters.parts;
                           pool.give_back(std::move(found));
                       });
    }

    /// Adds up what the ranks found, on rank 0.
    void gather(Differences& found) {
        if (world_.size() == 1) return;
        auto companies = found.company_counts(terms_.names->size());
        world_.sum_on_root(companies);
        const auto packed = world_.gather_texts(world_.is_root() ? std::string() : found.packed());
        for (std::size_t rank = 1; rank < packed.size(); ++rank) found.add_packed(packed[rank]);
        found.set_company_counts(companies);
    }

    mpi::World& world_;
    const Sides& sides_;
    const Terms& terms_;
    int threads_;
    const StopFlag& stop_;
    RunMonitor& monitor_;
    std::vector<Stretch> differing_;
    std::vector<Stretch> same_; ///< by their checksums
    std::uint64_t same_rows_ = 0;
};

/// Where text is on a side: it is read front to back, by rank 0 with all its threads.
class TextComparison {
public:
    TextComparison(const Sides& sides, const Terms& terms, std::uint64_t sort_bytes, const StopFlag& stop,
                   RunLog& log)
        : sides_(sides), terms_(terms), sort_bytes_(sort_bytes), stop_(stop), log_(log) {}

    Differences run() {
        for (;;) {
            try {
                Differences found(terms_);
                const auto before = rows_of(*sides_.before);
                const auto now = rows_of(*sides_.now);
                comparing::compare_rows(*before, *now, terms_.schema, found);
                return found;
            } catch (const diffing::NotInOrder& text) {
                log_.info(fmt::format("{}: is not in order of its keys, and is sorted first",
                                      text.side->path().string()));
                sort(*text.side);
            }
        }
    }

private:
    /// A sorter is used again; all others are made for one comparison.
    class SortedAgain final : public comparing::RowSource {
    public:
        explicit SortedAgain(diffing::RowSorter& sorter) : sorter_(sorter) { sorter_.sort(); }
        bool next(comparing::RowBlock& block) override { return sorter_.next(block); }

    private:
        diffing::RowSorter& sorter_;
    };

    std::unique_ptr<comparing::RowSource> rows_of(Side& side) {
        const auto sorted = sorted_.find(&side);
        if (sorted != sorted_.end()) return std::make_unique<SortedAgain>(*sorted->second);
        return side.open(terms_.schema, {});
    }

    void sort(const Side& side) {
        Side& text = &side == sides_.before.get() ? *sides_.before : *sides_.now;
        auto sorter = std::make_unique<diffing::RowSorter>(terms_.schema, sort_bytes_,
                                                           std::filesystem::temp_directory_path(), stop_);
        const auto rows = text.open_unsorted(terms_.schema);
        for (;;) {
            comparing::RowBlock block(terms_.schema);
            if (!rows->next(block)) break;
            sorter->add(std::move(block));
        }
        sorted_[&text] = std::move(sorter);
    }

    const Sides& sides_;
    const Terms& terms_;
    std::uint64_t sort_bytes_;
    const StopFlag& stop_;
    RunLog& log_;
    std::map<const Side*, std::unique_ptr<diffing::RowSorter>> sorted_;
};

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
    const std::uint64_t names_bytes = budget.left_bytes() / 4;
    budget.need("names", names_bytes);
    comparing::NameTable names(names_bytes);
    const std::uint64_t block_bytes = memory::text_block_bytes(mebibyte);
    const std::size_t blocks = std::clamp<std::uint64_t>(budget.left_bytes() / 4 / block_bytes, 1,
                                                         static_cast<std::uint64_t>(threads) + 2);
    const diffing::SideArgs with{args, names, stop, blocks};

    DiffReport report;
    Sides sides;
    std::uint64_t in_stretches = 0;
    world.root_decides(stop, [&] {
        sides = open_sides(with);
        const bool text = diffing::is_text(args.before) || diffing::is_text(args.now);
        in_stretches = !text && !args.companies ? 1 : 0;
        if (auto jobs = diffing::compare_jobs(args.before, args.now)) {
            report.jobs_compared = true;
            report.inputs = std::move(*jobs);
        }
        (void)agree_on_terms(*sides.before, *sides.now, args, names, report);
    });
    world.broadcast(in_stretches);
    if (!world.is_root() && in_stretches != 0) sides = open_sides(with);
    Terms terms;
    if (sides.before) terms = agree_on_terms(*sides.before, *sides.now, args, names, report);

    if (in_stretches != 0) {
        threads = budget.workers(threads, 2 * memory::score_worker_bytes +
                                              names.size() * sizeof(comparing::OutcomeCounts) * 2);
        StretchComparison comparison(world, sides, terms, threads, stop, monitor);
        const Differences found = comparison.run();
        report.parts_skipped = comparison.parts_skipped();
        if (world.is_root()) fill(report, terms, found);
    } else {
        budget.need("blocks of text", 2 * blocks * block_bytes);
        budget.check();
        const std::uint64_t sort_bytes = args.sort_bytes > 0 ? args.sort_bytes : budget.left_bytes() / 2;
        monitor.begin_phase("compare");
        world.root_decides(stop, [&] {
            const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                                  static_cast<std::size_t>(threads) + 1);
            tbb::task_arena arena(threads);
            arena.execute([&] {
                TextComparison comparison(sides, terms, sort_bytes, stop, monitor.log());
                fill(report, terms, comparison.run());
            });
        });
    }
    monitor.end_phases();
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return report;
}

} // namespace ipscore::stages
