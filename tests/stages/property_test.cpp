// Random cases through ingest, prepare, score and export, against the independent reference, byte for byte.
// IPSCORE_SEED=N runs case N alone.
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/model_toml.hpp"
#include "ipscore/stages/export.hpp"
#include "ipscore/stages/generate.hpp"
#include "ipscore/stages/ingest.hpp"
#include "ipscore/stages/prepare.hpp"
#include "ipscore/stages/score.hpp"
#include "random_case.hpp"
#include "reference_inputs.hpp"
#include "reference_scorer.hpp"
#include "segment_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// The first line in which two texts differ: whole texts would be unreadable.
std::string first_difference(const std::string& text, const std::string& expected) {
    const auto at = std::ranges::mismatch(text, expected).in1 - text.begin();
    const auto line_at = [&](const std::string& from) {
        const auto begin = from.rfind('\n', static_cast<std::size_t>(at) - (at > 0 ? 1 : 0));
        return from.substr(begin == std::string::npos ? 0 : begin + 1, 400);
    };
    return "the program:\n" + line_at(text) + "\nthe reference:\n" + line_at(expected);
}

/// How a case is run, none of which may show in the result.
struct Ways {
    int threads = 1;
    std::uint64_t segment_rows = 0;
    std::uint64_t part_rows = 0;
    bool one_call = true;     ///< one ingest for all files, or one each
    int more_lookback = 0;    ///< days that the table has before those of the model
    int days_after_as_of = 0; ///< and behind them
    bool twice = false;       ///< every verb once more, which finds all done
    bool damaged = false;     ///< and once more, which finds the index and a part damaged
    bool classified = false;  ///< the table has classified keys only
    bool more_keys = false;   ///< among them such that score's classification does not have
    // What little memory makes of a run. 0 leaves it to the memory there is, which is enough for all.
    std::uint64_t memory_bytes = 0;
    std::uint64_t fan_in_max = 0;
    std::uint64_t sort_bytes = 0;
    std::uint64_t evidence_rows_max = 0;
    std::uint64_t evidence_fan_in = 0;
    std::uint64_t evidence_parts_per_run = 0;
};

class Property : public ::testing::Test {
protected:
    /// Runs cases `from` to `to`, or the one of IPSCORE_SEED.
    void run_cases(reference::Size size, std::uint64_t from, std::uint64_t to) {
        if (const char* seed = std::getenv("IPSCORE_SEED")) {
            from = std::strtoull(seed, nullptr, 10);
            to = from + 1;
        }
        for (std::uint64_t seed = from; seed < to; ++seed) {
            SCOPED_TRACE("seed " + std::to_string(seed) + "; IPSCORE_SEED=" + std::to_string(seed) +
                         " runs it alone");
            try {
                std::mt19937_64 random(seed);
                Ways ways = random_ways(random, size);
                ways.classified = seed % 3 == 0;
                ways.more_keys = seed % 6 == 0;
                run_case(reference::random_case(seed, size), ways, random);
            } catch (const std::exception& failure) {
                ADD_FAILURE() << failure.what();
            }
            if (HasFailure()) return;
        }
    }

    /// Compares all that a run of these inputs exports with the reference.
    void run_case(reference::Inputs inputs, const Ways& ways, std::mt19937_64& random) {
        keep_distinct(inputs.observations_csv);
        const reference::Outputs expected = reference::score(inputs);
        const FreshDirectory directory;
        const auto at = [&](const char* name) { return directory.path() / name; };
        write(at("classification.csv"), inputs.classification_csv);
        write(at("companies.csv"), inputs.companies_csv);
        write(at("model.toml"), inputs.model_toml);

        ingest_all(inputs, ways, directory.path(), random, expected.bad_rows);
        if (HasFailure()) return;

        ScoreArgs score_args;
        score_args.table = at("table");
        score_args.classification = at("classification.csv");
        score_args.companies = at("companies.csv");
        score_args.model = at("model.toml");
        score_args.output = at("scores");
        if (inputs.as_of) score_args.as_of = parse_date(*inputs.as_of).day;
        score_args.threads = ways.threads;
        score_args.memory_bytes = ways.memory_bytes;
        score_args.sort_bytes = ways.sort_bytes;
        score_args.evidence_rows_max = ways.evidence_rows_max;
        score_args.evidence_fan_in = ways.evidence_fan_in;
        score_args.evidence_parts_per_run = ways.evidence_parts_per_run;
        const scoring::Model model = io::read_model(score_args.model, score_args.as_of);

        PrepareArgs prepare_args;
        prepare_args.store = at("store");
        prepare_args.output = at("table");
        prepare_args.as_of = std::min(model.as_of + ways.days_after_as_of, last_valid_day);
        prepare_args.lookback_days = prepare_args.as_of - model.first_day() + 1 + ways.more_lookback;
        prepare_args.part_rows = ways.part_rows;
        prepare_args.threads = ways.threads;
        prepare_args.memory_bytes = ways.memory_bytes;
        prepare_args.fan_in_max = ways.fan_in_max;
        std::set<std::string> keys;
        if (ways.classified) {
            keys = keys_for(inputs, ways.more_keys);
            prepare_args.classification = at("prepared.csv");
            write(prepare_args.classification, classification_of(keys));
        }
        const RunSummary prepared = run_verb(
            ways, prepare_args.output, [&] { return prepare(world_, prepare_args, stop_, *monitor()); });
        const RunSummary summary =
            run_verb(ways, score_args.output, [&] { return score(world_, score_args, stop_, *monitor()); });
        expect_counts(summary);
        most_.see(prepared.json, summary.json);

        ExportArgs export_args;
        export_args.threads = ways.threads;
        const auto exported = [&](const char* input, bool companies) {
            export_args.input = at(input);
            export_args.output = at("export.csv");
            export_args.companies = companies;
            export_to(export_args, stop_);
            return read(export_args.output);
        };
        const auto expect_text = [](const char* what, const std::string& text, const std::string& reference) {
            if (text != reference) ADD_FAILURE() << what << ": " << first_difference(text, reference);
        };
        expect_text("scores", exported("scores", false), expected.scores_csv);
        expect_text("companies", exported("scores", true), expected.companies_csv);
        const bool same_days =
            prepare_args.as_of == model.as_of && prepare_args.lookback_days == model.lookback_days;
        if (ways.classified) {
            expect_rows_of(keys, inputs, prepare_args, prepared);
        } else if (same_days) {
            expect_text("table", exported("table", false), expected.observations_csv);
        }
    }

    // Little, but enough for everything that is not a matter of the data.
    static constexpr std::uint64_t least_memory_bytes = 64 << 20;

    /// The most that any case had of what there should be much of in some.
    struct Most {
        std::uint64_t parts = 0;
        std::uint64_t merges = 0;
        std::uint64_t classification_runs = 0;
        std::uint64_t evidence_runs = 0;
        bool companies_phase = false; ///< parts' evidence was merged before the index

        void see(const nlohmann::ordered_json& prepared, const nlohmann::ordered_json& scored) {
            const auto raise = [](std::uint64_t& most, const nlohmann::ordered_json& value) {
                most = std::max(most, value.get<std::uint64_t>());
            };
            raise(parts, scored.at("parts"));
            raise(merges, prepared.at("segments_merged_first"));
            raise(classification_runs, scored.at("spilled_runs").at("classification"));
            raise(evidence_runs, scored.at("spilled_runs").at("company_evidence"));
            companies_phase = companies_phase || scored.at("phases_seconds").contains("companies");
        }
    };
    Most most_;

private:
    static Ways random_ways(std::mt19937_64& random, reference::Size size) {
        const auto below = [&](std::uint64_t n) { return random() % n; };
        Ways ways;
        // Of work as small as this, threads make mostly context switches: so not every time.
        ways.threads = below(3) == 0 ? static_cast<int>(2 + below(3)) : 1;
        // Every segment and part is a file: a few dozen are enough.
        const std::uint64_t least_rows = size == reference::Size::tiny ? 6 : 30;
        ways.segment_rows = below(2) == 0 ? 1'000'000 : least_rows + below(10 * least_rows);
        ways.part_rows = below(3) == 0 ? 0 : least_rows + below(10 * least_rows);
        ways.one_call = below(2) == 0;
        ways.twice = below(10) == 0;
        ways.damaged = below(10) == 0;
        if (below(3) == 0) ways.more_lookback = static_cast<int>(below(200));
        if (below(3) == 0) ways.days_after_as_of = static_cast<int>(below(100));
        if (below(3) == 0) ways.memory_bytes = least_memory_bytes;
        if (below(4) == 0) ways.fan_in_max = 2 + below(3);
        if (below(2) == 0) ways.sort_bytes = 1 + below(1000);
        if (below(2) == 0) ways.evidence_rows_max = 1 + below(10);
        if (below(2) == 0) ways.evidence_fan_in = 2 + below(2);
        if (below(2) == 0) ways.evidence_parts_per_run = 1 + below(3);
        return ways;
    }

    /// The keys that a table is prepared for: those of the classification, and perhaps some of observations
    /// and some of nothing.
    static std::set<std::string> keys_for(const reference::Inputs& inputs, bool more) {
        std::set<std::string> keys;
        for (const auto& [key, tags] : reference::read_classification(inputs.classification_csv))
            keys.insert(key);
        if (!more) return keys;
        std::mt19937_64 random(keys.size());
        for (const auto& [row, hits] : observations_of(inputs)) {
            if (random() % 4 == 0) keys.insert(std::get<std::string>(row));
        }
        for (const char* key : {"\1", "key of nobody", "\xff\xff\xff"}) keys.insert(key);
        return keys;
    }
    static std::string classification_of(const std::set<std::string>& keys) {
        std::string text = "key,tag,weight\n";
        for (const std::string& key : keys) {
            io::append_csv_field(text, key);
            text += ",a tag of its own,0.5\n";
        }
        return text;
    }
    static reference::Observations observations_of(const reference::Inputs& inputs) {
        reference::Observations observations;
        for (const std::string& csv : inputs.observations_csv)
            (void)reference::add_observations(csv, observations);
        return observations;
    }

    /// The table has the rows of its keys and no others, and says what became of these.
    static void expect_rows_of(const std::set<std::string>& keys, const reference::Inputs& inputs,
                               const PrepareArgs& args, const RunSummary& prepared) {
        std::uint64_t rows = 0;
        const std::int64_t last = args.as_of;
        for (const auto& [row, hits] : observations_of(inputs)) {
            const std::int64_t day = std::get<reference::Day>(row).time_since_epoch().count();
            const bool is_within = day <= last && day > last - args.lookback_days;
            if (is_within && keys.contains(std::get<std::string>(row))) ++rows;
        }
        const auto& counts = prepared.json.at("counts");
        const auto count = [&](const char* name) { return counts.at(name).get<std::uint64_t>(); };
        EXPECT_EQ(count("rows"), rows);
        EXPECT_EQ(count("rows_read"), count("rows_outside_days") + count("rows_unclassified") +
                                          count("duplicates") + count("rows"));
        EXPECT_EQ(prepared.json.at("classification").at("keys"), keys.size());
    }

    template <class Run>
    static RunSummary run_verb(const Ways& ways, const std::filesystem::path& output, Run run) {
        RunSummary summary = run();
        constexpr const char* nothing = "nothing was done";
        EXPECT_THAT(summary.verdict, Not(HasSubstr(nothing)));
        if (ways.twice) {
            EXPECT_THAT(run().verdict, HasSubstr(nothing));
        }
        if (!ways.damaged) return summary;
        for (const char* name : {"index.h5", "part-00000.h5"}) {
            std::filesystem::resize_file(output / name, std::filesystem::file_size(output / name) / 2);
            const RunSummary mended = run();
            EXPECT_THAT(mended.verdict, Not(HasSubstr(nothing)));
            EXPECT_EQ(mended.json.at("counts"), summary.json.at("counts"));
            EXPECT_EQ(mended.json.at("content_hash"), summary.json.at("content_hash"));
        }
        return summary;
    }

    /// The store takes the same content once; the reference does not know of that.
    static void keep_distinct(std::vector<std::string>& texts) {
        std::set<std::string> seen;
        std::erase_if(texts, [&](const std::string& text) { return !seen.insert(text).second; });
    }

    /// In any order.
    void ingest_all(const reference::Inputs& inputs, const Ways& ways, const std::filesystem::path& directory,
                    std::mt19937_64& random, std::uint64_t expected_bad_rows) {
        IngestArgs args;
        args.store = directory / "store";
        args.segment_rows = ways.segment_rows;
        args.threads = ways.threads;
        args.memory_bytes = ways.memory_bytes;
        std::vector<std::filesystem::path> files;
        for (const std::string& text : inputs.observations_csv) {
            files.push_back(directory / ("observations-" + std::to_string(files.size()) + ".csv"));
            write(files.back(), text);
        }
        std::ranges::shuffle(files, random);
        std::uint64_t bad_rows = 0;
        const auto take = [&](const std::vector<std::filesystem::path>& some) {
            args.files = some;
            for (const IngestedFile& file : ingest(args, stop_, *monitor()).files) bad_rows += file.rejected;
        };
        if (ways.one_call) {
            take(files);
        } else {
            for (const auto& file : files) take({file});
        }
        EXPECT_EQ(bad_rows, expected_bad_rows);
    }

    static void expect_counts(const RunSummary& summary) {
        const auto& counts = summary.json.at("counts").at("observations");
        const auto count = [&](const char* name) { return counts.at(name).get<std::uint64_t>(); };
        EXPECT_EQ(count("read"), count("excluded") + count("outside_lookback") + count("unclassified") +
                                     count("classified"));
        EXPECT_GT(summary.json.at("counts").at("stored_bytes").get<std::uint64_t>(), 0U);
    }

    /// For one run; the cases are full of what score warns of.
    std::unique_ptr<RunMonitor> monitor() { return std::make_unique<RunMonitor>(log_); }

    mpi::World world_;
    StopFlag stop_;
    RunLog log_{"test", LogFormat::none};
};

TEST_F(Property, tiny_cases_equal_the_reference) {
    run_cases(reference::Size::tiny, 0, 2000);
    if (std::getenv("IPSCORE_SEED") != nullptr) return;
    EXPECT_GT(most_.parts, 2U);
    EXPECT_GT(most_.merges, 2U);
    EXPECT_GT(most_.classification_runs, 4U);
    EXPECT_GT(most_.evidence_runs, 4U);
}

TEST_F(Property, small_cases_equal_the_reference) { run_cases(reference::Size::small, 0, 60); }

TEST_F(Property, a_bid_stream_in_many_parts_equals_the_reference) {
    // Enough addresses for segments to have many places to cut at.
    const FreshDirectory directory;
    GenerateArgs args;
    args.output = directory.path();
    args.rows = 40'000;
    args.addresses = 8'000;
    args.keys = 300;
    args.tags = 12;
    args.gateway_share = 0.1;
    args.threads = 1;
    generate(args);
    const reference::Inputs inputs{.observations_csv = {read(directory.path() / "observations.csv")},
                                   .classification_csv = read(directory.path() / "classification.csv"),
                                   .companies_csv = read(directory.path() / "companies.csv"),
                                   .model_toml = read(directory.path() / "model.toml"),
                                   .as_of = {}};
    std::mt19937_64 random(1);
    run_case(inputs, {.threads = 3, .segment_rows = 15'000, .part_rows = 2'000, .evidence_parts_per_run = 2},
             random);
    EXPECT_GT(most_.parts, 10U);
    EXPECT_TRUE(most_.companies_phase);
    EXPECT_EQ(most_.merges, 0U);

    // The same with every merge on many levels.
    run_case(inputs,
             {.threads = 3,
              .segment_rows = 1'000,
              .part_rows = 20'000, // two parts, for a part merges its own evidence
              .classified = true,
              .more_keys = true,
              .memory_bytes = least_memory_bytes,
              .fan_in_max = 2,
              .sort_bytes = 1'000,
              .evidence_rows_max = 4,
              .evidence_fan_in = 2},
             random);
    EXPECT_GT(most_.merges, 30U);
    EXPECT_GT(most_.classification_runs, 8U);
    EXPECT_GT(most_.evidence_runs, 16U);
}

} // namespace
} // namespace ipscore::stages
