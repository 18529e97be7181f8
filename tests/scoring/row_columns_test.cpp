// The columns that are computed many rows at a time, against the formulas row by row.
#include "row_columns.hpp"

#include "ipscore/scoring/formula.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace ipscore::scoring {
namespace {

constexpr std::size_t rows_before = 3; // of the batch, which are not to be touched
constexpr std::uint32_t untouched = 4711;

struct Rows {
    TagRules rules;
    UnfinishedRows unfinished;
    ScoreBatch batch;
};

/// Any bits, few bits, or the largest: sums of all sizes.
std::uint64_t random_sum(std::mt19937_64& random) {
    switch (random() % 4) {
    case 0:
        return random();
    case 1:
        return random() >> random() % 64;
    case 2:
        return ~std::uint64_t{0} - random() % 3;
    default:
        return random() % 3;
    }
}

AgeSet random_ages(std::mt19937_64& random) {
    AgeSet ages;
    do {
        ages = {random() % 3 == 0 ? 0 : random_sum(random), random() % 3 == 0 ? 0 : random_sum(random)};
    } while (ages.empty());
    return ages;
}

Rows random_rows(std::size_t rows, std::mt19937_64& random) {
    Rows made;
    Model model;
    model.as_of = 20779;
    model.recent_days = 1 + static_cast<int>(random() % 60);
    model.half_saturation = static_cast<double>(random() % 1000 + 1) / 7;
    model.confident = {.min_score = 30, .min_keys = random() % 5, .min_days = random() % 130};
    model.tags["b"].half_saturation = 1e-6;
    model.tags["c"].lookback_days = 70;
    made.rules = TagRules(model, {"a", "b", "c"});
    ScoreBatch& batch = made.batch;
    const std::size_t room = rows_before + rows;
    batch.rows = room;
    batch.tag.resize(room);
    batch.raw.resize(room);
    batch.keys.resize(room);
    batch.score.resize(room, untouched);
    batch.surge.resize(room, untouched);
    batch.confident.resize(room, 7);
    batch.days.resize(room, 7);
    batch.first_day.resize(room, 7);
    batch.last_day.resize(room, 7);
    for (std::size_t i = 0; i < rows; ++i) {
        const auto tag = static_cast<std::uint32_t>(random() % 3);
        batch.tag[rows_before + i] = tag;
        batch.raw[rows_before + i] = random_sum(random);
        batch.keys[rows_before + i] = static_cast<std::uint32_t>(random_sum(random));
        const std::uint64_t recent = random_sum(random);
        made.unfinished.recent.push_back(recent);
        // Where a row is, there is evidence.
        made.unfinished.base.push_back(recent == 0 ? 1 : random_sum(random));
        made.unfinished.saturation_raw.push_back(made.rules.tags[tag].saturation_raw);
        made.unfinished.base_days.push_back(made.rules.tags[tag].base_days);
        made.unfinished.days.push_back(random_ages(random));
    }
    made.unfinished.rows = rows;
    return made;
}

void expect_formulas(const Rows& rows) {
    const TagRules& rules = rows.rules;
    const ScoreBatch& batch = rows.batch;
    for (std::size_t i = 0; i < rows_before; ++i) EXPECT_EQ(batch.score[i], untouched);
    for (std::size_t i = 0; i < rows.unfinished.rows; ++i) {
        const std::size_t at = rows_before + i;
        const TagRule& rule = rules.tags[batch.tag[at]];
        const AgeSet ages = rows.unfinished.days[i];
        const float score = score_of(batch.raw[at], rule.saturation_raw);
        const float surge =
            surge_of(rows.unfinished.recent[i], rows.unfinished.base[i], rules.recent_days, rule.base_days);
        int days = 0;
        int first = -1;
        int last = -1;
        for (int age = 0; age < 128; ++age) {
            if (((age < 64 ? ages.lo >> age : ages.hi >> (age - 64)) & 1U) == 0) continue;
            ++days;
            if (last < 0) last = age;
            first = age;
        }
        ASSERT_EQ(std::bit_cast<std::uint32_t>(batch.score[at]), std::bit_cast<std::uint32_t>(score))
            << batch.raw[at];
        ASSERT_EQ(std::bit_cast<std::uint32_t>(batch.surge[at]), std::bit_cast<std::uint32_t>(surge))
            << rows.unfinished.recent[i] << ' ' << rows.unfinished.base[i];
        ASSERT_EQ(batch.days[at], days);
        ASSERT_EQ(batch.first_day[at], rules.as_of - first);
        ASSERT_EQ(batch.last_day[at], rules.as_of - last);
        ASSERT_EQ(batch.confident[at], score >= rules.confident_min_score &&
                                           batch.keys[at] >= rules.confident_min_keys &&
                                           static_cast<std::uint64_t>(days) >= rules.confident_min_days);
    }
}

TEST(RowColumns, equal_the_formulas_with_any_instructions) {
    std::mt19937_64 random(2611);
    for (const Instructions instructions : {Instructions::any, Instructions::best}) {
        for (const std::size_t rows : {0UL, 1UL, 2UL, 3UL, 5UL, 8UL, 17UL, 1000UL, 4096UL}) {
            Rows made = random_rows(rows, random);
            finish_columns(made.unfinished, made.rules, made.batch, instructions);
            expect_formulas(made);
        }
    }
}

TEST(RowColumns, ask_for_more_keys_than_there_can_be) {
    std::mt19937_64 random(5);
    Rows made = random_rows(100, random);
    made.rules.confident_min_score = 0;
    made.rules.confident_min_days = 0;
    made.rules.confident_min_keys = (std::uint64_t{1} << 32U) + 1;
    for (std::size_t i = 0; i < 100; ++i) made.batch.keys[rows_before + i] = 1;
    finish_columns(made.unfinished, made.rules, made.batch);
    expect_formulas(made);
}

} // namespace
} // namespace ipscore::scoring
