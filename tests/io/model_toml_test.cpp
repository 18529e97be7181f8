// The model file: SPEC's defaults and limits, and where a fault stands.
#include "ipscore/io/model_toml.hpp"

#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <optional>
#include <random>

namespace ipscore::io {
namespace {

using scoring::Confident;
using scoring::Model;
using scoring::TagOverride;
using ::testing::ElementsAre;
using ::testing::StartsWith;

class ModelTest : public FilesTest {
protected:
    [[nodiscard]] Model read(const std::string& text, std::optional<Day> as_of = std::nullopt) const {
        return read_model(write("m.toml", text), as_of);
    }
    /// Without the path, which must stand in front.
    [[nodiscard]] std::string fault(const std::string& text) const {
        const std::string message = message_of([&] { (void)read(text); });
        const std::string begin = (directory / "m.toml").string();
        EXPECT_THAT(message, StartsWith(begin));
        return message.starts_with(begin) ? message.substr(begin.size()) : message;
    }
    /// Of a line that follows a valid as_of.
    [[nodiscard]] std::string fault_of_line_2(const std::string& line) const {
        return fault("as_of = 2026-11-22\n" + line + "\n");
    }
};

constexpr Day november_22 = 20779; ///< of 2026

TEST_F(ModelTest, defaults) {
    const Model model = read("as_of = 2026-11-22");
    Model expected;
    expected.as_of = november_22;
    expected.lookback_days = 90;
    expected.half_life_days = std::nullopt;
    expected.recent_days = 7;
    expected.half_saturation = 50;
    expected.company_half_saturation = 500;
    expected.min_score = 0;
    expected.exclude_types = {};
    expected.confident = {60, 2, 2};
    expected.tags = {};
    EXPECT_EQ(model, expected);
}

TEST_F(ModelTest, every_name_is_read) {
    const Model model = read(R"(# SPEC's own example, with other values
as_of = 2026-11-22
lookback_days = 128
half_life_days = 30
recent_days = 6
half_saturation = 51.5
company_half_saturation = 501
min_score = 0.5
exclude_types = ["hosting", "", "v\"pn"]
[confident]
min_score = 61
min_keys = 3
min_days = 0
[tags."cyber security"]
lookback_days = 7
half_life_days = 7.5
half_saturation = 20
[tags.other]
[tags]
third = { half_life_days = 1 }
)");
    Model expected;
    expected.as_of = november_22;
    expected.lookback_days = 128;
    expected.half_life_days = 30;
    expected.recent_days = 6;
    expected.half_saturation = 51.5;
    expected.company_half_saturation = 501;
    expected.min_score = 0.5;
    expected.exclude_types = {"hosting", "", "v\"pn"};
    expected.confident = {61, 3, 0};
    expected.tags["cyber security"] = {7, 7.5, 20};
    expected.tags["other"] = {};
    expected.tags["third"] = {std::nullopt, 1, std::nullopt};
    EXPECT_EQ(model, expected);
}

TEST_F(ModelTest, the_command_line_overrides_as_of) {
    EXPECT_EQ(read("as_of = 2026-11-22", 20000).as_of, 20000);
    EXPECT_EQ(read("", 20000).as_of, 20000);
    EXPECT_EQ(read("as_of = 2026-11-22", std::nullopt).as_of, november_22);
    EXPECT_EQ(fault(""), ": as_of is missing; write as_of = YYYY-MM-DD or give --as-of");
    // What the file says must be right even so.
    EXPECT_THAT(message_of([&] { (void)read("as_of = 1", 20000); }), ::testing::HasSubstr(":1:9: as_of: 1 "));
}

TEST_F(ModelTest, as_of_is_a_date) {
    EXPECT_EQ(read("as_of = 2000-01-01").as_of, first_valid_day);
    EXPECT_EQ(read("as_of = 2099-12-31").as_of, last_valid_day);
    const std::string no_date = " is not a date such as 2026-11-22 (without quotes)";
    EXPECT_EQ(fault("as_of = \"2026-11-22\""), ":1:9: as_of: '2026-11-22'" + no_date);
    EXPECT_EQ(fault("as_of = 2026"), ":1:9: as_of: 2026" + no_date);
    EXPECT_EQ(fault("as_of = 2026-11-22T00:00:00Z"), ":1:9: as_of: 2026-11-22T00:00:00Z" + no_date);
    const std::string range = " is not between 2000-01-01 and 2099-12-31";
    EXPECT_EQ(fault("as_of = 1999-12-31"), ":1:9: as_of: 1999-12-31" + range);
    EXPECT_EQ(fault("as_of = 2100-01-01"), ":1:9: as_of: 2100-01-01" + range);
    EXPECT_THAT(fault("as_of = 2026-02-29"), StartsWith(":1:"));
}

TEST_F(ModelTest, limits_of_whole_numbers) {
    EXPECT_EQ(read("as_of = 2026-11-22\nlookback_days = 2\nrecent_days = 1").lookback_days, 2);
    EXPECT_EQ(read("as_of = 2026-11-22\nlookback_days = 128\nrecent_days = 127").recent_days, 127);
    for (const std::string days : {"1", "0", "-5", "129", "9223372036854775807"}) {
        EXPECT_EQ(fault_of_line_2("lookback_days = " + days),
                  ":2:17: lookback_days: " + days + " is not a whole number from 2 to 128");
    }
    for (const std::string days : {"0", "-1", "128", "4294967297"}) {
        EXPECT_EQ(fault_of_line_2("recent_days = " + days),
                  ":2:15: recent_days: " + days + " is not a whole number from 1 to 127");
    }
    EXPECT_EQ(fault_of_line_2("lookback_days = 30.5"), ":2:17: lookback_days: 30.5 is not a whole number");
    EXPECT_EQ(fault_of_line_2("lookback_days = \"30\""), ":2:17: lookback_days: '30' is not a whole number");
    EXPECT_EQ(fault_of_line_2("recent_days = true"), ":2:15: recent_days: true is not a whole number");
    EXPECT_EQ(fault_of_line_2("[confident]\nmin_keys = -1"),
              ":3:12: confident.min_keys: -1 is not a whole number from 0 to 4294967295");
    EXPECT_EQ(fault_of_line_2("[confident]\nmin_days = 4294967296"),
              ":3:12: confident.min_days: 4294967296 is not a whole number from 0 to 4294967295");
    EXPECT_EQ(fault_of_line_2("[confident]\nmin_days = 1.5"),
              ":3:12: confident.min_days: 1.5 is not a whole number");
    EXPECT_EQ(read("as_of = 2026-11-22\n[confident]\nmin_keys = 4294967295").confident.min_keys, 4294967295U);
}

TEST_F(ModelTest, limits_of_decimals) {
    for (const std::string name : {"half_life_days", "half_saturation", "company_half_saturation"}) {
        const std::string place = ":2:" + std::to_string(name.size() + 4) + ": " + name + ": ";
        for (const std::string value : {"0", "-1", "-2.5"}) {
            EXPECT_EQ(fault_of_line_2(name + " = " + value), place + value + " is not above 0");
        }
        EXPECT_EQ(fault_of_line_2(name + " = 0.0"), place + "0.0 is not above 0");
        EXPECT_EQ(fault_of_line_2(name + " = inf"), place + "inf is not a finite number");
        EXPECT_EQ(fault_of_line_2(name + " = nan"), place + "nan is not a finite number");
        EXPECT_EQ(fault_of_line_2(name + " = '5'"), place + "'5' is not a number");
        EXPECT_EQ(fault_of_line_2(name + " = false"), place + "false is not a number");
        EXPECT_EQ(fault_of_line_2(name + " = 2026-11-22"), place + "2026-11-22 is not a number");
        EXPECT_EQ(fault_of_line_2(name + " = [\n1]"), place + "[ 1 ] is not a number");
    }
    EXPECT_EQ(fault_of_line_2("min_score = -inf"), ":2:13: min_score: -inf is not a finite number");
    EXPECT_EQ(read("as_of = 2026-11-22\nmin_score = -1").min_score, -1);
    EXPECT_EQ(read("as_of = 2026-11-22\nhalf_life_days = 1e-9").half_life_days, 1e-9);
    // More digits than a double holds: a whole number all the same.
    EXPECT_EQ(read("as_of = 2026-11-22\nhalf_saturation = 9007199254740993").half_saturation,
              9007199254740992.0);
    EXPECT_EQ(fault_of_line_2("[confident]\nmin_score = \"high\""),
              ":3:13: confident.min_score: 'high' is not a number");
}

TEST_F(ModelTest, lists_and_tables_must_be_such) {
    EXPECT_EQ(fault_of_line_2("exclude_types = \"vpn\""),
              ":2:17: exclude_types: 'vpn' is not a list of texts");
    EXPECT_EQ(fault_of_line_2("exclude_types = [\"vpn\", 1]"), ":2:25: exclude_types: 1 is not a text");
    EXPECT_EQ(fault_of_line_2("confident = 1"), ":2:13: confident: 1 is not a table");
    EXPECT_EQ(fault_of_line_2("tags = []"), ":2:8: tags: [] is not a table");
    EXPECT_EQ(fault_of_line_2("[tags]\na = 5"), ":3:5: tags.a: 5 is not a table");
    EXPECT_THAT(fault_of_line_2("[[tags.a]]\nlookback_days = 30"), StartsWith(":2:1: tags.a: "));
}

TEST_F(ModelTest, an_unknown_name_is_named_with_its_place) {
    EXPECT_EQ(fault_of_line_2("lookback = 30"), ":2:1: unknown name \"lookback\"");
    EXPECT_EQ(fault_of_line_2("  half_life_day = 30"), ":2:3: unknown name \"half_life_day\"");
    EXPECT_EQ(fault_of_line_2("[confident]\nmin_hits = 1"), ":3:1: unknown name confident.\"min_hits\"");
    EXPECT_EQ(fault_of_line_2("[tags.\"a b\"]\nmin_score = 1"),
              ":3:1: unknown name tags.\"a b\".\"min_score\"");
    EXPECT_EQ(fault_of_line_2("[tag.x]\n"), ":2:2: unknown name \"tag\"");
    EXPECT_EQ(fault_of_line_2("[tags.x]\n\"new\\nline\" = 1"),
              ":3:1: unknown name tags.\"x\".\"new\\x0aline\"");
}

TEST_F(ModelTest, recent_days_is_shorter_than_every_lookback) {
    EXPECT_EQ(fault_of_line_2("lookback_days = 10\nrecent_days = 10"),
              ":3:15: recent_days: 10 is not shorter than lookback_days, 10");
    // Also where it is not given.
    EXPECT_EQ(fault_of_line_2("lookback_days = 7"),
              ":2:17: lookback_days: 7 is not longer than recent_days, 7");
    EXPECT_EQ(fault_of_line_2("[tags.a]\nlookback_days = 7"),
              ":3:17: tags.\"a\".lookback_days: 7 is not longer than recent_days, 7");
    EXPECT_EQ(fault_of_line_2("recent_days = 20\n[tags.a]\nlookback_days = 20"),
              ":4:17: tags.\"a\".lookback_days: 20 is not longer than recent_days, 20");
    EXPECT_EQ(
        read("as_of = 2026-11-22\nrecent_days = 20\n[tags.a]\nlookback_days = 21").tags["a"].lookback_days,
        21);
}

TEST_F(ModelTest, an_override_has_the_limits_of_the_model) {
    EXPECT_EQ(fault_of_line_2("lookback_days = 30\n[tags.a]\nlookback_days = 31"),
              ":4:17: tags.\"a\".lookback_days: 31 is longer than the model's own 30");
    EXPECT_EQ(fault_of_line_2("[tags.a]\nlookback_days = 91"),
              ":3:17: tags.\"a\".lookback_days: 91 is longer than the model's own 90");
    EXPECT_EQ(fault_of_line_2("[tags.a]\nlookback_days = 129"),
              ":3:17: tags.\"a\".lookback_days: 129 is not a whole number from 2 to 128");
    EXPECT_EQ(fault_of_line_2("[tags.a]\nhalf_life_days = 0"),
              ":3:18: tags.\"a\".half_life_days: 0 is not above 0");
    EXPECT_EQ(fault_of_line_2("[tags.'a\"']\nhalf_saturation = -1"),
              ":3:19: tags.\"a\"\".half_saturation: -1 is not above 0");
    // The model's own value may stand behind the tags that are compared with it.
    EXPECT_EQ(
        read("tags.a.lookback_days = 100\nlookback_days = 120\nas_of = 2026-11-22").tags["a"].lookback_days,
        100);
}

TEST_F(ModelTest, what_is_no_toml_is_named_with_its_place) {
    EXPECT_THAT(fault("as_of = 2026-11-22\nlookback_days 30\n"), StartsWith(":2:"));
    EXPECT_THAT(fault("as_of = 2026-11-22\nas_of = 2026-11-22\n"), StartsWith(":2:"));
    EXPECT_THAT(fault("as_of = \"\xff\""), StartsWith(":1:"));
    EXPECT_EQ(message_of([&] { (void)read_model(directory / "none.toml", std::nullopt); }),
              "cannot read " + (directory / "none.toml").string() + ": No such file or directory");
    EXPECT_EQ(message_of([&] { (void)read_model(directory, std::nullopt); }),
              "cannot read " + directory.string() + ": Is a directory");
}

/// Any double above 0, also one that takes 17 digits.
double random_positive(std::mt19937_64& random) {
    return std::ldexp(static_cast<double>(random() >> 11U) + 1, static_cast<int>(random() % 200) - 150);
}

TEST(ModelJson, round_trip) {
    std::mt19937_64 random(11);
    const auto maybe = [&](auto value) {
        return random() % 2 == 0 ? std::optional<decltype(value)>() : std::optional(value);
    };
    for (int i = 0; i < 500; ++i) {
        Model model;
        model.as_of = first_valid_day + static_cast<Day>(random() % (last_valid_day - first_valid_day + 1));
        model.lookback_days = 2 + static_cast<int>(random() % 127);
        model.half_life_days = maybe(random_positive(random));
        model.recent_days = 1 + static_cast<int>(random() % 127);
        model.half_saturation = random_positive(random);
        model.company_half_saturation = random_positive(random);
        model.min_score = random_positive(random) - 1;
        for (std::uint64_t k = random() % 3; k > 0; --k) model.exclude_types.push_back("type \"\\\n\xC3\xA9");
        model.confident = {random_positive(random), random() >> 32U, random() >> 32U};
        for (std::uint64_t k = random() % 4; k > 0; --k) {
            model.tags[std::string(1, "ab/~\""[random() % 5]) + std::to_string(k)] =
                TagOverride{maybe(2 + static_cast<int>(random() % 127)), maybe(random_positive(random)),
                            maybe(random_positive(random))};
        }
        const std::string text = model_json(model).dump();
        const Model back = model_of_json(nlohmann::ordered_json::parse(text));
        ASSERT_EQ(back, model) << text;
        ASSERT_EQ(model_json(back).dump(), text);
    }
}

TEST(ModelJson, has_a_fixed_form) {
    Model model;
    model.as_of = november_22;
    model.exclude_types = {"vpn"};
    model.tags["a"].half_saturation = 2.5;
    EXPECT_EQ(model_json(model).dump(),
              R"({"as_of":"2026-11-22","lookback_days":90,"half_life_days":null,"recent_days":7,)"
              R"("half_saturation":50.0,"company_half_saturation":500.0,"min_score":0.0,)"
              R"("exclude_types":["vpn"],"confident":{"min_score":60.0,"min_keys":2,"min_days":2},)"
              R"("tags":{"a":{"lookback_days":null,"half_life_days":null,"half_saturation":2.5}}})");
}

TEST(ModelJson, something_else_is_refused) {
    using Json = nlohmann::ordered_json;
    Json good = model_json(Model{});
    EXPECT_THROW((void)model_of_json(Json()), Json::exception);
    EXPECT_THROW((void)model_of_json(Json::array()), Json::exception);
    for (const auto& [name, value] : good.items()) {
        Json bad = good;
        bad.erase(name);
        EXPECT_THROW((void)model_of_json(bad), Json::exception) << name;
    }
}

} // namespace
} // namespace ipscore::io
