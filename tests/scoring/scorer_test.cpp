// The kernel, against sums in maps that follow SPEC "Per (address, tag)" and "Per (company, tag)" literally.
#include "ipscore/scoring/scorer.hpp"

#include "ipscore/scoring/formula.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::scoring {
namespace {

__extension__ typedef unsigned __int128 Uint128; // NOLINT(modernize-use-using): ISO C++ has no name for it

constexpr Day as_of = 20779; // 2026-11-22
constexpr std::uint32_t hits_max = 0xffff'ffff;
constexpr std::uint64_t u64_max = ~std::uint64_t{0};

/// Hits by address, then (key, day).
using RowsOfAddress = std::map<std::pair<std::uint32_t, Day>, std::uint32_t>;
using Observations = std::map<Address, RowsOfAddress>;

/// A model, a classification and companies, and the same as the kernel wants them.
struct Case {
    Model model;
    std::vector<std::string> tags;
    std::vector<std::map<std::uint32_t, Millionths>> tags_of_key; ///< weight by tag id
    Companies companies;

    [[nodiscard]] ScoringInputs inputs() const {
        ScoringInputs inputs;
        inputs.rules = TagRules(model, {tags.begin(), tags.end()});
        for (const auto& postings : tags_of_key) {
            for (const auto& [tag, weight] : postings) inputs.postings.postings.push_back({tag, weight});
            inputs.postings.offsets.push_back(static_cast<std::uint32_t>(inputs.postings.postings.size()));
        }
        inputs.networks = NetworkMap(companies, model.exclude_types);
        return inputs;
    }
};

/// `tags` tags without overrides, and one key for each of them alone with weight 1.
Case one_key_a_tag(std::uint32_t tags) {
    Case made;
    made.model.as_of = as_of;
    for (std::uint32_t tag = 0; tag < tags; ++tag) {
        made.tags.push_back("tag " + std::to_string(tag));
        made.tags_of_key.push_back({{tag, one_in_millionths}});
    }
    return made;
}

struct ScoreRow {
    Address address;
    std::uint32_t company = no_company;
    std::uint32_t tag = 0;
    float score = 0;
    float surge = 0;
    bool confident = false;
    std::uint64_t hits = 0;
    std::uint32_t keys = 0;
    int days = 0;
    Day first_day = 0;
    Day last_day = 0;
    std::uint64_t raw = 0;
    friend bool operator==(const ScoreRow&, const ScoreRow&) = default;
};
void PrintTo(const ScoreRow& row, std::ostream* out) {
    *out << to_string(row.address) << " company " << row.company << " tag " << row.tag << " score "
         << row.score << " surge " << row.surge << " confident " << row.confident << " hits " << row.hits
         << " keys " << row.keys << " days " << row.days << " from " << row.first_day << " to "
         << row.last_day << " raw " << row.raw;
}

using Evidence = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t,
                            std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;
Evidence values_of(const CompanyEvidence& e) {
    return {e.company, e.tag, e.addresses, e.hits, e.days.lo, e.days.hi, e.raw, e.recent, e.base};
}

using Counts = std::vector<std::uint64_t>;
Counts values_of(const ScoreCounts& c) {
    return {
        c.observations, c.excluded,           c.outside_lookback,    c.unclassified, c.classified,
        c.addresses,    c.addresses_excluded, c.addresses_with_rows, c.rows,         c.rows_below_min_score};
}

struct Result {
    std::vector<ScoreRow> rows;
    std::vector<Evidence> evidence;
    Counts counts;
    std::size_t drains = 0;
    std::size_t largest_batch_rows = 0;
};

void append_rows(const ScoreBatch& batch, std::vector<ScoreRow>& rows) {
    std::size_t row = 0;
    for (std::size_t i = 0; i < batch.address.size(); ++i) {
        for (std::uint32_t left = batch.tag_rows[i]; left > 0; --left, ++row) {
            rows.push_back({batch.address[i], batch.company[i], batch.tag[row], batch.score[row],
                            batch.surge[row], batch.confident[row] == 1, batch.hits[row], batch.keys[row],
                            batch.days[row], batch.first_day[row], batch.last_day[row], batch.raw[row]});
        }
    }
    EXPECT_EQ(row, batch.rows);
}

/// Runs the kernel. `piece(rows_left)` says how many rows the next call gets, at least 1.
template <class Piece>
Result run_kernel(const ScoringInputs& inputs, const Observations& observations, std::size_t batch_rows,
                  Piece piece) {
    Scorer scorer(inputs, batch_rows);
    Result result;
    const auto drain = [&] {
        append_rows(scorer.batch(), result.rows);
        result.largest_batch_rows = std::max(result.largest_batch_rows, scorer.batch().rows);
        scorer.clear_batch();
        ++result.drains;
    };
    for (const auto& [address, rows] : observations) {
        std::vector<std::uint32_t> key;
        std::vector<std::uint16_t> day;
        std::vector<std::uint32_t> hits;
        for (const auto& [key_and_day, row_hits] : rows) {
            key.push_back(key_and_day.first);
            day.push_back(static_cast<std::uint16_t>(key_and_day.second));
            hits.push_back(row_hits);
        }
        scorer.begin_address(address);
        for (std::size_t begin = 0; begin < key.size();) {
            const std::size_t count = piece(key.size() - begin);
            scorer.rows(std::span(key).subspan(begin, count), std::span(day).subspan(begin, count),
                        std::span(hits).subspan(begin, count), key.size() - begin - count);
            begin += count;
        }
        scorer.end_address();
        if (scorer.wants_drain()) drain();
    }
    drain();
    for (const CompanyEvidence& evidence : scorer.take_company_evidence())
        result.evidence.push_back(values_of(evidence));
    result.counts = values_of(scorer.counts());
    return result;
}

constexpr auto all_at_once = [](std::size_t rows_left) { return rows_left; };

/// Sums of one (address, tag), which cannot wrap here.
struct TagSums {
    std::set<std::uint32_t> keys;
    std::set<Day> days;
    Uint128 hits = 0;
    Uint128 raw = 0;
    Uint128 recent = 0;
    Uint128 base = 0;
};
struct CompanySums {
    std::uint64_t addresses = 0;
    std::set<Day> days;
    Uint128 hits = 0;
    Uint128 raw = 0;
    Uint128 recent = 0;
    Uint128 base = 0;
};

std::uint64_t saturated(Uint128 sum) { return sum > u64_max ? u64_max : static_cast<std::uint64_t>(sum); }

const CompanyNetwork* network_of(const Companies& companies, Address address) {
    const CompanyNetwork* longest = nullptr;
    for (const CompanyNetwork& one : companies.networks) {
        if (!one.network.holds(address)) continue;
        if (longest == nullptr || one.network.prefix_length > longest->network.prefix_length) longest = &one;
    }
    return longest;
}

/// SPEC, word for word.
Result oracle(const Case& made, const Observations& observations) {
    const Model& model = made.model;
    Result result;
    ScoreCounts counts;
    std::map<std::pair<std::uint32_t, std::uint32_t>, CompanySums> companies;
    for (const auto& [address, rows] : observations) {
        ++counts.addresses;
        counts.observations += rows.size();
        const CompanyNetwork* network = network_of(made.companies, address);
        if (network != nullptr && std::ranges::count(model.exclude_types, network->type) > 0) {
            ++counts.addresses_excluded;
            counts.excluded += rows.size();
            continue;
        }
        std::map<std::uint32_t, TagSums> tags;
        for (const auto& [key_and_day, hits] : rows) {
            const auto& [key, day] = key_and_day;
            const int age = model.as_of - day;
            if (age < 0 || age >= model.lookback_days) {
                ++counts.outside_lookback;
                continue;
            }
            ++(made.tags_of_key[key].empty() ? counts.unclassified : counts.classified);
            for (const auto& [tag, weight] : made.tags_of_key[key]) {
                const auto found = model.tags.find(made.tags[tag]);
                const TagOverride own = found == model.tags.end() ? TagOverride{} : found->second;
                const int lookback_days = own.lookback_days.value_or(model.lookback_days);
                if (age >= lookback_days) continue;
                const DecayTable decay = decay_table(
                    lookback_days, own.half_life_days ? own.half_life_days : model.half_life_days);
                TagSums& sums = tags[tag];
                sums.keys.insert(key);
                sums.days.insert(day);
                sums.hits += hits;
                sums.raw += Uint128{hits} * decay[static_cast<std::size_t>(age)] * weight;
                (age < model.recent_days ? sums.recent : sums.base) += Uint128{hits} * weight;
            }
        }
        std::uint64_t address_rows = 0;
        for (const auto& [tag, sums] : tags) {
            const TagRules rules(model, {made.tags[tag]});
            const std::uint64_t raw = saturated(sums.raw);
            if (network != nullptr) {
                CompanySums& company = companies[{network->company, tag}];
                ++company.addresses;
                company.days.insert(sums.days.begin(), sums.days.end());
                company.hits += saturated(sums.hits);
                company.raw += Uint128{raw} * network->confidence / 1'000'000;
                company.recent += saturated(sums.recent);
                company.base += saturated(sums.base);
            }
            const float score = score_of(raw, rules.tags[0].saturation_raw);
            if (score < static_cast<float>(model.min_score)) {
                ++counts.rows_below_min_score;
                continue;
            }
            ++address_rows;
            result.rows.push_back({address, network == nullptr ? no_company : network->company, tag, score,
                                   surge_of(saturated(sums.recent), saturated(sums.base), model.recent_days,
                                            rules.tags[0].base_days),
                                   score >= static_cast<float>(model.confident.min_score) &&
                                       sums.keys.size() >= model.confident.min_keys &&
                                       sums.days.size() >= model.confident.min_days,
                                   saturated(sums.hits), static_cast<std::uint32_t>(sums.keys.size()),
                                   static_cast<int>(sums.days.size()), *sums.days.begin(),
                                   *sums.days.rbegin(), raw});
        }
        counts.rows += address_rows;
        counts.addresses_with_rows += address_rows > 0 ? 1 : 0;
    }
    for (const auto& [who, sums] : companies) {
        AgeSet ages;
        for (const Day day : sums.days) ages.insert(static_cast<unsigned>(model.as_of - day));
        result.evidence.push_back({who.first, who.second, sums.addresses, saturated(sums.hits), ages.lo,
                                   ages.hi, saturated(sums.raw), saturated(sums.recent),
                                   saturated(sums.base)});
    }
    result.counts = values_of(counts);
    return result;
}

void expect_same(const Result& result, const Result& expected) {
    ASSERT_EQ(result.rows.size(), expected.rows.size());
    for (std::size_t i = 0; i < result.rows.size(); ++i) ASSERT_EQ(result.rows[i], expected.rows[i]);
    ASSERT_EQ(result.evidence.size(), expected.evidence.size());
    for (std::size_t i = 0; i < result.evidence.size(); ++i)
        ASSERT_EQ(result.evidence[i], expected.evidence[i]);
    EXPECT_EQ(result.counts, expected.counts);
    // read = excluded + outside + unclassified + classified
    EXPECT_EQ(result.counts[0], result.counts[1] + result.counts[2] + result.counts[3] + result.counts[4]);
}

/// Runs the kernel and compares it with the oracle; returns what both say.
Result scored(const Case& made, const Observations& observations) {
    Result result = run_kernel(made.inputs(), observations, 64, all_at_once);
    expect_same(result, oracle(made, observations));
    return result;
}

Address ip(std::uint32_t n) { return address_of_ipv4(0x0a00'0000 + n); }
CompanyNetwork network_at(std::uint32_t n, int ipv4_length, std::uint32_t company,
                          Millionths confidence = one_in_millionths, const std::string& type = "") {
    return {{ip(n), static_cast<std::uint8_t>(96 + ipv4_length)}, company, confidence, type};
}

TEST(Scorer, has_nothing_to_say_of_nothing) {
    const Result result = scored(one_key_a_tag(3), {});
    EXPECT_TRUE(result.rows.empty());
    EXPECT_TRUE(result.evidence.empty());
    EXPECT_EQ(result.counts, Counts(10));
}

TEST(Scorer, knows_no_tags) {
    Case made = one_key_a_tag(0);
    made.tags_of_key.resize(2);
    const Result result = scored(made, {{ip(1), {{{0, as_of}, 1}, {{1, as_of - 90}, 1}}}});
    EXPECT_TRUE(result.rows.empty());
    EXPECT_EQ(result.counts[2], 1U);
    EXPECT_EQ(result.counts[3], 1U);
}

TEST(Scorer, scores_one_observation) {
    const Result result = scored(one_key_a_tag(1), {{ip(1), {{{0, as_of - 3}, 50}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].score, 50.0F);
    EXPECT_EQ(result.rows[0].raw, 50ULL * 65536 * 1'000'000);
    EXPECT_EQ(result.rows[0].first_day, as_of - 3);
    EXPECT_EQ(result.rows[0].last_day, as_of - 3);
}

TEST(Scorer, leaves_out_days_after_as_of_and_before_the_lookback) {
    Case made = one_key_a_tag(1);
    made.model.lookback_days = 10;
    made.model.recent_days = 1;
    const Result result = scored(made, {{ip(1),
                                         {{{0, as_of + 1}, 1},
                                          {{0, as_of}, 10},
                                          {{0, as_of - 9}, 100},
                                          {{0, as_of - 10}, 1000},
                                          {{0, 47481}, 10000},
                                          {{0, 10957}, 10000}}},
                                        {ip(2), {{{0, as_of + 1}, 1}}},
                                        {ip(3), {{{0, as_of - 10}, 1}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].hits, 110U);
    EXPECT_EQ(result.rows[0].days, 2);
    EXPECT_EQ(result.counts[2], 6U);
    EXPECT_EQ(result.counts[7], 1U);
}

TEST(Scorer, counts_no_key_whose_days_all_lie_before_a_tags_own_lookback) {
    Case made = one_key_a_tag(1);
    made.tags_of_key.push_back({{0, 1}});
    made.model.tags["tag 0"].lookback_days = 10;
    const Result result =
        scored(made, {{ip(1), {{{0, as_of - 10}, 1}}}, {ip(2), {{{0, as_of - 10}, 1}, {{1, as_of - 9}, 1}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].address, ip(2));
    EXPECT_EQ(result.rows[0].keys, 1U);
    EXPECT_EQ(result.rows[0].days, 1);
    EXPECT_EQ(result.counts[4], 3U); // classified all the same
}

TEST(Scorer, counts_observations_whose_decay_is_0_for_all_but_raw) {
    Case made = one_key_a_tag(1);
    made.model.half_life_days = 1.0;
    made.companies.networks = {network_at(0, 8, 0)};
    const Result result = scored(made, {{ip(1), {{{0, as_of - 18}, 7}, {{0, as_of - 80}, 8}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].raw, 0U);
    EXPECT_EQ(result.rows[0].score, 0.0F);
    EXPECT_EQ(result.rows[0].hits, 15U);
    EXPECT_EQ(result.rows[0].keys, 1U);
    EXPECT_EQ(result.rows[0].days, 2);
    EXPECT_EQ(result.rows[0].first_day, as_of - 80);
    EXPECT_EQ(result.evidence.size(), 1U);
}

TEST(Scorer, counts_days_beyond_64_and_up_to_128) {
    for (const int lookback_days : {63, 64, 65, 127, 128}) {
        Case made = one_key_a_tag(2);
        made.model.lookback_days = lookback_days;
        made.companies.networks = {network_at(0, 8, 0)};
        RowsOfAddress rows;
        for (int age = -1; age < 140; ++age) {
            rows[{0, as_of - age}] = 1;
            if (age >= 64) rows[{1, as_of - age}] = 1;
        }
        const Result result = scored(made, {{ip(1), rows}});
        EXPECT_EQ(result.rows[0].days, lookback_days);
        EXPECT_EQ(result.rows[0].hits, static_cast<std::uint64_t>(lookback_days));
        EXPECT_EQ(result.rows[0].first_day, as_of - lookback_days + 1);
        EXPECT_EQ(result.rows[0].last_day, as_of);
        ASSERT_EQ(result.rows.size(), lookback_days > 64 ? 2U : 1U);
        if (lookback_days <= 64) continue;
        EXPECT_EQ(result.rows[1].last_day, as_of - 64);
    }
}

TEST(Scorer, keeps_tags_in_order_whatever_their_number) {
    for (const std::uint32_t tags : {1U, 2U, 63U, 64U, 65U, 128U, 300U}) {
        Case made = one_key_a_tag(tags);
        made.companies.networks = {network_at(0, 8, 0)};
        RowsOfAddress all;
        RowsOfAddress some;
        for (std::uint32_t key = 0; key < tags; ++key) {
            all[{key, as_of}] = key + 1;
            if (key % 64 == 0 || key % 64 == 63) some[{key, as_of}] = 1;
        }
        const Result result = scored(made, {{ip(1), all}, {ip(2), some}, {ip(3), {{{tags - 1, as_of}, 1}}}});
        EXPECT_EQ(result.rows.size(), tags + some.size() + 1);
        EXPECT_EQ(result.evidence.size(), tags);
        EXPECT_LE(result.largest_batch_rows, 64 + tags);
    }
}

TEST(Scorer, saturates_raw_of_one_row_and_of_many) {
    Case made = one_key_a_tag(1);
    made.tags_of_key = {{{0, one_in_millionths}}, {{0, one_in_millionths}}};
    made.companies.networks = {network_at(0, 8, 0, 500'000)};
    // hits x 65536 x 10^6 passes 2^64 at 281 474 977 hits.
    const Result result = scored(made, {{ip(1), {{{0, as_of}, 281'474'976}}},
                                        {ip(2), {{{0, as_of}, 281'474'977}}},
                                        {ip(3), {{{0, as_of}, hits_max}}},
                                        {ip(4), {{{0, as_of}, 281'474'976}, {{1, as_of}, 1}}},
                                        {ip(5), {{{0, as_of}, 281'474'976}, {{0, as_of - 1}, 1}}}});
    ASSERT_EQ(result.rows.size(), 5U);
    EXPECT_EQ(result.rows[0].raw, 281'474'976ULL * 65'536'000'000);
    for (std::size_t row = 1; row < 5; ++row) EXPECT_EQ(result.rows[row].raw, u64_max);
    EXPECT_LT(result.rows[1].score, 100.0F);
}

TEST(Scorer, weighs_saturated_raw_by_confidence_in_128_bits) {
    Case made = one_key_a_tag(1);
    made.companies.networks = {network_at(1, 32, 0, 999'999), network_at(2, 32, 1, 1),
                               network_at(3, 32, 2, 1'000'000), network_at(4, 32, 3, 333'333)};
    Observations observations;
    for (std::uint32_t n = 1; n <= 4; ++n) observations[ip(n)] = {{{0, as_of}, hits_max}};
    const Result result = scored(made, observations);
    EXPECT_EQ(std::get<6>(result.evidence[1]), 18446744073709U);
    EXPECT_EQ(std::get<6>(result.evidence[2]), u64_max);
}

TEST(Scorer, saturates_recent_and_base) {
    // 127 days of the most hits with weight 1 come to 5.45 x 10^17 a key; 2^64 is 33.8 of them.
    Case made = one_key_a_tag(1);
    made.model.lookback_days = 128;
    made.model.recent_days = 127;
    made.companies.networks = {network_at(0, 8, 0)};
    made.tags_of_key.assign(40, {{0, one_in_millionths}});
    const auto most_hits = [](std::uint32_t keys, int first_age, int ages) {
        RowsOfAddress rows;
        for (std::uint32_t key = 0; key < keys; ++key) {
            for (int age = first_age; age < first_age + ages; ++age) rows[{key, as_of - age}] = hits_max;
        }
        return rows;
    };
    Result result = scored(
        made,
        {{ip(1), most_hits(33, 0, 127)}, {ip(2), most_hits(34, 0, 127)}, {ip(3), most_hits(34, 0, 128)}});
    EXPECT_EQ(std::get<7>(result.evidence[0]), u64_max);
    EXPECT_EQ(std::get<8>(result.evidence[0]), 34ULL * hits_max * 1'000'000);
    EXPECT_EQ(result.rows[2].surge,
              static_cast<float>((18446744073709551616.0 / 127) / (34.0 * hits_max * 1'000'000 / 1)));

    made.model.recent_days = 1;
    result = scored(made, {{ip(1), most_hits(33, 1, 127)}, {ip(2), most_hits(34, 1, 127)}});
    EXPECT_EQ(std::get<8>(result.evidence[0]), u64_max);
    EXPECT_EQ(result.rows[0].surge, 0.0F);
}

TEST(Scorer, keeps_excluded_addresses_out_of_everything) {
    Case made = one_key_a_tag(1);
    made.model.exclude_types = {"hosting", "vpn"};
    made.companies.networks = {network_at(0, 8, 0, 1'000'000, "business"),
                               network_at(2, 32, 0, 1'000'000, "vpn")};
    const RowsOfAddress rows{{{0, as_of}, 5}, {{0, as_of - 200}, 5}};
    const Result result = scored(made, {{ip(1), rows}, {ip(2), rows}, {ip(3), rows}});
    EXPECT_EQ(result.rows.size(), 2U);
    EXPECT_EQ(result.counts[1], 2U);
    EXPECT_EQ(result.counts[2], 2U);
    EXPECT_EQ(result.counts[6], 1U);
    EXPECT_EQ(std::get<2>(result.evidence[0]), 2U);
    EXPECT_EQ(std::get<3>(result.evidence[0]), 10U);
}

TEST(Scorer, counts_addresses_below_min_score_for_their_company) {
    Case made = one_key_a_tag(2);
    made.model.min_score = 50.0;
    made.companies.networks = {network_at(0, 8, 0)};
    const Result result =
        scored(made, {{ip(1), {{{0, as_of}, 49}, {{1, as_of}, 50}}}, {ip(2), {{{0, as_of}, 1}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].tag, 1U);
    EXPECT_EQ(result.rows[0].score, 50.0F);
    EXPECT_EQ(result.counts[7], 1U);
    EXPECT_EQ(result.counts[9], 2U);
    EXPECT_EQ(std::get<2>(result.evidence[0]), 2U);
    EXPECT_EQ(std::get<3>(result.evidence[0]), 50U);
}

TEST(Scorer, compares_scores_with_thresholds_rounded_to_f32) {
    Case made = one_key_a_tag(1);
    made.model.half_saturation = 2.0;
    // 100 / 3 rounded to f32 is above the real number, so that a threshold of all its digits keeps the row.
    made.model.min_score = 33.333333333333336;
    made.model.confident = {33.333333333333336, 1, 1};
    const Result result = scored(made, {{ip(1), {{{0, as_of}, 1}}}});
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_TRUE(result.rows[0].confident);
    made.model.min_score = 33.33334;
    EXPECT_TRUE(scored(made, {{ip(1), {{{0, as_of}, 1}}}}).rows.empty());
}

TEST(Scorer, is_confident_when_score_keys_and_days_all_are) {
    Case made = one_key_a_tag(1);
    made.tags_of_key.assign(3, {{0, one_in_millionths}});
    made.model.confident = {50.0, 2, 3};
    const auto confident = [&](const RowsOfAddress& rows) {
        return scored(made, {{ip(1), rows}}).rows.at(0).confident;
    };
    EXPECT_TRUE(confident({{{0, as_of}, 48}, {{0, as_of - 1}, 1}, {{2, as_of - 2}, 1}}));
    EXPECT_FALSE(confident({{{0, as_of}, 47}, {{0, as_of - 1}, 1}, {{2, as_of - 2}, 1}}));
    EXPECT_FALSE(confident({{{0, as_of}, 48}, {{0, as_of - 1}, 1}, {{0, as_of - 2}, 1}}));
    EXPECT_FALSE(confident({{{0, as_of}, 48}, {{1, as_of - 1}, 1}, {{2, as_of - 1}, 1}}));
    EXPECT_FALSE(confident({{{0, as_of}, 50}}));
}

TEST(Scorer, forgets_an_address_before_the_next) {
    Case made = one_key_a_tag(3);
    made.tags_of_key.push_back({{0, 5}, {1, 6}, {2, 7}});
    // The same key ends one address and begins the next: still two runs.
    const Result result = scored(made, {{ip(1), {{{3, as_of}, 1}, {{3, as_of - 1}, 2}}},
                                        {ip(2), {{{3, as_of}, 4}}},
                                        {ip(3), {{{1, as_of + 5}, 4}}},
                                        {ip(4), {{{2, as_of}, 1}}}});
    EXPECT_EQ(result.rows.size(), 7U);
    EXPECT_EQ(result.rows[3].hits, 4U);
    EXPECT_EQ(result.rows[3].days, 1);
}

TEST(Scorer, asks_to_be_drained_and_never_overflows_its_batch) {
    Case made = one_key_a_tag(70);
    RowsOfAddress rows;
    for (std::uint32_t key = 0; key < 70; ++key) rows[{key, as_of}] = 1;
    Observations observations;
    for (std::uint32_t n = 0; n < 50; ++n) observations[ip(n)] = rows;
    const Result expected = oracle(made, observations);
    for (const std::size_t batch_rows : {1U, 69U, 70U, 71U, 4096U}) {
        const Result result = run_kernel(made.inputs(), observations, batch_rows, all_at_once);
        expect_same(result, expected);
        EXPECT_LT(result.largest_batch_rows, batch_rows + 70);
    }
}

TEST(Scorer, is_the_same_wherever_calls_split_the_rows) {
    Case made = one_key_a_tag(4);
    made.tags_of_key.push_back({{0, 300'000}, {2, 1}, {3, 999'999}});
    made.tags_of_key.emplace_back();
    made.tags_of_key.push_back({{1, 7}});
    made.model.half_life_days = 9.5;
    made.model.tags["tag 2"] = {20, std::nullopt, 3.0};
    made.companies.networks = {network_at(0, 8, 0)};
    RowsOfAddress rows;
    for (std::uint32_t key = 0; key < 7; ++key) {
        for (int age = -2; age < 100; age += 1 + static_cast<int>(key))
            rows[{key, as_of - age}] = 17 * key + 3;
    }
    const Observations observations{{ip(1), rows}, {ip(2), rows}};
    const ScoringInputs inputs = made.inputs();
    const Result expected = oracle(made, observations);
    expect_same(run_kernel(inputs, observations, 64, [](std::size_t) { return std::size_t{1}; }), expected);
    for (std::size_t at = 1; at < rows.size(); ++at) {
        SCOPED_TRACE("split at " + std::to_string(at));
        expect_same(run_kernel(inputs, observations, 64,
                               [&](std::size_t left) { return left == rows.size() ? at : left; }),
                    expected);
    }
}

TEST(Scorer, merges_the_evidence_of_companies_that_alternate) {
    // 300 tags and a company that changes with every address: 90 000 pieces of evidence, more than the kernel
    // keeps apart.
    constexpr std::uint32_t tags = 300;
    Case made = one_key_a_tag(tags);
    made.tags_of_key.emplace_back();
    for (std::uint32_t tag = 0; tag < tags; ++tag) made.tags_of_key.back()[tag] = tag + 1;
    constexpr std::uint32_t addresses = 900;
    Observations observations;
    for (std::uint32_t n = 0; n < addresses; ++n) {
        made.companies.networks.push_back(network_at(n, 32, n * 7 % 3, 1'000'000 - n));
        observations[ip(n)] = {{{tags, as_of - static_cast<Day>(n % 90)}, n + 1}};
    }
    const Result result = scored(made, observations);
    ASSERT_EQ(result.evidence.size(), 3U * tags);
    EXPECT_EQ(std::get<2>(result.evidence[0]), addresses / 3);
}

TEST(Scorer, keeps_the_evidence_of_a_company_that_comes_back_after_none) {
    Case made = one_key_a_tag(1);
    made.model.exclude_types = {"vpn"};
    made.companies.networks = {network_at(1, 32, 1), network_at(2, 32, 0), network_at(4, 32, 1),
                               network_at(5, 32, 0, 1, "vpn"), network_at(6, 32, 1)};
    Observations observations;
    for (std::uint32_t n = 0; n < 8; ++n) observations[ip(n)] = {{{0, as_of - static_cast<Day>(n)}, n + 1}};
    const Result result = scored(made, observations);
    ASSERT_EQ(result.evidence.size(), 2U);
    EXPECT_EQ(std::get<2>(result.evidence[0]), 1U);
    EXPECT_EQ(std::get<2>(result.evidence[1]), 3U);
    EXPECT_EQ(result.rows.size(), 7U);
}

TEST(ScoreCounts, add_up_field_by_field) {
    ScoreCounts sum{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    sum += {10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
    EXPECT_EQ(values_of(sum), (Counts{11, 22, 33, 44, 55, 66, 77, 88, 99, 110}));
}

/// Small universes, so that everything meets everything.
class RandomCase {
public:
    explicit RandomCase(std::uint64_t seed) : random_(seed) {
        Model& model = made.model;
        model.as_of = as_of;
        model.lookback_days = pick({2, 3, 30, 64, 65, 90, 128});
        model.recent_days = 1 + static_cast<int>(below(static_cast<std::uint64_t>(model.lookback_days) - 1));
        if (below(2) == 0) model.half_life_days = pick({0.5, 1.0, 7.0, 30.0});
        model.half_saturation = pick({0.001, 1.0, 50.0, 1e6});
        model.min_score = pick({0.0, 0.0, 1.0, 40.0, 99.0});
        model.confident = {pick({0.0, 10.0, 60.0}), below(4), below(4)};
        if (below(2) == 0) model.exclude_types = {"vpn", "hosting"};
        const std::uint64_t tags = below(8) == 0 ? below(200) : below(6);
        for (std::uint64_t tag = 0; tag < tags; ++tag) add_tag();
        made.tags_of_key.resize(1 + below(12));
        for (auto& postings : made.tags_of_key) {
            for (std::uint64_t i = tags == 0 ? 0 : below(5); i > 0; --i)
                postings[static_cast<std::uint32_t>(below(tags))] =
                    pick<Millionths>({1, 999'999, 1'000'000, static_cast<Millionths>(1 + below(1'000'000))});
        }
        std::set<Network> networks;
        for (std::uint64_t i = below(12); i > 0; --i) {
            const auto length = static_cast<int>(24 + below(9));
            const auto mask = static_cast<std::uint32_t>(~0ULL << (32 - length));
            networks.insert({address_of_ipv4((0x0a00'0000 + static_cast<std::uint32_t>(below(40))) & mask),
                             static_cast<std::uint8_t>(96 + length)});
        }
        for (const Network& network : networks) {
            made.companies.networks.push_back({network, static_cast<std::uint32_t>(below(4)),
                                               pick<Millionths>({1, 500'000, 999'999, 1'000'000}),
                                               pick<std::string>({"", "isp", "vpn", "hosting", "business"})});
        }
        const std::uint32_t most_hits = pick<std::uint32_t>({9, 5000, hits_max});
        for (std::uint64_t i = below(12); i > 0; --i) {
            RowsOfAddress& rows = observations[ip(static_cast<std::uint32_t>(below(40)))];
            for (std::uint64_t r = 1 + below(60); r > 0; --r) {
                const auto key = static_cast<std::uint32_t>(below(made.tags_of_key.size()));
                const auto hits = static_cast<std::uint32_t>(1 + below(most_hits));
                rows[{key, as_of - some_age()}] = below(3) == 0 ? most_hits : hits;
            }
        }
    }
    std::uint64_t below(std::uint64_t n) { return random_() % n; }

    Case made;
    Observations observations;

private:
    template <class T>
    T pick(std::initializer_list<T> from) {
        return *(from.begin() + below(from.size()));
    }
    void add_tag() {
        made.tags.push_back("tag " + std::to_string(made.tags.size()));
        if (below(2) == 0) return;
        const Model& model = made.model;
        TagOverride own;
        const auto longer = static_cast<std::uint64_t>(model.lookback_days - model.recent_days);
        if (below(2) == 0) own.lookback_days = model.recent_days + 1 + static_cast<int>(below(longer));
        if (below(2) == 0) own.half_life_days = pick({0.5, 7.0});
        if (below(2) == 0) own.half_saturation = pick({0.001, 1.0, 1e6});
        made.model.tags[made.tags.back()] = own;
    }
    int some_age() {
        const Model& model = made.model;
        return pick({-1, 0, model.recent_days - 1, model.recent_days, model.lookback_days - 1,
                     model.lookback_days, static_cast<int>(below(128)), static_cast<int>(below(30))});
    }
    std::mt19937_64 random_;
};

TEST(Scorer, equals_the_oracle_on_random_addresses) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomCase random(seed);
        const ScoringInputs inputs = random.made.inputs();
        const std::size_t batch_rows = 1 + random.below(100);
        const Result result = run_kernel(inputs, random.observations, batch_rows,
                                         [&](std::size_t left) { return 1 + random.below(left); });
        expect_same(result, oracle(random.made, random.observations));
        if (HasFatalFailure()) return;
    }
}

} // namespace
} // namespace ipscore::scoring
