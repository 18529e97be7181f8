#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace ipscore::cli {

namespace {

constexpr std::uint64_t samples_max = 1000;

/// The fields of a row of CSV, so that quotes help where a name has a comma.
std::optional<std::vector<std::string>> fields_of(const std::string& value) {
    io::CsvRows rows(value, 1);
    io::CsvRow row;
    io::CsvRow more;
    if (!rows.next(row) || row.fault != io::CsvFault::none || rows.next(more)) return std::nullopt;
    std::vector<std::string> fields(row.fields.begin(), row.fields.end());
    if (std::ranges::find(fields, "") != fields.end()) return std::nullopt;
    return fields;
}

/// Splits `name=rest`. Nothing when one of them is empty.
std::optional<std::pair<std::string, std::string>> pair_of(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return std::nullopt;
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Reader names_into(std::vector<std::string>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        const auto names = fields_of(value);
        if (!names) return "names of columns, such as company or company,raw";
        for (const std::string& name : *names) {
            if (std::ranges::find(field, name) == field.end()) field.push_back(name);
        }
        return std::nullopt;
    };
}

Reader columns_into(std::vector<std::pair<std::string, std::string>>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        constexpr const char* expected = "names of columns, each once, such as ip=client_ip,score=rank";
        const auto fields = fields_of(value);
        if (!fields) return expected;
        for (const std::string& text : *fields) {
            auto names = pair_of(text);
            if (!names) return expected;
            for (const auto& [ours, theirs] : field) {
                if (ours == names->first || theirs == names->second) return expected;
            }
            field.push_back(std::move(*names));
        }
        return std::nullopt;
    };
}

Reader tolerance_into(std::vector<stages::ColumnTolerance>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        constexpr const char* expected =
            "a column with a size above 0, such as score=abs:1e-6 or surge=rel:0.0001";
        const auto parts = pair_of(value);
        if (!parts) return expected;
        const std::string& text = parts->second;
        const bool absolute = text.starts_with("abs:");
        if (!absolute && !text.starts_with("rel:")) return expected;
        double size = 0;
        const auto [end, fault] = std::from_chars(text.data() + 4, text.data() + text.size(), size);
        if (fault != std::errc{} || end != text.data() + text.size() || !(size > 0) || std::isinf(size))
            return expected;
        stages::ColumnTolerance tolerance{parts->first, {}};
        (absolute ? tolerance.tolerance.absolute : tolerance.tolerance.relative) = size;
        field.push_back(std::move(tolerance));
        return std::nullopt;
    };
}

Arguments describe(DiffCommand& command) {
    stages::DiffArgs& args = command.diff;
    Arguments arguments("diff", "Tells whether two results are the same, and if not, where they differ, by "
                                "how much, and what the rows "
                                "that\ndiffer have in common. Rows are matched by their keys, never by "
                                "position: ip and tag of scores, "
                                "company and\ntag of company rows, ip, key and day of a table. A key that a "
                                "side has more than once is "
                                "told, and never\nequal. A difference is |new - old|, and relative to the "
                                "larger of |old| and |new|. Two "
                                "NaN are equal, and so\nare two empty fields, 0 and -0, and infinities of "
                                "one sign; NaN, an empty field "
                                "and an infinity differ from\nall other values by more than any tolerance "
                                "allows. Runs alone or under "
                                "mpirun, with the same result.");
    arguments.named_words(
        "OLD NEW",
        "scores, a table, one of these packed as .h5, or CSV (.tsv for tabs; also .gz and .zst), in "
        "any mix; with\n--series directories of such",
        [&args](const std::string& value) -> std::optional<std::string> {
            if (value.empty()) return "a file or directory";
            if (!args.before.empty() && !args.now.empty()) return "two words, OLD and NEW, and no third";
            (args.before.empty() ? args.before : args.now) = value;
            return std::nullopt;
        });
    arguments
        .flag("companies", "compare the company rows of scores (default: the rows of addresses)",
              args.companies)
        .flag("series",
              "compare what lies in the directories OLD and NEW, paired by the dates in its names, such as "
              "2026-11-22.csv and scores-2026-11-22",
              args.series)
        .repeated("columns", "COLUMN=NAME,...",
                  "what CSV files call the columns, such as ip=client_ip,score=rank",
                  columns_into(args.columns), "as the files do")
        .repeated("key", "COLUMN,...", "what tells the rows of two other CSV files apart",
                  names_into(args.key), "by the kind of rows")
        .repeated("ignore", "COLUMN,...", "do not compare these, nor mind that a side lacks them",
                  names_into(args.ignore), "none")
        .repeated("tolerance", "COLUMN=abs:SIZE|rel:SIZE",
                  "take differences up to this size as equal, such as score=abs:1e-6; of a column with both, "
                  "either will do",
                  tolerance_into(args.tolerances), "0")
        .optional("samples", "N", "10", "rows to show of each kind of difference: the first, and the worst",
                  quantity_into(args.samples, 0, samples_max))
        .optional("report", "FILE", "none", "write a page for a browser, which needs nothing besides",
                  path_into(command.report))
        .flag("json", "print JSON for programs (default: text for people)", command.json)
        .optional("memory", "SIZE", rank_memory_default,
                  std::string(rank_memory_help) + "; CSV that is not in order is sorted within it",
                  memory_into(args.memory_bytes))
        .optional("threads", "N", rank_threads_default, rank_threads_help, threads_into(args.threads))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore diff scores-old/ scores-new/ --report diff.html\n"
                 "  ipscore diff old.csv.gz scores/ --columns ip=client_ip,score=rank --ignore company \\\n"
                 "      --tolerance score=abs:1e-6 --tolerance surge=rel:1e-4\n"
                 "  ipscore diff old.csv new.csv --key campaign,day\n"
                 "  ipscore diff --series old/ new/ --json\n")
        .compares()
        .when_stopped("nothing was written: run the same command again");
    return arguments;
}

std::string help() {
    DiffCommand command;
    return describe(command).help();
}

/// Writes and prints what was found.
template <class Found>
void show(const DiffCommand& command, const Found& found) {
    if (!command.report.empty()) io::write_file(command.report, stages::diff_html(found));
    print_result(command.json ? io::json_text(stages::diff_json(found)) : stages::diff_text(found));
}

ExitCode perform(const Words& words, mpi::World& world, StopFlag& stop, stages::RunMonitor& monitor) {
    DiffCommand command;
    world.root_decides([&] { command = parse_diff(words); });
    if (!world.is_root()) command = parse_diff(words);
    ExitCode code = ExitCode::done;
    if (command.diff.series) {
        const auto days = stages::diff_series(world, command.diff, stop, monitor);
        world.root_decides([&] { show(command, days); });
        for (const stages::DiffDay& day : days) {
            if (!day.same() && code == ExitCode::done) code = ExitCode::different;
            if (!day.failure.empty()) code = ExitCode::bad_input;
        }
    } else {
        const auto report = stages::diff(world, command.diff, stop, monitor);
        world.root_decides([&] { show(command, report); });
        if (!report.same()) code = ExitCode::different;
        if (world.is_root())
            monitor.log().info(fmt::format("compared in {}", stages::seconds_text(report.seconds)));
    }
    // mpirun takes the code of one that fails for that of the job.
    return world.is_root() ? code : ExitCode::done;
}

} // namespace

DiffCommand parse_diff(const Words& words) {
    DiffCommand command;
    describe(command).parse(words);
    if (command.diff.now.empty())
        throw UsageError("OLD and NEW are missing, or one of them; see ipscore diff --help");
    if (!command.diff.key.empty() && command.diff.companies)
        throw UsageError(
            "--key does not go with --companies, whose rows are told apart by company and tag; see "
            "ipscore diff --help");
    return command;
}

Verb diff_verb() {
    return {"diff", "tell whether two results are the same, or where not (also under mpirun)", &help,
            &perform};
}

} // namespace ipscore::cli
