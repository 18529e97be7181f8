#include "ipscore/cli/quantity.hpp"
#include "ipscore/cli/readers.hpp"
#include "ipscore/cli/run.hpp"
#include "ipscore/cli/verbs.hpp"

#include <fmt/format.h>

namespace ipscore::cli {

namespace {

/// `3/40`: the third of forty.
Reader piece_into(stages::GenerateArgs& args) {
    return [&args](const std::string& value) -> std::optional<std::string> {
        const std::size_t slash = value.find('/');
        const auto piece = parse_quantity(value.substr(0, slash));
        const auto pieces =
            slash == std::string::npos ? std::nullopt : parse_quantity(value.substr(slash + 1));
        if (!piece || !pieces || *piece < 1 || *piece > *pieces) return "a piece of some, such as 3/40";
        args.piece = *piece;
        args.pieces = *pieces;
        return std::nullopt;
    };
}

Arguments describe(stages::GenerateArgs& args) {
    constexpr std::uint64_t addresses_max = 1'000'000'000;
    constexpr std::uint64_t keys_max = 1'000'000'000;
    constexpr std::uint32_t tags_max = 1'000'000;
    constexpr std::uint32_t days_max = 3650;
    Arguments arguments("generate", "Makes up a bid stream to try ipscore on, and to measure it with: "
                                    "observations.csv, classification.csv,\n"
                                    "companies.csv and model.toml. The same options give the same bytes, "
                                    "everywhere and at any number of\n"
                                    "threads.");
    arguments
        .required("rows", "N", "rows of observations.csv, such as 100k, 8.4M or 1G",
                  quantity_into(args.rows, 0, unbounded))
        .required("output", "DIR", "directory for the four files; made when missing", path_into(args.output))
        .optional("seed", "N", "1", "where the random numbers begin: another seed, other data",
                  quantity_into(args.seed, 0, unbounded))
        .optional("addresses", "N", "rows / 14", "distinct addresses to draw from",
                  quantity_into(args.addresses, 1, addresses_max))
        .optional("keys", "N", "rows / 42, within 100 to 1M", "distinct keys to draw from",
                  quantity_into(args.keys, 1, keys_max))
        .optional("tags", "N", "100", "tags of classification.csv", quantity_into(args.tags, 1, tags_max))
        .optional("days", "N", "90", "days of observations, the last of which is --as-of",
                  quantity_into(args.days, 2, days_max))
        .optional("as-of", "YYYY-MM-DD", date_text(args.as_of), "last day of the observations (UTC)",
                  day_into(args.as_of))
        .optional("gateway-share", "SHARE", "0", "share of the rows that a single address has, 0 to 1",
                  decimal_into(args.gateway_share, 0, 1))
        .optional(
            "piece", "I/N", "all of them",
            "write only one of N pieces of observations.csv, from 1 on, for which all together may be too "
            "large",
            piece_into(args))
        .optional("threads", "N", threads_default, threads_help, threads_into(args.threads))
        .optional("log-format", "FORMAT", log_format_default, log_format_help, log_format_reader())
        .example("  ipscore generate --rows 8.4M --output demo/\n");
    return arguments;
}

std::string help() {
    stages::GenerateArgs args;
    return describe(args).help();
}

void perform(const Words& words, stages::RunMonitor& monitor) {
    const stages::GenerateArgs args = parse_generate(words);
    const stages::GenerateReport made = stages::generate(args);
    monitor.log().info(fmt::format("{}: {} observations ({}), {} rows of classification, {} networks, in {}",
                                   args.output.string(), stages::count_text(made.rows),
                                   stages::bytes_text(made.observations_bytes),
                                   stages::count_text(made.classification_rows),
                                   stages::count_text(made.networks), stages::seconds_text(made.seconds)));
}

} // namespace

stages::GenerateArgs parse_generate(const Words& words) {
    stages::GenerateArgs args;
    describe(args).parse(words);
    return args;
}

Verb generate_verb() {
    return {"generate", "make up a bid stream, to try ipscore on and to measure it with", &help, &perform};
}

} // namespace ipscore::cli
