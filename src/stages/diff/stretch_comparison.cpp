#include "comparisons.hpp"
#include "ipscore/stages/rank_work.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace ipscore::stages::diffing {

namespace {

using comparing::Differences;
using comparing::Terms;

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

} // namespace

StretchResult compare_stretches(mpi::World& world, const Sides& sides, const Terms& terms, int threads,
                                const StopFlag& stop, RunMonitor& monitor) {
    StretchComparison comparison(world, sides, terms, threads, stop, monitor);
    Differences found = comparison.run();
    return {std::move(found), comparison.parts_skipped()};
}

} // namespace ipscore::stages::diffing
