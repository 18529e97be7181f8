// The model resolved for tags: decay, profiles, and the constants of the formulas.
#include "ipscore/scoring/model.hpp"

#include "ipscore/scoring/company_scores.hpp"
#include "ipscore/scoring/formula.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace ipscore::scoring {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr float inf_f32 = std::numeric_limits<float>::infinity();

TEST(Decay, is_the_formula_rounded_half_up) {
    for (const double half_life_days : {0.5, 1.0, 2.0, 3.0, 7.0, 7.5, 30.0, 90.0, 365.0, 1e6}) {
        const DecayTable table = decay_table(128, half_life_days);
        for (int age = 0; age < 128; ++age) {
            const long double exact = 65536.0L * std::exp2(-static_cast<long double>(age) / half_life_days);
            EXPECT_EQ(table[static_cast<std::size_t>(age)],
                      static_cast<std::uint32_t>(std::floor(exact + 0.5L)))
                << "age " << age << ", half-life " << half_life_days;
        }
    }
}

TEST(Decay, halves_exactly_at_every_half_life) {
    const DecayTable table = decay_table(128, 7.0);
    EXPECT_EQ(table[0], 65536U);
    EXPECT_EQ(table[7], 32768U);
    EXPECT_EQ(table[14], 16384U);
    EXPECT_EQ(table[112], 1U);
    EXPECT_EQ(table[1], 59358U); // 59357.506
}

TEST(Decay, rounds_a_tie_up) {
    const DecayTable table = decay_table(90, 1.0);
    EXPECT_EQ(table[16], 1U);
    EXPECT_EQ(table[17], 1U); // 65536 x 2^-17 is 0.5
    EXPECT_EQ(table[18], 0U);
    EXPECT_EQ(table[89], 0U);
}

TEST(Decay, is_whole_without_a_half_life_and_0_from_the_lookback_on) {
    const DecayTable table = decay_table(30, std::nullopt);
    for (std::size_t age = 0; age < table.size(); ++age) EXPECT_EQ(table[age], age < 30 ? 65536U : 0U);
    const DecayTable decaying = decay_table(2, 1000.0);
    EXPECT_GT(decaying[1], 0U);
    EXPECT_EQ(decaying[2], 0U);
    EXPECT_EQ(decay_table(128, std::nullopt)[127], 65536U);
}

TEST(Decay, keeps_today_whole_with_the_smallest_half_life) {
    const DecayTable table = decay_table(90, std::numeric_limits<double>::denorm_min());
    EXPECT_EQ(table[0], 65536U);
    EXPECT_EQ(table[1], 0U);
    EXPECT_EQ(decay_table(128, std::numeric_limits<double>::max())[127], 65536U);
}

Model model_with_overrides() {
    Model model;
    model.as_of = 20779;
    model.half_life_days = 30.0;
    model.tags["own half-life"].half_life_days = 7.0;
    model.tags["own look-back"].lookback_days = 30;
    model.tags["own saturation"].half_saturation = 20.0;
    model.tags["all"] = {30, 7.0, 0.1};
    model.tags["nothing"] = {};
    model.tags["no key"].lookback_days = 8;
    return model;
}

TEST(TagRules, take_the_models_values_where_a_tag_has_none) {
    const std::vector<std::string_view> names{"all",           "no overrides",  "nothing",
                                              "own half-life", "own look-back", "own saturation"};
    const TagRules rules(model_with_overrides(), names);
    ASSERT_EQ(rules.tags.size(), names.size());
    const auto profile = [&](std::size_t tag) { return rules.profiles[rules.tags[tag].profile]; };
    EXPECT_EQ(profile(0).lookback_days, 30);
    EXPECT_EQ(profile(0).half_life_days, 7.0);
    EXPECT_EQ(profile(1).lookback_days, 90);
    EXPECT_EQ(profile(1).half_life_days, 30.0);
    EXPECT_EQ(profile(3).lookback_days, 90);
    EXPECT_EQ(profile(3).half_life_days, 7.0);
    EXPECT_EQ(profile(4).lookback_days, 30);
    EXPECT_EQ(profile(4).half_life_days, 30.0);
    EXPECT_EQ(profile(5).lookback_days, 90);

    EXPECT_EQ(rules.tags[0].base_days, 23.0);
    EXPECT_EQ(rules.tags[1].base_days, 83.0);
    EXPECT_EQ(rules.tags[4].base_days, 23.0);
    EXPECT_EQ(rules.recent_days, 7.0);
    EXPECT_EQ(rules.recent_ages, 7);
    EXPECT_EQ(rules.as_of, 20779);
    EXPECT_EQ(rules.lookback_days, 90);
    for (std::size_t tag = 0; tag < names.size(); ++tag) {
        EXPECT_EQ(profile(tag).decay, decay_table(profile(tag).lookback_days, profile(tag).half_life_days));
    }
}

TEST(TagRules, share_profiles_among_tags_of_equal_decay) {
    const TagRules rules(model_with_overrides(), {"all", "no overrides", "nothing", "own half-life",
                                                  "own look-back", "own saturation"});
    EXPECT_EQ(rules.profiles.size(), 4U);
    EXPECT_EQ(rules.tags[1].profile, rules.tags[2].profile);
    EXPECT_EQ(rules.tags[1].profile, rules.tags[5].profile);
}

TEST(TagRules, tell_no_decay_from_any_half_life) {
    Model model;
    model.tags["decays"].half_life_days = 1.0;
    const TagRules rules(model, {"decays", "does not"});
    ASSERT_EQ(rules.profiles.size(), 2U);
    EXPECT_EQ(rules.profiles[rules.tags[0].profile].decay[1], 32768U);
    EXPECT_EQ(rules.profiles[rules.tags[1].profile].decay[1], 65536U);
}

TEST(TagRules, know_no_tags_without_names) {
    const TagRules rules(model_with_overrides(), {});
    EXPECT_TRUE(rules.tags.empty());
    EXPECT_TRUE(rules.profiles.empty());
}

TEST(TagRules, multiply_in_the_order_of_the_spec) {
    // Values where another order rounds differently.
    Model model;
    model.half_saturation = 3.3333333;
    model.company_half_saturation = 0.7;
    model.tags["t"].half_saturation = 0.1;
    const TagRules rules(model, {"t"});
    EXPECT_EQ(rules.tags[0].saturation_raw, (0.1 * 65536.0) * 1e6);
    EXPECT_EQ(rules.tags[0].company_saturation_raw, (((0.1 * 0.7) / 3.3333333) * 65536.0) * 1e6);
}

TEST(TagRules, round_thresholds_to_f32) {
    Model model;
    model.min_score = 0.1;
    model.confident = {33.3, 3, 4};
    const TagRules rules(model, {"t"});
    EXPECT_EQ(rules.min_score, 0.1F);
    EXPECT_NE(static_cast<double>(rules.min_score), 0.1);
    EXPECT_EQ(rules.confident_min_score, 33.3F);
    EXPECT_EQ(rules.confident_min_keys, 3U);
    EXPECT_EQ(rules.confident_min_days, 4U);
}

TEST(Score, is_half_at_the_half_saturation_and_never_above_100) {
    EXPECT_EQ(score_of(0, 1.0), 0.0F);
    EXPECT_EQ(score_of(3'276'800'000'000, 3276800000000.0), 50.0F);
    EXPECT_EQ(score_of(std::numeric_limits<std::uint64_t>::max(), 1.0), 100.0F);
    EXPECT_EQ(score_of(1, inf), 0.0F);
}

TEST(Score, rounds_once) {
    // In f32 throughout, or with 100 * (r / (r + k)), some of these come out differently.
    for (std::uint64_t raw = 1; raw < 2000; ++raw) {
        const auto r = static_cast<double>(raw);
        EXPECT_EQ(score_of(raw, 777.0), static_cast<float>((100.0 * r) / (r + 777.0)));
    }
}

TEST(Surge, is_infinite_without_base_and_0_without_recent) {
    EXPECT_EQ(surge_of(1, 0, 7, 83), inf_f32);
    EXPECT_EQ(surge_of(0, 1, 7, 83), 0.0F);
    EXPECT_EQ(surge_of(7, 83, 7, 83), 1.0F);
    EXPECT_EQ(surge_of(std::numeric_limits<std::uint64_t>::max(), 1, 1, 127),
              static_cast<float>(18446744073709551616.0 * 127));
}

TEST(CompanyRow, is_the_formula_with_the_companies_saturation) {
    Model model;
    model.recent_days = 2;
    model.lookback_days = 10;
    const TagRules rules(model, {"a", "b"});
    AgeSet days;
    days.insert(0);
    days.insert(9);
    const CompanyRow row = company_row({.company = 3,
                                        .tag = 1,
                                        .addresses = 5,
                                        .hits = 6,
                                        .days = days,
                                        .raw = 500ULL * 65536 * 1'000'000,
                                        .recent = 4,
                                        .base = 8},
                                       rules);
    EXPECT_EQ(row.company, 3U);
    EXPECT_EQ(row.tag, 1U);
    EXPECT_EQ(row.addresses, 5U);
    EXPECT_EQ(row.hits, 6U);
    EXPECT_EQ(row.days, 2U);
    EXPECT_EQ(row.raw, 500ULL * 65536 * 1'000'000);
    EXPECT_EQ(row.score, 50.0F);
    EXPECT_EQ(row.surge, 2.0F); // (4 / 2) / (8 / 8)
}

} // namespace
} // namespace ipscore::scoring
