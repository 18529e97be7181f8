// Words into Args, without running anything. The texts of the real program are in usage_test.py.
#include "ipscore/cli/arguments.hpp"
#include "ipscore/cli/quantity.hpp"
#include "ipscore/cli/verbs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ipscore::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Day day(const char* text) { return parse_date(text).day; }

/// What `parse` says of bad words; empty when it takes them.
template <class Parse>
std::string fault(Parse parse, const Words& words) {
    try {
        (void)parse(words);
    } catch (const UsageError& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_input);
        return error.what();
    }
    return "";
}

const Words score_words{"--table", "t",       "--classification", "k.csv",    "--companies",
                        "c.csv",   "--model", "m.toml",           "--output", "s"};

Words score_with(const Words& more) {
    Words words = score_words;
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

TEST(Quantity, IsExact) {
    const std::vector<std::pair<const char*, std::uint64_t>> cases{
        {"0", 0},
        {"7", 7},
        {"007", 7},
        {"100k", 100'000},
        {"8.4M", 8'400'000},
        {"1G", 1'000'000'000},
        {"1.234567M", 1'234'567},
        {"0.001k", 1},
        {".5k", 500},
        {"1.0", 1},
        {"2.5000k", 2'500},
        {"8.40000000M", 8'400'000},
        {"0.1G", 100'000'000},
        {"4.35G", 4'350'000'000},
        {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
        {"18446744073.709551615G", std::numeric_limits<std::uint64_t>::max()},
    };
    for (const auto& [text, value] : cases) EXPECT_EQ(parse_quantity(text), value) << text;
}

TEST(Quantity, IsWholeAndWellFormed) {
    for (const char* text : {"",
                             ".",
                             "k",
                             ".k",
                             "1.5",
                             "1.0001k",
                             "0.0000001M",
                             "-1",
                             "+1",
                             " 1",
                             "1 ",
                             "1_000",
                             "1,000",
                             "1e3",
                             "1K",
                             "1m",
                             "1T",
                             "1kk",
                             "1.2.3",
                             "0x10",
                             "18446744073709551616",
                             "18446744073.709551616G",
                             "99999999999999999999k",
                             "one"})
        EXPECT_EQ(parse_quantity(text), std::nullopt) << text;
}

TEST(Decimal, IsPlain) {
    EXPECT_EQ(parse_decimal("0.3"), 0.3);
    EXPECT_EQ(parse_decimal(".25"), 0.25);
    EXPECT_EQ(parse_decimal("60"), 60.0);
    EXPECT_EQ(parse_decimal("1."), 1.0);
    for (const char* text : {"", ".", "-1", "+1", "1e2", "inf", "nan", "0x1", "1.2.3", "1%", " 1", "1 "})
        EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
}

TEST(Size, IsInBinaryUnits) {
    constexpr std::uint64_t kib = 1024;
    const std::vector<std::pair<const char*, std::uint64_t>> cases{
        {"1KiB", kib},
        {"512MiB", 512 * kib * kib},
        {"2GiB", 2 * kib * kib * kib},
        {"3TiB", 3 * kib * kib * kib * kib},
        {"1.5GiB", 3 * kib * kib * kib / 2},
        {".5KiB", 512},
        {"0.0001KiB", 0},
        {"007MiB", 7 * kib * kib},
        {"0GiB", 0},
        {"8388608TiB", std::uint64_t{1} << 63U},
    };
    for (const auto& [text, bytes] : cases) EXPECT_EQ(parse_size(text), bytes) << text;
}

TEST(Size, NamesItsUnit) {
    for (const char* text : {"",       "1",       "512",      "KiB",        ".MiB",
                             "1B",     "1MB",     "1M",       "1Mib",       "1mib",
                             "1 MiB",  " 1MiB",   "1MiB ",    "-1MiB",      "+1MiB",
                             "1e3MiB", "1,5GiB",  "1.2.3GiB", "0x10MiB",    "infGiB",
                             "nanGiB", "1MiBKiB", "1PiB",     "8388609TiB", "99999999999999999999GiB"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Memory, IsASizeAboveNothing) {
    const Words prepare{"--store", "s", "--as-of", "2026-11-22", "--output", "t", "--memory"};
    const auto with = [&](const char* size) {
        Words words = prepare;
        words.emplace_back(size);
        return words;
    };
    EXPECT_EQ(parse_prepare(with("512MiB")).memory_bytes, std::uint64_t{512} << 20U);
    EXPECT_EQ(parse_prepare({prepare.begin(), prepare.end() - 1}).memory_bytes, 0U) << "the default";
    for (const char* size : {"0MiB", "0.0001KiB", "512", "2GB"})
        EXPECT_THROW((void)parse_prepare(with(size)), InputError) << size;
}

TEST(Nearest, FindsWhatWasMeant) {
    const Words verbs{"generate", "ingest", "prepare", "score", "export"};
    EXPECT_EQ(nearest("scroe", verbs), "score");
    EXPECT_EQ(nearest("scores", verbs), "score");
    EXPECT_EQ(nearest("injest", verbs), "ingest");
    EXPECT_EQ(nearest("prep", verbs), "prepare");
    EXPECT_EQ(nearest("publish", verbs), std::nullopt);
    EXPECT_EQ(nearest("x", verbs), std::nullopt);
    EXPECT_EQ(nearest("", verbs), std::nullopt);
}

TEST(Quotes, StayOnOneShortLine) {
    EXPECT_EQ(in_quotes("plain"), "'plain'");
    EXPECT_EQ(in_quotes("a\nb\x1b[31m\x7f"), "'a?b?[31m?'");
    EXPECT_EQ(in_quotes("zürich"), "'zürich'");
    const std::string long_text = std::string(199, 'x') + "üü"; // the cut goes through the first ü
    EXPECT_EQ(in_quotes(long_text), "'" + std::string(199, 'x') + "...'");
}

TEST(Generate, Defaults) {
    const auto args = parse_generate({"--rows", "8.4M", "--output", "demo/"});
    const stages::GenerateArgs defaults;
    EXPECT_EQ(args.rows, 8'400'000U);
    EXPECT_EQ(args.output, "demo/");
    EXPECT_EQ(args.addresses, 0U);
    EXPECT_EQ(args.keys, 0U);
    EXPECT_EQ(args.tags, 100U);
    EXPECT_EQ(args.days, 90U);
    EXPECT_EQ(args.as_of, day("2026-11-22"));
    EXPECT_EQ(args.gateway_share, 0.0);
    EXPECT_EQ(args.seed, 1U);
    EXPECT_EQ(args.threads, 0);
}

TEST(Generate, EveryOption) {
    const auto args =
        parse_generate({"--rows=100k", "--output=d", "--seed=42", "--addresses=1k", "--keys=2k", "--tags=7",
                        "--days=30", "--as-of=2026-01-31", "--gateway-share=0.3", "--threads=2"});
    EXPECT_EQ(args.rows, 100'000U);
    EXPECT_EQ(args.output, "d");
    EXPECT_EQ(args.seed, 42U);
    EXPECT_EQ(args.addresses, 1'000U);
    EXPECT_EQ(args.keys, 2'000U);
    EXPECT_EQ(args.tags, 7U);
    EXPECT_EQ(args.days, 30U);
    EXPECT_EQ(args.as_of, day("2026-01-31"));
    EXPECT_EQ(args.gateway_share, 0.3);
    EXPECT_EQ(args.threads, 2);
}

TEST(Generate, NoRowsAreRows) {
    EXPECT_EQ(parse_generate({"--rows", "0", "--output", "d"}).rows, 0U);
    EXPECT_EQ(fault(parse_generate, {"--output", "d"}),
              "the option --rows is missing; see ipscore generate --help");
}

TEST(Ingest, Defaults) {
    const auto args = parse_ingest({"--store", "s", "a.csv", "b.csv.gz"});
    EXPECT_EQ(args.store, "s");
    EXPECT_THAT(args.files, ElementsAre("a.csv", "b.csv.gz"));
    EXPECT_FALSE(args.strict);
    EXPECT_EQ(args.max_rejects.rows, std::nullopt);
    EXPECT_EQ(args.max_rejects.share, 0.01);
    EXPECT_EQ(args.max_rejects.rows_with_share, 100U);
    EXPECT_EQ(args.threads, 0);
}

TEST(Ingest, FilesComeAnywhere) {
    const auto args =
        parse_ingest({"a", "--strict", "b", "--store", "s", "--threads", "3", "c", "--", "--d", "-e"});
    EXPECT_THAT(args.files, ElementsAre("a", "b", "c", "--d", "-e"));
    EXPECT_TRUE(args.strict);
    EXPECT_EQ(args.threads, 3);
}

TEST(Ingest, MaxRejects) {
    const auto limit = [](const std::string& text) {
        return parse_ingest({"--store", "s", "f", "--max-rejects", text}).max_rejects;
    };
    EXPECT_EQ(limit("100").rows, 100U);
    EXPECT_EQ(limit("0").rows, 0U);
    EXPECT_EQ(limit("2k").rows, 2000U);
    EXPECT_EQ(limit("1%").rows, std::nullopt);
    EXPECT_EQ(limit("1%").share, 0.01);
    EXPECT_EQ(limit("0.5%").share, 0.005);
    EXPECT_EQ(limit("0.5%").rows_with_share, 100U);
    EXPECT_EQ(limit("100%").share, 1.0);
    EXPECT_EQ(limit("0%").rows, 0U) << "none means none, also of a small file";
    for (const char* text : {"%", "101%", "-1", "-1%", "1.5", "1%%", "few"}) {
        EXPECT_THAT(fault(parse_ingest, {"--store", "s", "f", std::string("--max-rejects=") + text}),
                    HasSubstr("the option --max-rejects needs a number of rows or a percentage"))
            << text;
    }
}

TEST(Prepare, DefaultsAndOptions) {
    const auto args = parse_prepare({"--store", "s", "--as-of", "2026-11-22", "--output", "t"});
    EXPECT_EQ(args.store, "s");
    EXPECT_EQ(args.as_of, day("2026-11-22"));
    EXPECT_EQ(args.output, "t");
    EXPECT_EQ(args.lookback_days, 90);
    EXPECT_FALSE(args.restart);
    EXPECT_EQ(args.threads, 0);
    const auto other = parse_prepare({"--store", "s", "--as-of", "2026-11-22", "--output", "t",
                                      "--lookback-days", "30", "--restart", "--threads", "4"});
    EXPECT_EQ(other.lookback_days, 30);
    EXPECT_TRUE(other.restart);
    EXPECT_EQ(other.threads, 4);
}

TEST(Prepare, MissingOptions) {
    EXPECT_EQ(fault(parse_prepare, {"--as-of", "2026-11-22", "--output", "t"}),
              "the option --store is missing; see ipscore prepare --help");
    EXPECT_EQ(fault(parse_prepare, {"--store", "s", "--output", "t"}),
              "the option --as-of is missing; see ipscore prepare --help");
    EXPECT_EQ(fault(parse_prepare, {"--store", "s", "--as-of", "2026-11-22"}),
              "the option --output is missing; see ipscore prepare --help");
}

TEST(Score, DefaultsAndOptions) {
    const auto args = parse_score(score_words);
    EXPECT_EQ(args.table, "t");
    EXPECT_EQ(args.classification, "k.csv");
    EXPECT_EQ(args.companies, "c.csv");
    EXPECT_EQ(args.model, "m.toml");
    EXPECT_EQ(args.output, "s");
    EXPECT_EQ(args.as_of, std::nullopt);
    EXPECT_FALSE(args.restart);
    EXPECT_EQ(args.threads, 0);
    const auto other = parse_score(score_with({"--as-of", "2024-02-29", "--restart", "--threads", "1024"}));
    EXPECT_EQ(other.as_of, day("2024-02-29"));
    EXPECT_TRUE(other.restart);
    EXPECT_EQ(other.threads, 1024);
}

TEST(Score, BadDays) {
    EXPECT_EQ(fault(parse_score, score_with({"--as-of", "2026-02-29"})),
              "the option --as-of needs a day as YYYY-MM-DD, not '2026-02-29'; see ipscore score --help");
    EXPECT_EQ(
        fault(parse_score, score_with({"--as-of", "1999-12-31"})),
        "the option --as-of needs a day from 2000-01-01 to 2099-12-31, not '1999-12-31'; see ipscore score "
        "--help");
    EXPECT_THAT(fault(parse_score, score_with({"--as-of", "2026-11-22T00:00:00Z"})), HasSubstr("YYYY-MM-DD"));
}

TEST(Score, ThreadsAreOneAtLeast) {
    for (const char* text : {"0", "-1", "1.5", "1025", "all", "99999999999999999999"}) {
        EXPECT_EQ(fault(parse_score, score_with({std::string("--threads=") + text})),
                  std::string("the option --threads needs a whole number from 1 to 1024, not '") + text +
                      "'; see ipscore score --help");
    }
}

TEST(Export, DefaultsAndOptions) {
    const auto args = parse_export({"scores/", "--output", "-"});
    EXPECT_EQ(args.input, "scores/");
    EXPECT_EQ(args.output, "-");
    EXPECT_FALSE(args.companies);
    EXPECT_TRUE(args.tags.empty());
    EXPECT_TRUE(args.company_names.empty());
    EXPECT_TRUE(args.networks.empty());
    EXPECT_EQ(args.min_score, std::nullopt);
    const auto other =
        parse_export({"--companies", "--tag", "a b", "--tag=c", "--company", "ACME, Inc.", "--company=Ö",
                      "--min-score", "62.5", "--threads", "2", "scores", "--output", "o.csv.gz"});
    EXPECT_EQ(other.input, "scores");
    EXPECT_EQ(other.output, "o.csv.gz");
    EXPECT_TRUE(other.companies);
    EXPECT_THAT(other.tags, ElementsAre("a b", "c"));
    EXPECT_THAT(other.company_names, ElementsAre("ACME, Inc.", "Ö"));
    EXPECT_EQ(other.min_score, 62.5);
    EXPECT_EQ(other.threads, 2);
}

TEST(Export, AddressesAndNetworks) {
    const auto args = parse_export({"s", "--output", "-", "--ip", "192.0.2.7", "--ip", "198.51.100.0/24",
                                    "--ip", "2001:db8::/32", "--ip", "2001:db8::7", "--ip", "0.0.0.0/0"});
    const auto network = [](const char* text) { return parse_network(text).network; };
    EXPECT_THAT(args.networks,
                ElementsAre(Network{*parse_address("192.0.2.7"), 128}, network("198.51.100.0/24"),
                            network("2001:db8::/32"), Network{*parse_address("2001:db8::7"), 128},
                            network("0.0.0.0/0")));
}

TEST(Export, BadAddresses) {
    for (const char* text :
         {"192.0.2", "192.0.2.07", "10.0.0.0/33", "10.0.0.0/", "fe80::1%eth0", "example.com"}) {
        EXPECT_EQ(fault(parse_export, {"s", "--output", "-", "--ip", text}),
                  std::string(
                      "the option --ip needs an address or a network, such as 192.0.2.7, 198.51.100.0/24 or "
                      "2001:db8::/32, not '") +
                      text + "'; see ipscore export --help");
    }
    EXPECT_EQ(fault(parse_export, {"s", "--output", "-", "--ip", "10.1.2.3/8"}),
              "the option --ip needs a network without host bits, such as 10.0.0.0/8, not '10.1.2.3/8'; see "
              "ipscore "
              "export --help");
}

TEST(Export, BadScores) {
    for (const char* text : {"-1", "100.5", "1e1", "nan", "high"}) {
        EXPECT_EQ(fault(parse_export, {"s", "--output", "-", std::string("--min-score=") + text}),
                  std::string("the option --min-score needs a number from 0 to 100, not '") + text +
                      "'; see ipscore export --help");
    }
}

TEST(Arguments, OneInputOnly) {
    EXPECT_EQ(fault(parse_export, {"--output", "-"}), "INPUT is missing; see ipscore export --help");
    EXPECT_EQ(fault(parse_export, {"a", "--output", "-", "b"}),
              "the word 'b' is one too many; see ipscore export --help");
    EXPECT_EQ(fault(parse_export, {"", "--output", "-"}),
              "INPUT must not be empty; see ipscore export --help");
    EXPECT_EQ(fault(parse_score, score_with({"x"})),
              "the word 'x' is one too many; see ipscore score --help");
}

TEST(Arguments, MissingValues) {
    const std::string expected = "the option --table needs a value; see ipscore score --help";
    EXPECT_EQ(fault(parse_score, {"--table"}), expected);
    EXPECT_EQ(fault(parse_score, {"--table="}), expected);
    EXPECT_EQ(fault(parse_score, {"--table", ""}), expected);
    EXPECT_EQ(fault(parse_score, {"--table", "--model", "m"}), expected);
    EXPECT_EQ(fault(parse_score, {"--table", "--unknown"}), expected);
    EXPECT_EQ(fault(parse_score, {"--table", "--"}), expected);
}

TEST(Arguments, AValueMayBeginWithDashes) {
    EXPECT_THAT(parse_export({"s", "--output", "-", "--tag=--x", "--tag", "-y"}).tags,
                ElementsAre("--x", "-y"));
}

TEST(Arguments, AValueMayHoldAnEqualsSign) {
    EXPECT_THAT(parse_export({"s", "--output=-", "--tag=a=b", "--tag", "=c"}).tags, ElementsAre("a=b", "=c"));
}

TEST(Arguments, UnknownOptions) {
    EXPECT_EQ(fault(parse_score, {"--tabel", "t"}),
              "the option --tabel is unknown; did you mean --table? see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"--tabel=t"}),
              "the option --tabel is unknown; did you mean --table? see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"--rows", "1"}), "the option --rows is unknown; see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"-t", "x"}), "the option -t is unknown; see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"---"}), "the option --- is unknown; see ipscore score --help");
    EXPECT_EQ(fault(parse_export, {"--=3", "--output", "-"}),
              "the option --=3 is unknown; see ipscore export --help");
}

TEST(Arguments, NothingIsAbbreviated) {
    EXPECT_EQ(fault(parse_score, {"--class", "k"}),
              "the option --class is unknown; did you mean --classification? see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"--TABLE", "k"}),
              "the option --TABLE is unknown; see ipscore score --help");
}

TEST(Arguments, FlagsTakeNoValue) {
    EXPECT_EQ(fault(parse_score, {"--restart=yes"}),
              "the option --restart takes no value; see ipscore score --help");
}

TEST(Arguments, NothingIsGivenTwice) {
    EXPECT_EQ(fault(parse_score, {"--table", "a", "--table", "a"}),
              "the option --table is given twice; see ipscore score --help");
    EXPECT_EQ(fault(parse_score, {"--restart", "--restart"}),
              "the option --restart is given twice; see ipscore score --help");
}

TEST(Arguments, HelpIsAskedForAnywhereBeforeTwoDashes) {
    EXPECT_TRUE(asks_for_help({"--table", "--help"}));
    EXPECT_TRUE(asks_for_help({"-h"}));
    EXPECT_FALSE(asks_for_help({"--store", "s", "--", "--help"}));
    EXPECT_FALSE(asks_for_help({}));
}

TEST(Verbs, HaveHelp) {
    for (const Verb& verb : all_verbs()) {
        EXPECT_FALSE(verb.summary.empty()) << verb.name;
        EXPECT_THAT(verb.help(), HasSubstr("usage: ipscore " + verb.name + " ")) << verb.name;
    }
}

} // namespace
} // namespace ipscore::cli
