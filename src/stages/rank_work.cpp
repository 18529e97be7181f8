#include "ipscore/stages/rank_work.hpp"

#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/progress.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace ipscore::stages {

namespace {

using Clock = std::chrono::steady_clock;

/// Messages between main threads. Requests and reports go to rank 0, the others come from it.
enum class Kind : int {
    request,
    report,
    done,
    grant,
    no_more,
    stop,
    finish,
    stop_request = mpi::World::stop_mail_kind,
};

mpi::Mail mail_to(int rank, Kind kind, std::array<std::uint64_t, 4> values = {}) {
    return {.rank = rank, .kind = static_cast<int>(kind), .values = values};
}

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

/// The claims that this rank holds but has not begun, and the workers that wait for them.
class Desk {
public:
    /// Index of the next claim; nothing when there are no more.
    std::optional<std::uint64_t> take() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        main_.notify_one();
        workers_.wait(lock, [&] { return closed_ || !ready_.empty(); });
        --waiting_;
        if (closed_ && (ready_.empty() || dropped_)) return std::nullopt;
        const std::uint64_t claim = ready_.front();
        ready_.pop_front();
        return claim;
    }
    void put(std::uint64_t claim) {
        const std::lock_guard lock(mutex_);
        ready_.push_back(claim);
        workers_.notify_one();
    }
    /// No more will come; with `drop`, what is there is not begun either.
    void close(bool drop) {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        dropped_ = dropped_ || drop;
        workers_.notify_all();
    }
    void worker_left(std::exception_ptr failure, double busy_seconds, std::uint64_t claims) {
        const std::lock_guard lock(mutex_);
        if (failure && !failure_) failure_ = std::move(failure);
        busy_seconds_ += busy_seconds;
        claims_ += claims;
        ++left_;
        main_.notify_one();
    }

    struct State {
        std::size_t ready = 0;
        std::size_t waiting = 0;
        int left = 0;
        bool failed = false;
    };
    /// Waits until something happens, at most about a millisecond.
    State wait() {
        std::unique_lock lock(mutex_);
        main_.wait_for(lock, std::chrono::milliseconds(1));
        return {ready_.size(), waiting_, left_, failure_ != nullptr};
    }
    [[nodiscard]] std::exception_ptr failure() const { return failure_; }
    [[nodiscard]] double busy_seconds() const { return busy_seconds_; }
    [[nodiscard]] std::uint64_t claims() const { return claims_; }

private:
    std::mutex mutex_;
    std::condition_variable workers_;
    std::condition_variable main_;
    std::deque<std::uint64_t> ready_;
    std::size_t waiting_ = 0;
    int left_ = 0;
    bool closed_ = false;
    bool dropped_ = false;
    std::exception_ptr failure_;
    double busy_seconds_ = 0;
    std::uint64_t claims_ = 0;
};

/// The main thread's side: answers the other ranks, feeds the desk, watches for signals.
class Dispatcher {
public:
    Dispatcher(mpi::World& world, std::uint64_t claims, const ClaimedWork& what, const StopFlag& stop,
               StopFlag& halt, Desk& desk, const WorkCounters& counters, RunMonitor& monitor)
        : world_(world),
          claims_(claims),
          threads_(what.threads),
          stop_(stop),
          halt_(halt),
          desk_(desk),
          counters_(counters),
          progress_(monitor.phase(), what.parts, monitor.log()),
          reports_(static_cast<std::size_t>(world.size())) {}

    /// Until all ranks are done. Returns early when a worker of this rank has failed.
    void run() {
        while (!finished_) {
            while (const auto mail = world_.poll()) answer(*mail);
            const Desk::State state = desk_.wait();
            if (state.failed) return;
            if (stop_.requested()) ask_to_stop();
            feed(state);
            if (state.left == threads_) leave();
            report();
        }
    }
    [[nodiscard]] bool stopped() const noexcept { return stopping_; }

private:
    // One claim is fetched ahead, so that the way to rank 0 and back costs no time.
    static constexpr std::size_t fetch_ahead = 1;

    void feed(const Desk::State& state) {
        if (no_more_) return;
        const std::size_t wanted = state.waiting + fetch_ahead;
        for (std::size_t have = state.ready + asked_; have < wanted; ++have) {
            if (world_.is_root()) {
                if (next_claim_ == claims_ || stopping_) {
                    no_more_claims();
                    return;
                }
                desk_.put(next_claim_++);
            } else {
                world_.send(mail_to(0, Kind::request));
                ++asked_;
            }
        }
    }

    void answer(const mpi::Mail& mail) {
        switch (static_cast<Kind>(mail.kind)) {
        case Kind::request:
            if (next_claim_ == claims_ || stopping_) {
                world_.send(mail_to(mail.rank, Kind::no_more));
            } else {
                world_.send(mail_to(mail.rank, Kind::grant, {next_claim_++}));
            }
            break;
        case Kind::report:
            reports_[static_cast<std::size_t>(mail.rank)] = {mail.values[0], mail.values[1], mail.values[2]};
            break;
        case Kind::done:
            ++ranks_done_;
            break;
        case Kind::stop_request:
            ask_to_stop();
            break;
        case Kind::grant:
            --asked_;
            desk_.put(mail.values[0]);
            break;
        case Kind::no_more:
            --asked_;
            no_more_claims();
            break;
        case Kind::stop:
            stop_here();
            break;
        case Kind::finish:
            stopping_ = mail.values[0] != 0;
            finished_ = true;
            break;
        }
    }

    void no_more_claims() {
        // No grant can still be on its way: messages between two ranks keep their order.
        no_more_ = true;
        desk_.close(stopping_);
    }

    void ask_to_stop() {
        if (stop_asked_) return;
        stop_asked_ = true;
        if (!world_.is_root()) {
            world_.send(mail_to(0, Kind::stop_request));
            return;
        }
        for (int rank = 1; rank < world_.size(); ++rank) world_.send(mail_to(rank, Kind::stop));
        stop_here();
    }

    void stop_here() {
        stopping_ = true;
        halt_.request();
        desk_.close(true);
        no_more_ = true;
    }

    void leave() {
        if (!done_here_) {
            done_here_ = true;
            if (!world_.is_root()) world_.send(mail_to(0, Kind::done));
        }
        if (!world_.is_root() || ranks_done_ + 1 < world_.size()) return;
        for (int rank = 1; rank < world_.size(); ++rank) {
            world_.send(mail_to(rank, Kind::finish, {stopping_ ? std::uint64_t{1} : 0}));
        }
        finished_ = true;
    }

    void report() {
        reports_[static_cast<std::size_t>(world_.rank())] = {counters_.parts, counters_.rows,
                                                             counters_.bytes};
        if (!world_.is_root()) {
            constexpr std::chrono::milliseconds interval{200};
            if (done_here_ || Clock::now() - reported_ < interval) return;
            reported_ = Clock::now();
            const Done& done = reports_[static_cast<std::size_t>(world_.rank())];
            world_.send(mail_to(0, Kind::report, {done.units, done.rows, done.bytes}));
            return;
        }
        Done all;
        for (const Done& done : reports_) {
            all.units += done.units;
            all.rows += done.rows;
            all.bytes += done.bytes;
        }
        if (world_.is_root()) progress_.update(all);
    }

    mpi::World& world_;
    std::uint64_t claims_;
    int threads_;
    const StopFlag& stop_;
    StopFlag& halt_;
    Desk& desk_;
    const WorkCounters& counters_;
    Progress progress_;
    std::vector<Done> reports_; ///< by rank
    Clock::time_point reported_;
    std::uint64_t next_claim_ = 0; ///< on rank 0
    std::size_t asked_ = 0;        ///< requests without an answer yet
    int ranks_done_ = 0;           ///< on rank 0: of the others
    bool no_more_ = false;
    bool stop_asked_ = false;
    bool stopping_ = false;
    bool done_here_ = false;
    bool finished_ = false;
};

void work_until_closed(Desk& desk, const std::vector<Claim>& claims, StopFlag& halt, WorkCounters& counters,
                       const Work& work) {
    std::exception_ptr failure;
    double busy_seconds = 0;
    std::uint64_t done = 0;
    try {
        while (const auto claim = desk.take()) {
            const auto began = Clock::now();
            work(claims[*claim], halt, counters);
            busy_seconds += seconds_since(began);
            ++done;
        }
    } catch (...) {
        failure = std::current_exception();
        halt.request();
        desk.close(true);
    }
    desk.worker_left(std::move(failure), busy_seconds, done);
}

} // namespace

RankLoad work_on_claims(mpi::World& world, const std::vector<Claim>& claims, const ClaimedWork& what,
                        const StopFlag& stop, RunMonitor& monitor, const Work& work) {
    const auto began = Clock::now();
    const int threads = what.threads;
    Desk desk;
    StopFlag halt;
    WorkCounters& counters =
        monitor.begin_work(what.parts + what.parts_before, what.parts_before, threads, what.unit);
    Dispatcher dispatcher(world, claims.size(), what, stop, halt, desk, counters, monitor);
    // TBB starts no more threads than there are cores unless it is told to.
    const tbb::global_control parallelism(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(threads) + 1);
    tbb::task_arena arena(threads, 0);
    for (int thread = 0; thread < threads; ++thread) {
        arena.enqueue([&] { work_until_closed(desk, claims, halt, counters, work); });
    }
    std::exception_ptr main_failure;
    try {
        dispatcher.run();
    } catch (...) {
        main_failure = std::current_exception();
        halt.request();
        desk.close(true);
    }
    while (desk.wait().left < threads) {
    }
    monitor.end_work();
    if (desk.failure()) std::rethrow_exception(desk.failure());
    if (main_failure) std::rethrow_exception(main_failure);
    if (dispatcher.stopped()) {
        throw mpi::AgreedError(ExitCode::interrupted,
                               "stopped on request; run the same command again to resume");
    }
    give_back_freed_memory();
    return {.claims = desk.claims(),
            .parts = counters.parts,
            .rows = counters.rows,
            .spilled_runs = counters.spilled_runs,
            .busy_seconds = desk.busy_seconds(),
            .wall_seconds = seconds_since(began)};
}

int default_threads(int ranks_on_node) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    const int available = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return std::max(1, available / std::max(1, ranks_on_node));
}

} // namespace ipscore::stages
