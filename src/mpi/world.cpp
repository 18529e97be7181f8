#include "ipscore/mpi/world.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <limits>
#include <mpi.h>
#include <numeric>
#include <string_view>
#include <thread>
#include <utility>

namespace ipscore::mpi {

namespace {

constexpr int mail_tag_base = 1000;
constexpr int piece_tag = 1;

void check(int result, std::string_view call) {
    if (result == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = {};
    int length = 0;
    MPI_Error_string(result, text, &length);
    throw EnvironmentError(
        fmt::format("{} failed: {}", call, std::string_view(text, static_cast<std::size_t>(length))));
}

/// MPI counts in int.
int mpi_count(std::uint64_t count) {
    if (count > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
        throw EnvironmentError(fmt::format("a message of {} bytes is too large for MPI", count));
    }
    return static_cast<int>(count);
}

/// Counts and offsets as MPI takes them.
struct Layout {
    std::vector<int> counts;
    std::vector<int> offsets;

    explicit Layout(const std::vector<std::uint64_t>& of) {
        std::uint64_t offset = 0;
        for (const std::uint64_t count : of) {
            counts.push_back(mpi_count(count));
            offsets.push_back(mpi_count(offset));
            offset += count;
        }
        (void)mpi_count(offset);
    }
};

/// Values of so many bytes, in which messages are counted: of bytes there may be more than an int counts.
class ValueType {
public:
    explicit ValueType(std::size_t bytes) {
        check(MPI_Type_contiguous(mpi_count(bytes), MPI_BYTE, &type_), "MPI_Type_contiguous");
        check(MPI_Type_commit(&type_), "MPI_Type_commit");
    }
    ValueType(const ValueType&) = delete;
    ValueType& operator=(const ValueType&) = delete;
    ~ValueType() { MPI_Type_free(&type_); }
    [[nodiscard]] MPI_Datatype get() const noexcept { return type_; }

private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

long environment_number(const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::strtol(text, nullptr, 10);
}

} // namespace

bool launched_under_mpi() {
    if (std::getenv("PMIX_RANK") != nullptr || std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return true;
    if (environment_number("SLURM_STEP_NUM_TASKS") > 1) {
        throw InputError("srun started several tasks that do not know of each other; use srun --mpi=pmix");
    }
    return false;
}

World::World() {
    if (!launched_under_mpi()) return;
    int provided = MPI_THREAD_SINGLE;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    started_ = true;
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    if (provided < MPI_THREAD_FUNNELED)
        throw EnvironmentError("this MPI does not support MPI_THREAD_FUNNELED");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
    MPI_Comm node = MPI_COMM_NULL;
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
          "MPI_Comm_split_type");
    check(MPI_Comm_size(node, &ranks_on_node_), "MPI_Comm_size");
    check(MPI_Comm_free(&node), "MPI_Comm_free");
}

World::~World() {
    if (started_ && std::uncaught_exceptions() == 0) MPI_Finalize();
}

void World::broadcast_raw(void* data, std::uint64_t bytes) {
    if (size_ == 1) return;
    constexpr std::uint64_t piece_bytes = 1U << 30U;
    auto* at = static_cast<std::byte*>(data);
    for (std::uint64_t done = 0; done < bytes; done += piece_bytes) {
        check(
            MPI_Bcast(at + done, mpi_count(std::min(piece_bytes, bytes - done)), MPI_BYTE, 0, MPI_COMM_WORLD),
            "MPI_Bcast");
    }
}

void World::broadcast_text(std::string& text) {
    std::uint64_t bytes = text.size();
    broadcast(bytes);
    text.resize(bytes);
    broadcast_raw(text.data(), bytes);
}

void World::broadcast(std::uint64_t& value) { broadcast_raw(&value, sizeof value); }

std::vector<std::string> World::gather_texts(const std::string& text) {
    if (size_ == 1) return {text};
    const std::vector<std::uint64_t> sizes = gather_counts(text.size());
    const Layout from(sizes);
    std::string all(std::reduce(sizes.begin(), sizes.end()), '\0');
    check(MPI_Gatherv(text.data(), mpi_count(text.size()), MPI_CHAR, all.data(), from.counts.data(),
                      from.offsets.data(), MPI_CHAR, 0, MPI_COMM_WORLD),
          "MPI_Gatherv");
    std::vector<std::string> texts;
    std::size_t at = 0;
    for (const std::uint64_t size : sizes) {
        texts.push_back(all.substr(at, size));
        at += size;
    }
    return texts;
}

std::vector<std::uint64_t> World::gather_counts(std::uint64_t count) {
    std::vector<std::uint64_t> counts(is_root() ? static_cast<std::size_t>(size_) : 0);
    check(MPI_Gather(&count, 1, MPI_UINT64_T, counts.data(), 1, MPI_UINT64_T, 0, MPI_COMM_WORLD),
          "MPI_Gather");
    return counts;
}

void World::pass_pieces(const std::vector<Outgoing>& outgoing, int from, std::uint64_t incoming,
                        std::size_t value_bytes, const std::function<void*(std::uint64_t)>& room_for) {
    const ValueType value(value_bytes);
    std::vector<MPI_Request> requests;
    for (const Outgoing& piece : outgoing) {
        check(MPI_Isend(piece.values, mpi_count(piece.count), value.get(), piece.rank, piece_tag,
                        MPI_COMM_WORLD, &requests.emplace_back()),
              "MPI_Isend");
    }
    for (; incoming > 0; --incoming) {
        MPI_Status status{};
        check(MPI_Probe(from == any_rank ? MPI_ANY_SOURCE : from, piece_tag, MPI_COMM_WORLD, &status),
              "MPI_Probe");
        int count = 0;
        check(MPI_Get_count(&status, value.get(), &count), "MPI_Get_count");
        check(MPI_Recv(room_for(static_cast<std::uint64_t>(count)), count, value.get(), status.MPI_SOURCE,
                       piece_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
              "MPI_Recv");
    }
    check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
          "MPI_Waitall");
}

void World::sum_on_root(std::vector<std::uint64_t>& values) {
    if (size_ == 1) return;
    constexpr std::size_t piece_values = 1U << 20U;
    for (std::size_t done = 0; done < values.size(); done += piece_values) {
        std::uint64_t* const at = values.data() + done;
        const int count = mpi_count(std::min(piece_values, values.size() - done));
        check(MPI_Reduce(is_root() ? MPI_IN_PLACE : at, is_root() ? at : nullptr, count, MPI_UINT64_T,
                         MPI_SUM, 0, MPI_COMM_WORLD),
              "MPI_Reduce");
    }
}

std::vector<std::uint64_t> World::exchange_counts(const std::vector<std::uint64_t>& counts) {
    if (size_ == 1) return counts;
    std::vector<std::uint64_t> received(counts.size());
    check(MPI_Alltoall(counts.data(), 1, MPI_UINT64_T, received.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD),
          "MPI_Alltoall");
    return received;
}

std::uint64_t World::smallest(std::uint64_t value) {
    if (size_ == 1) return value;
    std::uint64_t smallest = 0;
    check(MPI_Allreduce(&value, &smallest, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD), "MPI_Allreduce");
    return smallest;
}

namespace {

constexpr std::chrono::milliseconds look_interval{1};

/// How a check ended: an error that all ranks are to throw, or an exception of rank 0 alone.
struct Outcome {
    ExitCode code = ExitCode::done;
    std::string message;
    std::exception_ptr failure;
};

Outcome outcome_of(const std::function<void()>& check) {
    try {
        check();
        return {};
    } catch (const Error& error) {
        return {error.code(), error.what(), nullptr};
    } catch (...) {
        return {ExitCode::environment, "", std::current_exception()};
    }
}

} // namespace

void World::share_verdict(ExitCode code, std::string message) {
    auto number = static_cast<std::uint64_t>(code);
    broadcast(number);
    if (number == 0) return;
    broadcast_text(message);
    throw AgreedError(static_cast<ExitCode>(number), message);
}

void World::root_decides(const std::function<void()>& check) {
    Outcome outcome;
    if (is_root()) outcome = outcome_of(check);
    if (outcome.failure) std::rethrow_exception(outcome.failure);
    share_verdict(outcome.code, std::move(outcome.message));
}

void World::root_decides(StopFlag& stop, const std::function<void()>& check) {
    Outcome outcome;
    if (is_root()) {
        auto running = std::async(std::launch::async, outcome_of, std::cref(check));
        while (running.wait_for(look_interval) != std::future_status::ready) {
            while (const auto mail = poll()) {
                if (mail->kind == stop_mail_kind) stop.request();
            }
        }
        outcome = running.get();
        if (outcome.failure) std::rethrow_exception(outcome.failure);
        announce_decision();
    } else {
        await_decision(stop);
    }
    share_verdict(outcome.code, std::move(outcome.message));
}

void World::announce_decision() {
    if (size_ == 1) return;
    std::uint64_t decided = 1;
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibcast(&decided, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast");
    check(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
}

void World::await_decision(const StopFlag& stop) {
    std::uint64_t decided = 0;
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibcast(&decided, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast");
    bool asked = false;
    for (int done = 0; done == 0;) {
        if (stop.requested() && !std::exchange(asked, true)) send({.rank = 0, .kind = stop_mail_kind});
        check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
        if (done == 0) std::this_thread::sleep_for(look_interval);
    }
}

void World::barrier() {
    if (size_ > 1) check(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
}

void World::send(const Mail& mail) {
    // So small a message is sent eagerly: the call does not wait for the receiver.
    check(MPI_Send(mail.values.data(), static_cast<int>(mail.values.size()), MPI_UINT64_T, mail.rank,
                   mail_tag_base + mail.kind, MPI_COMM_WORLD),
          "MPI_Send");
}

std::optional<Mail> World::poll() {
    if (size_ == 1) return std::nullopt;
    int arrived = 0;
    MPI_Status status{};
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &arrived, &status), "MPI_Iprobe");
    if (arrived == 0) return std::nullopt;
    Mail mail{.rank = status.MPI_SOURCE, .kind = status.MPI_TAG - mail_tag_base};
    check(MPI_Recv(mail.values.data(), static_cast<int>(mail.values.size()), MPI_UINT64_T, status.MPI_SOURCE,
                   status.MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
          "MPI_Recv");
    return mail;
}

void World::abort(ExitCode code) noexcept {
    if (started_) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::_Exit(static_cast<int>(code));
}

} // namespace ipscore::mpi
