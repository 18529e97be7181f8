#include "ipscore/cli/run.hpp"

#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/core/control.hpp"
#include "ipscore/io/h5.hpp"
#include "watch.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <new>
#include <string>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

namespace ipscore::cli {

namespace {

/// Set by the signal handler, which can only reach what is global.
StopFlag stop_requested;
static_assert(std::atomic<bool>::is_always_lock_free, "or a signal handler must not touch it");

extern "C" void request_stop(int /*signal*/) { stop_requested.request(); }

void ignore(int signal) {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    ::sigaction(signal, &action, nullptr);
}

void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = request_stop;
    action.sa_flags = SA_RESTART; // or a library's read would fail instead of going on to where we look
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

/// A process may be started without them, and then the next file to be opened would get our messages. What is
/// opened in their place is for the wrong direction, so that using it still fails.
void occupy_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) == -1) ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

struct Failure {
    ExitCode code;
    std::string reason;
};

/// Of the exception that is being handled.
Failure current_failure() {
    try {
        throw;
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted)
            return {error.code(), "stopped on request; run the same command again to resume"};
        return {error.code(), error.what()};
    } catch (const std::bad_alloc&) {
        return {ExitCode::environment, "out of memory; give --memory no more than this process may have"};
    } catch (const std::filesystem::filesystem_error& error) {
        constexpr std::string_view of_the_library = "filesystem error: ";
        std::string_view reason = error.what();
        if (reason.starts_with(of_the_library)) reason.remove_prefix(of_the_library.size());
        return {ExitCode::environment, std::string(reason)};
    } catch (const std::exception& error) {
        return {ExitCode::environment, fmt::format("internal error: {}; please report it", error.what())};
    } catch (...) {
        return {ExitCode::environment, "internal error: an unknown exception; please report it"};
    }
}

ExitCode tell(stages::RunMonitor& monitor, const Failure& failure) {
    monitor.log().error(failure.reason);
    monitor.ended(failure.code, failure.reason);
    return failure.code;
}

/// Runs what fits the kind of the verb.
struct Runner {
    const Words& words;
    stages::RunMonitor& monitor;

    ExitCode operator()(Verb::Run* run) const {
        run(words, monitor);
        return ExitCode::done;
    }
    ExitCode operator()(Verb::RunStoppable* run) const {
        stop_on_signals();
        const Watch watch(stop_requested, false, say());
        run(words, stop_requested, monitor);
        return ExitCode::done;
    }
    ExitCode operator()(Verb::RunOnRanks* run) const {
        return on_ranks([&](mpi::World& world) {
            run(words, world, stop_requested, monitor);
            return ExitCode::done;
        });
    }
    ExitCode operator()(Verb::RunComparison* run) const {
        return on_ranks([&](mpi::World& world) { return run(words, world, stop_requested, monitor); });
    }

private:
    /// A failure that all ranks throw alike is rank 0's to tell; any other is the failing rank's own, and the
    /// other ranks may be waiting for it: it ends the job.
    template <class RunOnWorld>
    ExitCode on_ranks(RunOnWorld run) const {
        stop_on_signals();
        // From before MPI starts until after it ends: there it waits for its launcher, even one that is gone.
        const Watch watch(stop_requested, mpi::launched_under_mpi(), say());
        mpi::World world;
        monitor.set_rank(world.rank(), world.size());
        try {
            return run(world);
        } catch (const mpi::AgreedError&) {
            const Failure failure = current_failure();
            if (world.is_root()) return tell(monitor, failure);
            monitor.ended(failure.code, failure.reason);
            return failure.code;
        } catch (...) {
            const ExitCode code = tell(monitor, current_failure());
            if (world.size() == 1) return code;
            world.abort(code);
        }
    }

    [[nodiscard]] Watch::Say say() const {
        return [&monitor = monitor](ExitCode code, const std::string& reason) {
            tell(monitor, {code, reason});
        };
    }
};

ExitCode run_verb(const Verb& verb, const Words& words) {
    if (asks_for_help(words)) {
        print_result(verb.help());
        return ExitCode::done;
    }
    stages::RunLog log(verb.name, log_format_of(words));
    stages::RunMonitor monitor(log);
    try {
        io::prepare_hdf5_library();
        return std::visit(Runner{words, monitor}, verb.run);
    } catch (...) {
        return tell(monitor, current_failure());
    }
}

std::string program_help(const std::vector<Verb>& verbs) {
    std::string text =
        "usage: ipscore VERB [options]\n"
        "       ipscore VERB --help\n"
        "       ipscore --help | --version\n"
        "\n"
        "Scores the IP addresses of an ad bid stream, and the companies behind them, against tags: what "
        "each is\ninterested in, by the content it was seen with. Alone or as an MPI job, with the same "
        "result to the last bit.\n"
        "\n"
        "verbs:\n";
    for (const Verb& verb : verbs) text += fmt::format("  {:10}{}\n", verb.name, verb.summary);
    text +=
        "\n"
        "exit codes:\n"
        "  0   done; of diff: the same\n"
        "  1   of diff: different\n"
        "  2   bad usage or bad input: running it again will not help\n"
        "  3   the machine failed: disk full, out of memory, a rank or a service lost\n"
        "  75  stopped on request by SIGTERM, SIGINT or SIGUSR1: run the same command again\n"
        "\n"
        "Results go to standard output or files, and messages, progress and reports to standard error: for "
        "people on\na terminal, and as key=value or JSON lines elsewhere (--log-format).\n";
    return text;
}

const Verb& find_verb(const std::vector<Verb>& verbs, const std::string& word) {
    const auto found = std::ranges::find(verbs, word, &Verb::name);
    if (found != verbs.end()) return *found;
    if (word.starts_with('-'))
        throw UsageError(fmt::format("the option {} is unknown; see ipscore --help", word));
    Words names;
    for (const Verb& verb : verbs) names.push_back(verb.name);
    const auto meant = nearest(word, names);
    throw UsageError(fmt::format("the verb {} is unknown; {}see ipscore --help", in_quotes(word),
                                 meant ? fmt::format("did you mean {}? ", *meant) : ""));
}

ExitCode run_program(const Words& words) {
    const std::vector<Verb> verbs = all_verbs();
    if (words.empty()) {
        const std::string help = program_help(verbs);
        std::fwrite(help.data(), 1, help.size(), stderr);
        return ExitCode::bad_input;
    }
    const std::string& first = words.front();
    if (first == "--help" || first == "-h" || first == "--version") {
        if (words.size() > 1)
            throw UsageError(
                fmt::format("the word {} is one too many; see ipscore --help", in_quotes(words[1])));
        print_result(first == "--version" ? "ipscore " IPSCORE_VERSION "\n" : program_help(verbs));
        return ExitCode::done;
    }
    return run_verb(find_verb(verbs, first), {words.begin() + 1, words.end()});
}

} // namespace

int run(const Words& words) {
    occupy_standard_streams();
    ignore(SIGPIPE); // a write then fails with a reason,
    ignore(SIGXFSZ); // and so does one beyond the allowed size of a file
    try {
        return static_cast<int>(run_program(words));
    } catch (...) {
        // Before there is a verb, and so a log.
        const Failure failure = current_failure();
        std::string line = "ipscore: " + failure.reason;
        std::ranges::replace_if(line, is_control, ' ');
        line += '\n';
        std::fwrite(line.data(), 1, line.size(), stderr);
        return static_cast<int>(failure.code);
    }
}

void print_result(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw EnvironmentError(system_message("cannot write", "standard output"));
}

void report(stages::RunLog& log, const stages::RunSummary& summary) {
    if (!summary.verdict.empty()) log.info(summary.verdict);
    for (const std::string& line : summary.lines) log.info(line);
}

} // namespace ipscore::cli
