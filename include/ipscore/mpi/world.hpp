// The ranks of this job. Without a launcher there is one rank, and MPI is never started.
#pragma once

#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace ipscore::mpi {

/// A failure that all ranks agreed on and throw alike: each leaves normally, and rank 0 alone prints it.
struct AgreedError : Error {
    using Error::Error;
};

/// A few numbers between the main threads of two ranks.
struct Mail {
    int rank = 0; ///< the other end
    int kind = 0; ///< 0 to World::stop_mail_kind
    std::array<std::uint64_t, 4> values{};
};

/// True when mpirun or srun with PMIx started this process. Throws InputError when srun did without PMIx,
/// where every task would believe itself alone.
[[nodiscard]] bool launched_under_mpi();

/// MPI_COMM_WORLD, from start to end. One object a process, on its main thread, which alone may call it
/// (MPI_THREAD_FUNNELED). Calls are checked: a failure throws EnvironmentError.
class World {
public:
    /// Starts MPI when there is a launcher.
    World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    /// Ends MPI, except while an exception unwinds: then other ranks may be inside a collective, and only
    /// abort() ends the job.
    ~World();

    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }
    /// Ranks on this machine; 1 without a launcher.
    [[nodiscard]] int ranks_on_node() const noexcept { return ranks_on_node_; }
    [[nodiscard]] bool is_root() const noexcept { return rank_ == 0; }

    /// Rank 0's value on all ranks. All ranks must call. Sizes beyond 2^31 are sent in pieces.
    void broadcast_text(std::string& text);
    void broadcast(std::uint64_t& value);
    /// A vector of plain values.
    template <class T>
    void broadcast_values(std::vector<T>& values);

    /// One text per rank, on rank 0, in order of ranks; empty elsewhere. All ranks must call.
    [[nodiscard]] std::vector<std::string> gather_texts(const std::string& text);
    /// The sums over all ranks, value by value, on rank 0; elsewhere the values stay. As many on each rank.
    /// All ranks must call.
    void sum_on_root(std::vector<std::uint64_t>& values);
    /// All ranks must call.
    void barrier();

    /// Sends without waiting for the receiver. Never to oneself.
    void send(const Mail& mail);
    /// A message that has arrived, from any rank; returns at once.
    [[nodiscard]] std::optional<Mail> poll();

    /// Of counts for each rank, those that the ranks have for this one, in order of ranks. All ranks must
    /// call.
    [[nodiscard]] std::vector<std::uint64_t> exchange_counts(const std::vector<std::uint64_t>& counts);
    /// What the other ranks have for this one, in any order. `pieces[rank]`: spans of plain values for that
    /// rank; those for this one stay where they are. All ranks must call.
    template <class T>
    [[nodiscard]] std::vector<std::vector<T>>
    exchange_pieces(const std::vector<std::vector<std::span<const T>>>& pieces);
    /// The pieces of all ranks, vectors of plain values, on rank 0, in order of ranks; elsewhere none. All
    /// ranks must call.
    template <class T>
    [[nodiscard]] std::vector<std::vector<T>> gather_pieces(std::vector<std::vector<T>> pieces);

    /// The smallest of the ranks' values, on all ranks. All ranks must call.
    [[nodiscard]] std::uint64_t smallest(std::uint64_t value);

    /// For what every rank must decide alike: rank 0 runs `check`, and when it throws an Error, all ranks
    /// throw the same. `check` runs on a thread of its own and must not call MPI: the main threads listen
    /// meanwhile, so that a rank that is asked to stop can ask rank 0, whose `stop` is requested then. All
    /// ranks must call.
    void root_decides(StopFlag& stop, const std::function<void()>& check);
    /// The same for what takes no time.
    void root_decides(const std::function<void()>& check);

    /// Mail by which a rank asks rank 0 to stop; may arrive at any later time.
    static constexpr int stop_mail_kind = 1000;

    /// Ends all ranks at once with that exit code. Without MPI, ends the process.
    [[noreturn]] void abort(ExitCode code) noexcept;

private:
    void broadcast_raw(void* data, std::uint64_t bytes);
    /// The counts of all ranks on rank 0; empty elsewhere.
    [[nodiscard]] std::vector<std::uint64_t> gather_counts(std::uint64_t count);
    struct Outgoing {
        int rank = 0;
        const void* values = nullptr;
        std::uint64_t count = 0;
    };
    static constexpr int any_rank = -1;
    /// Sends pieces of values of that size, and receives so many from a rank or from any, each to where
    /// `room_for(count)` says. Those of one rank arrive in order.
    void pass_pieces(const std::vector<Outgoing>& outgoing, int from, std::uint64_t incoming,
                     std::size_t value_bytes, const std::function<void*(std::uint64_t)>& room_for);
    void share_verdict(ExitCode code, std::string message);
    /// To the other ranks, which await_decision(): a non-blocking broadcast, which matches no other kind.
    void announce_decision();
    void await_decision(const StopFlag& stop);
    bool started_ = false;
    int rank_ = 0;
    int size_ = 1;
    int ranks_on_node_ = 1;
};

template <class T>
std::vector<std::vector<T>>
World::exchange_pieces(const std::vector<std::vector<std::span<const T>>>& pieces) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (size_ == 1) return {};
    std::vector<Outgoing> outgoing;
    std::vector<std::uint64_t> counts(pieces.size());
    for (std::size_t rank = 0; rank < pieces.size(); ++rank) {
        if (static_cast<int>(rank) == rank_) continue;
        counts[rank] = pieces[rank].size();
        for (const auto& piece : pieces[rank])
            outgoing.push_back({static_cast<int>(rank), piece.data(), piece.size()});
    }
    const std::vector<std::uint64_t> incoming = exchange_counts(counts);
    std::vector<std::vector<T>> received;
    pass_pieces(outgoing, any_rank, std::reduce(incoming.begin(), incoming.end()), sizeof(T),
                [&](std::uint64_t count) { return received.emplace_back(count).data(); });
    return received;
}

template <class T>
std::vector<std::vector<T>> World::gather_pieces(std::vector<std::vector<T>> pieces) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (size_ == 1) return pieces;
    const std::vector<std::uint64_t> counts = gather_counts(pieces.size());
    barrier(); // rank 0 would take what comes before it for mail
    if (!is_root()) {
        std::vector<Outgoing> outgoing;
        outgoing.reserve(pieces.size());
        for (const std::vector<T>& piece : pieces) outgoing.push_back({0, piece.data(), piece.size()});
        pass_pieces(outgoing, any_rank, 0, sizeof(T), {});
        return {};
    }
    for (int rank = 1; rank < size_; ++rank) {
        pass_pieces({}, rank, counts[static_cast<std::size_t>(rank)], sizeof(T),
                    [&](std::uint64_t count) { return pieces.emplace_back(count).data(); });
    }
    return pieces;
}

template <class T>
void World::broadcast_values(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::uint64_t count = values.size();
    broadcast(count);
    values.resize(count);
    broadcast_raw(values.data(), count * sizeof(T));
}

} // namespace ipscore::mpi
