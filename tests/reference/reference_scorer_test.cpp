// The reference against values worked out by hand from SPEC.md, so that it is more than a second opinion.

#include "reference_scorer.hpp"

#include "random_case.hpp"
#include "reference_text.hpp"

#include <gtest/gtest.h>

#include <cfloat>
#include <limits>
#include <stdexcept>

namespace ipscore::reference {

namespace {

constexpr const char* scores_header =
    "ip,company,tag,score,surge,confident,hits,keys,days,first_day,last_day,raw\n";
constexpr const char* companies_header = "company,tag,score,surge,addresses,hits,days,raw\n";
constexpr const char* observations_header = "ip,day,key,hits\n";

/// One file of observations (rows without header), one key `k` of tag `t` and weight 1, no companies.
Inputs inputs_of(const std::string& rows, const std::string& model = "") {
    return {{observations_header + rows},
            "key,tag,weight\nk,t,1\n",
            "network,company,confidence,type\n",
            "as_of = 2026-11-22\n" + model,
            std::nullopt};
}

std::string scores_of(const Inputs& inputs) {
    const std::string text = score(inputs).scores_csv;
    EXPECT_TRUE(text.starts_with(scores_header));
    return text.substr(std::string(scores_header).size());
}

std::string companies_of(const Inputs& inputs) {
    const std::string text = score(inputs).companies_csv;
    EXPECT_TRUE(text.starts_with(companies_header));
    return text.substr(std::string(companies_header).size());
}

std::string observations_of(const Inputs& inputs) {
    return score(inputs).observations_csv.substr(std::string(observations_header).size());
}

TEST(ReferenceScore, halves_after_a_half_life) {
    // raw = (10 x 65536 + 10 x 32768) x 10^6, as much as 15 hits of today, and K is 15.
    // surge = (10 / 8) / (10 / 32).
    const auto inputs = inputs_of("1.2.3.4,2026-11-22,k,10\n1.2.3.4,2026-10-23,k,10\n",
                                  "half_life_days = 30.0\nlookback_days = 40\nrecent_days = 8\n"
                                  "half_saturation = 15\n");
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,50,4,0,20,1,2,2026-10-23,2026-11-22,983040000000\n");
}

TEST(ReferenceScore, rounds_the_decay_to_an_integer) {
    // 65536 x 2^(-1/7) = 59357.506 rounds to 59358; the weight is 500 000 millionths. K is far above: score
    // 0.
    auto inputs = inputs_of("1.2.3.4,2026-11-21,k,1\n", "half_life_days = 7\nhalf_saturation = 1e200\n");
    inputs.classification_csv = "key,tag,weight\nk,t,.5\n";
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,0,inf,0,1,1,1,2026-11-21,2026-11-21,29679000000\n");
}

TEST(ReferenceScore, a_decay_of_half_a_part_rounds_up_to_one) {
    // 65536 x 2^-17 is exactly a half.
    const auto inputs =
        inputs_of("1.2.3.4,2026-11-05,k,1\n", "half_life_days = 1\nhalf_saturation = 1e200\n");
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,0,0,0,1,1,1,2026-11-05,2026-11-05,1000000\n");
}

TEST(ReferenceScore, an_observation_that_decayed_to_nothing_still_counts) {
    const auto inputs = inputs_of("1.2.3.4,2026-11-21,k,3\n", "half_life_days = 0.001\nrecent_days = 1\n");
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,0,0,0,3,1,1,2026-11-21,2026-11-21,0\n");
}

TEST(ReferenceScore, look_back_holds_its_first_day_and_as_of_and_no_other) {
    const auto inputs = inputs_of("1.2.3.4,2026-11-23,k,1000\n1.2.3.4,2026-11-22,k,1\n"
                                  "1.2.3.4,2026-11-21,k,20\n1.2.3.4,2026-11-20,k,300\n",
                                  "lookback_days = 2\nrecent_days = 1\nhalf_saturation = 21\n");
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,50,0.05,0,21,1,2,2026-11-21,2026-11-22,1376256000000\n");
}

TEST(ReferenceScore, command_line_overrides_as_of) {
    auto inputs = inputs_of("1.2.3.4,2026-11-22,k,50\n1.2.3.4,2026-11-21,k,7\n",
                            "lookback_days = 2\nrecent_days = 1\n");
    inputs.as_of = "2026-11-23";
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,50,0,0,50,1,1,2026-11-22,2026-11-22,3276800000000\n");
}

TEST(ReferenceScore, confident_asks_for_score_keys_and_days) {
    // 30 of 30 + 20 is a score of exactly 60.
    auto inputs = inputs_of("1.0.0.1,2026-11-22,k,15\n1.0.0.1,2026-11-21,j,15\n"
                            "1.0.0.2,2026-11-22,k,15\n1.0.0.2,2026-11-21,k,15\n"
                            "1.0.0.3,2026-11-22,k,15\n1.0.0.3,2026-11-22,j,15\n",
                            "half_saturation = 20\n");
    inputs.classification_csv += "j,t,1.000\n";
    EXPECT_EQ(scores_of(inputs), "1.0.0.1,,t,60,inf,1,30,2,2,2026-11-21,2026-11-22,1966080000000\n"
                                 "1.0.0.2,,t,60,inf,0,30,1,2,2026-11-21,2026-11-22,1966080000000\n"
                                 "1.0.0.3,,t,60,inf,0,30,2,1,2026-11-22,2026-11-22,1966080000000\n");
    inputs.model_toml += "[confident]\nmin_score = 60.00001\n";
    EXPECT_TRUE(scores_of(inputs).starts_with("1.0.0.1,,t,60,inf,0,"));
}

TEST(ReferenceScore, thresholds_are_rounded_to_f32_first) {
    // 25 of 25 + 50 scores 33.3333..., in f32 33.33333206; so does 33.3333333, and 33.333335 is the next one.
    const std::string row = "1.2.3.4,,t,33.333332,inf,0,25,1,1,2026-11-22,2026-11-22,1638400000000\n";
    const std::string observation = "1.2.3.4,2026-11-22,k,25\n";
    EXPECT_EQ(scores_of(inputs_of(observation, "min_score = 33.3333333\n")), row);
    EXPECT_EQ(scores_of(inputs_of(observation, "min_score = 33.333335\n")), "");
}

TEST(ReferenceScore, overrides_of_one_tag) {
    auto inputs = inputs_of("1.2.3.4,2026-11-22,k,10\n1.2.3.4,2026-11-12,k,10\n1.2.3.4,2026-10-23,k,10\n",
                            "half_saturation = 30\n[tags.short]\nlookback_days = 30\nhalf_saturation = 15.0\n"
                            "half_life_days = 10\n[tags.unused]\n");
    inputs.classification_csv += "k,short,1\n";
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,short,50,3.2857144,0,20,1,2,2026-11-12,2026-11-22,983040000000\n"
                                 "1.2.3.4,,t,50,5.928571,0,30,1,3,2026-10-23,2026-11-22,1966080000000\n");
}

TEST(ReferenceScore, hits_of_equal_observations_are_added_and_saturate) {
    auto inputs = inputs_of("1.2.3.4,2026-11-22,k,4294967295\n");
    inputs.observations_csv.push_back("key,ip,day\nk,::ffff:102:304,2026-11-23T00:30:00+01:00\n");
    const Outputs outputs = score(inputs);
    EXPECT_EQ(outputs.observations_csv, "ip,day,key,hits\n1.2.3.4,2026-11-22,k,4294967295\n");
    EXPECT_EQ(outputs.scores_csv, std::string(scores_header) +
                                      "1.2.3.4,,t,99.999985,inf,0,4294967295,1,1,2026-11-22,2026-11-22,"
                                      "18446744073709551615\n");
}

TEST(ReferenceScore, recent_and_base_saturate) {
    // 5000 and 10000 x 4294967295 x 10^6 both pass 2^64, so their ratio is 1 instead of a half.
    std::string rows, keys;
    for (int key = 0; key < 10000; ++key) {
        const std::string name = "k" + std::to_string(key);
        if (key < 5000) rows += "1.2.3.4,2026-11-22," + name + ",4294967295\n";
        rows += "1.2.3.4,2026-11-21," + name + ",4294967295\n";
        keys += name + ",t,1\n";
    }
    auto inputs = inputs_of(rows, "lookback_days = 2\nrecent_days = 1\n");
    inputs.classification_csv += keys;
    EXPECT_EQ(scores_of(inputs), "1.2.3.4,,t,99.999985,1,1,64424509425000,10000,2,2026-11-21,2026-11-22,"
                                 "18446744073709551615\n");
}

TEST(ReferenceScore, tags_and_addresses_order_by_bytes) {
    auto inputs = inputs_of("10.0.0.0,2026-11-22,k,50\n9.0.0.0,2026-11-22,k,50\n::1,2026-11-22,k,50\n"
                            "::1:0:0:0,2026-11-22,k,50\n");
    inputs.classification_csv = "key,tag,weight\nk,b,1\nk,\"a,\"\"\",1\nk,B,1\nk,\xC3\xA9,1\nk,b,1.0\n";
    std::string expected;
    for (const char* address : {"::1", "9.0.0.0", "10.0.0.0", "::1:0:0:0"}) {
        for (const char* tag : {"B", "\"a,\"\"\"", "b", "\xC3\xA9"}) {
            expected +=
                std::string(address) + ",," + tag + ",50,inf,0,50,1,1,2026-11-22,2026-11-22,3276800000000\n";
        }
    }
    EXPECT_EQ(scores_of(inputs), expected);
}

TEST(ReferenceCompanies, sum_over_addresses_with_confidence) {
    // raw is 10 hits from 1.0.0.1 and half of 10 from 2.0.0.1, as 15 hits. C is 15, and doubled for tag u.
    auto inputs =
        inputs_of("1.0.0.1,2026-11-22,k,10\n2.0.0.1,2026-11-22,k,9\n2.0.0.1,2026-11-01,k,1\n"
                  "3.0.0.1,2026-11-22,k,10\n",
                  "min_score = 99\ncompany_half_saturation = 15\nlookback_days = 22\nrecent_days = 2\n"
                  "[tags.u]\nhalf_saturation = 100.0\n");
    inputs.classification_csv += "k,u,1\n";
    inputs.companies_csv += "1.0.0.0/8,\"Two, Inc.\",1,isp\n2.0.0.0/8,\"Two, Inc.\",0.5,business\n";
    // surge = (19 / 2) / (1 / 20): confidence does not enter.
    EXPECT_EQ(companies_of(inputs), "\"Two, Inc.\",t,50,190,2,20,2,983040000000\n"
                                    "\"Two, Inc.\",u,33.333332,190,2,20,2,983040000000\n");
    EXPECT_EQ(scores_of(inputs), "");
}

TEST(ReferenceCompanies, round_each_address_down) {
    // 65536 x 0.333333 = 21845.3 for each of two addresses.
    auto inputs =
        inputs_of("1.0.0.1,2026-11-22,k,1\n1.0.0.2,2026-11-22,k,1\n", "company_half_saturation = 1e200\n");
    inputs.classification_csv = "key,tag,weight\nk,t,0.000001\n";
    inputs.companies_csv += "1.0.0.0/8,One,0.333333,\n";
    EXPECT_EQ(companies_of(inputs), "One,t,0,inf,2,2,1,43690\n");
}

TEST(ReferenceCompanies, longest_prefix_and_excluded_types) {
    auto inputs = inputs_of("1.0.0.0,2026-11-22,k,50\n1.0.0.1,2026-11-22,k,50\n1.0.0.2,2026-11-22,k,50\n"
                            "2.0.0.0,2026-11-22,k,50\n2001:db8::,2026-11-22,k,50\n",
                            "exclude_types = [\"hosting\"]\n");
    inputs.companies_csv += "::/0,World,1,\n0.0.0.0/0,IPv4,1,Hosting\n1.0.0.0/24,Net,1,isp\n"
                            "::ffff:1.0.0.1/128,Host,1,hosting\n1.0.0.2/31,Pair,1,isp\n";
    const std::string rest = ",t,50,inf,0,50,1,1,2026-11-22,2026-11-22,3276800000000\n";
    EXPECT_EQ(scores_of(inputs), "1.0.0.0,Net" + rest + "1.0.0.2,Pair" + rest + "2.0.0.0,IPv4" + rest +
                                     "2001:db8::,World" + rest);
    // 50 of 50 + 500.
    const std::string company_rest = ",t,9.090909,inf,1,50,1,3276800000000\n";
    EXPECT_EQ(companies_of(inputs),
              "IPv4" + company_rest + "Net" + company_rest + "Pair" + company_rest + "World" + company_rest);
}

TEST(ReferenceObservations, hold_every_key_of_the_look_back_in_order) {
    const auto inputs =
        inputs_of("10.0.0.1,2026-11-22,\"b,\"\"x\",1\n10.0.0.1,2026-11-22,a,2\n9.0.0.1,2026-11-22,z,3\n"
                  "10.0.0.1,2026-11-21,\"b,\"\"x\",4\n10.0.0.1,2026-11-20,a,5\n"
                  "10.0.0.1,2026-11-23,a,6\n10.0.0.1,2026-11-22,a,7\n",
                  "lookback_days = 2\nrecent_days = 1\n");
    EXPECT_EQ(observations_of(inputs),
              "9.0.0.1,2026-11-22,z,3\n10.0.0.1,2026-11-22,a,9\n"
              "10.0.0.1,2026-11-21,\"b,\"\"x\",4\n10.0.0.1,2026-11-22,\"b,\"\"x\",1\n");
}

TEST(ReferenceObservations, bad_rows_are_counted_and_left_out) {
    const auto inputs =
        inputs_of("1.2.3.4,2026-11-22,k,1\n01.2.3.4,2026-11-22,k,1\n1.2.3.4,2026-11-31,k,1\n"
                  "1.2.3.4,2026-11-22,,1\n1.2.3.4,2026-11-22,k,0\n1.2.3.4,2026-11-22,k,4294967296\n"
                  "1.2.3.4,2026-11-22,k\n1.2.3.4,2026-11-22,k,1,\n1.2.3.4,2026-11-22,k\"k,1\n"
                  "1.2.3.4,2026-11-22,\"k\"k,1\n1.2.3.4,2026-11-22,\"k,1\n1.2.3.4,2026-11-22,k,1\n");
    const Outputs outputs = score(inputs);
    EXPECT_EQ(outputs.bad_rows, 10U);
    EXPECT_EQ(outputs.observations_csv, "ip,day,key,hits\n1.2.3.4,2026-11-22,k,1\n");
}

TEST(ReferenceObservations, stop_when_too_many_rows_are_bad) {
    std::string bad;
    for (int row = 0; row < 100; ++row) bad += "bad\n";
    EXPECT_EQ(score(inputs_of(bad)).bad_rows, 100U);
    EXPECT_THROW(score(inputs_of(bad + "bad\n")), std::runtime_error);
    std::string good;
    for (int row = 0; row < 10'000; ++row) good += "1.2.3.4,2026-11-22,k,1\n";
    EXPECT_EQ(score(inputs_of(bad + "bad\n" + good)).bad_rows, 101U);
}

TEST(ReferenceErrors, stop_the_run) {
    const auto with_classification = [](const std::string& rows) {
        auto inputs = inputs_of("");
        inputs.classification_csv = rows;
        return inputs;
    };
    const auto with_companies = [](const std::string& rows) {
        auto inputs = inputs_of("");
        inputs.companies_csv = "network,company,confidence\n" + rows;
        return inputs;
    };
    EXPECT_NO_THROW(score(inputs_of("")));
    for (const char* text :
         {"", "key,tag\n", "key,tag,weight,key\n", "key,tag,weight,\xFF\n", "key,tag,weight\nk,t,0\n",
          "key,tag,weight\nk,t,1.000001\n", "key,tag,weight\nk,t,0.1234567\n", "key,tag,weight\nk,t,1e-3\n",
          "key,tag,weight\nk,t,.\n", "key,tag,weight\nk,,1\n", "key,tag,weight\n,t,1\n",
          "key,tag,weight\nk,t,1,2\n", "key,tag,weight\nk,t,.5\nk,t,.6\n"}) {
        EXPECT_THROW(score(with_classification(text)), std::runtime_error) << text;
    }
    for (const char* text : {"10.0.0.1/24,A,1\n", "10.0.0.0,A,1\n", "10.0.0.0/33,A,1\n", "10.0.0.0/-1,A,1\n",
                             "10.0.0.0/8,A,1\n::ffff:10.0.0.0/104,B,1\n", "10.0.0.0/8,A,0\n", "x/8,A,1\n"}) {
        EXPECT_THROW(score(with_companies(text)), std::runtime_error) << text;
    }
    for (const char* text :
         {"lookback_days = 1\n", "lookback_days = 129\n", "lookback_days = 7\n", "recent_days = 0\n",
          "lookback_days = 90.0\n", "half_life_days = 0\n", "half_saturation = -1\n", "half_life = 3\n",
          "exclude_types = 'vpn'\n", "min_score = '1'\n", "[confident]\nmin_hits = 1\n",
          "[tags.t]\nlookback_days = 91\n", "[tags.t]\nlookback_days = 7\n", "[tags.t]\nrecent_days = 1\n",
          "as_of = 2026-11-22\n"}) {
        EXPECT_THROW(score(inputs_of("", text)), std::runtime_error) << text;
    }
    auto without_day = inputs_of("");
    without_day.model_toml = "";
    EXPECT_THROW(score(without_day), std::runtime_error);
}

TEST(ReferenceText, csv_follows_rfc_4180) {
    const auto rows = read_csv("\xEF\xBB\xBF\r\n\na,\"b\"\r\n\n\"x\n\"\"y,\",\nlast,\"\"");
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].fields, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"x\n\"y,", ""}));
    EXPECT_EQ(rows[2].fields, (std::vector<std::string>{"last", ""}));
    EXPECT_EQ(rows[0].line, 3U);
    EXPECT_EQ(rows[1].line, 5U);
    EXPECT_EQ(rows[2].line, 7U);
}

TEST(ReferenceText, addresses_in_and_out) {
    const auto again = [](const char* text) {
        const auto address = parse_address(text);
        return address ? format_address(*address) : "none";
    };
    EXPECT_EQ(again("1.2.3.4"), "1.2.3.4");
    EXPECT_EQ(again("::FFFF:1.2.3.4"), "1.2.3.4");
    EXPECT_EQ(again("0:0:0:0:0:ffff:102:304"), "1.2.3.4");
    EXPECT_EQ(again("::1.2.3.4"), "::102:304");
    EXPECT_EQ(again("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
    EXPECT_EQ(again("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
    EXPECT_EQ(again("::"), "::");
    EXPECT_EQ(again("1:0:0:0:0:0:0:0"), "1::");
    for (const char* text :
         {"", "1.2.3", "1.2.3.04", "1.2.3.256", "1.2.3.4 ", "fe80::1%1", "1::2::3", "12345::", ":1"}) {
        EXPECT_EQ(again(text), "none") << text;
    }
    EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)));
}

TEST(ReferenceText, days_in_utc) {
    const auto day_of = [](const char* text) {
        const auto day = parse_day(text);
        return day ? format_day(*day) : "none";
    };
    EXPECT_EQ(day_of("2024-02-29"), "2024-02-29");
    EXPECT_EQ(day_of("2024-02-29T23:59:59.999Z"), "2024-02-29");
    EXPECT_EQ(day_of("2024-02-29t23:30:00-00:30"), "2024-03-01");
    EXPECT_EQ(day_of("2024-03-01 00:29:59+00:30"), "2024-02-29");
    EXPECT_EQ(day_of("1999-12-31T23:00:00-01:00"), "2000-01-01");
    EXPECT_EQ(day_of("2016-12-31T23:59:60Z"), "2016-12-31");
    EXPECT_EQ(day_of("2017-01-01T08:59:60+09:00"), "2016-12-31");
    for (const char* text : {"", "1999-12-31", "2100-01-01", "2023-02-29", "2024-1-01", "2024-01-01T00:00:00",
                             "2024-01-01T24:00:00Z", "2024-01-01T00:00Z", "2024-01-01T00:00:00.Z",
                             "2024-01-01T00:00:60Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00+24:00",
                             "2024-01-01T00:00:00+0100", "2000-01-01T00:00:00+00:01", "2024-01-01Z"}) {
        EXPECT_EQ(day_of(text), "none") << text;
    }
}

TEST(ReferenceText, f32_in_the_fewest_significant_digits) {
    EXPECT_EQ(format_f32(0.0F), "0");
    EXPECT_EQ(format_f32(100.0F), "100");
    EXPECT_EQ(format_f32(0.1F), "0.1");
    EXPECT_EQ(format_f32(12.5F), "12.5");
    EXPECT_EQ(format_f32(16777216.0F), "16777216");
    EXPECT_EQ(format_f32(2147483648.0F), "2147483600");
    EXPECT_EQ(format_f32(1e20F), "100000000000000000000");
    EXPECT_EQ(format_f32(1e-7F), "0.0000001");
    EXPECT_EQ(format_f32(62817.1875F), "62817.188"); // between 62817.187 and .188: the even digit
    EXPECT_EQ(format_f32(FLT_MAX), "34028235" + std::string(31, '0'));
    EXPECT_EQ(format_f32(std::numeric_limits<float>::denorm_min()), "0." + std::string(44, '0') + "1");
    EXPECT_EQ(format_f32(std::numeric_limits<float>::infinity()), "inf");
}

TEST(RandomCase, is_valid_and_comes_again) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        for (const Size size : {Size::tiny, Size::small}) {
            const Inputs inputs = random_case(seed, size), again = random_case(seed, size);
            EXPECT_NO_THROW(score(inputs)) << seed;
            EXPECT_EQ(inputs.observations_csv, again.observations_csv);
            EXPECT_EQ(inputs.classification_csv, again.classification_csv);
            EXPECT_EQ(inputs.companies_csv, again.companies_csv);
            EXPECT_EQ(inputs.model_toml, again.model_toml);
            EXPECT_EQ(inputs.as_of, again.as_of);
        }
    }
}

} // namespace

} // namespace ipscore::reference
