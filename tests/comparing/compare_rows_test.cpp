// Random rows on both sides, against a comparison by std::map, in one stretch and in many.
#include "ipscore/comparing/differences.hpp"
#include "rows_lib.hpp"

#include <gtest/gtest.h>
#include <random>

namespace ipscore::comparing {
namespace {

struct Expected {
    OutcomeCounts counts;
    DuplicateCounts duplicates;
    std::vector<std::uint64_t> column_rows = std::vector<std::uint64_t>(3);
    std::map<std::string, OutcomeCounts> by_tag;
    std::map<std::string, OutcomeCounts> by_network; ///< /24 of IPv4
};

using Key = std::pair<Address, std::string>;

Expected expect(const std::vector<ScoreLine>& before, const std::vector<ScoreLine>& now) {
    std::map<Key, std::pair<std::vector<ScoreLine>, std::vector<ScoreLine>>> rows;
    for (const ScoreLine& line : before) rows[{line.address, line.tag}].first.push_back(line);
    for (const ScoreLine& line : now) rows[{line.address, line.tag}].second.push_back(line);
    Expected expected;
    for (const auto& [key, sides] : rows) {
        const auto& [old_rows, new_rows] = sides;
        if (old_rows.size() > 1 || new_rows.size() > 1) {
            expected.duplicates.add({1, old_rows.size(), new_rows.size()});
            continue;
        }
        Outcome outcome = old_rows.empty() ? Outcome::only_new : Outcome::only_old;
        if (!old_rows.empty() && !new_rows.empty()) {
            outcome = Outcome::equal;
            const ScoreLine& a = old_rows[0];
            const ScoreLine& b = new_rows[0];
            const bool differs[] = {a.company != b.company, a.score != b.score, a.hits != b.hits};
            for (std::size_t column = 0; column < 3; ++column) {
                if (!differs[column]) continue;
                outcome = Outcome::changed;
                ++expected.column_rows[column];
            }
        }
        expected.counts.add(outcome);
        expected.by_tag[key.second].add(outcome);
        if (is_ipv4(key.first)) {
            const Address network{0, key.first.lo & ~std::uint64_t{0xFF}};
            expected.by_network[to_string(Network{network, 120})].add(outcome);
        }
    }
    return expected;
}

std::map<std::string, OutcomeCounts> counts_of(const Differences& found, const NameTable& names,
                                               std::string_view dimension) {
    std::map<std::string, OutcomeCounts> counts;
    for (const DimensionOutcomes& outcomes : found.dimensions().outcomes(names)) {
        if (outcomes.dimension != dimension) continue;
        for (const ValueOutcomes& value : outcomes.values) counts[value.value] = value.counts;
    }
    return counts;
}

void check(const Differences& found, const Expected& expected, const NameTable& names) {
    EXPECT_EQ(found.counts(), expected.counts);
    EXPECT_EQ(found.duplicates().keys, expected.duplicates.keys);
    EXPECT_EQ(found.duplicates().rows_old, expected.duplicates.rows_old);
    EXPECT_EQ(found.duplicates().rows_new, expected.duplicates.rows_new);
    for (std::size_t column = 0; column < 3; ++column)
        EXPECT_EQ(found.columns()[column].rows, expected.column_rows[column]);
    EXPECT_EQ(counts_of(found, names, "tag"), expected.by_tag);
    auto networks = expected.by_network;
    std::erase_if(networks, [](const auto& network) { return network.second.different() == 0; });
    EXPECT_EQ(counts_of(found, names, "IPv4 /24"), networks);
}

std::vector<ScoreLine> between(const std::vector<ScoreLine>& lines, Address first, Address last) {
    std::vector<ScoreLine> some;
    for (const ScoreLine& line : lines) {
        if (first <= line.address && line.address <= last) some.push_back(line);
    }
    return some;
}

void compare(const std::vector<ScoreLine>& before, const std::vector<ScoreLine>& now, NameTable& names,
             std::mt19937_64& random, Differences& found) {
    LineSource old_side(before, names, 1 + random() % 5);
    LineSource new_side(now, names, 1 + random() % 5);
    compare_rows(old_side, new_side, small_schema(), found);
}

std::vector<std::string> keys_of(const std::vector<Sample>& samples) {
    std::vector<std::string> keys;
    for (const Sample& sample : samples) keys.push_back(sample.key);
    return keys;
}

TEST(CompareRows, FindsWhatASimpleComparisonFinds) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 500; ++round) {
        NameTable names(1U << 26U);
        const std::string tags[] = {"a", "b", "b c", "d"};
        const std::string companies[] = {"", "one", "two"};
        std::vector<ScoreLine> before;
        std::vector<ScoreLine> now;
        for (int i = 0; i < 60; ++i) {
            const Address address = random() % 5 == 0
                                        ? Address{0x20010db8ULL << 32U, random() % 3}
                                        : address_of_ipv4(static_cast<std::uint32_t>(random() % 1024));
            ScoreLine line{address, tags[random() % 4], companies[random() % 3],
                           static_cast<float>(random() % 3), random() % 2};
            if (random() % 10 > 0) before.push_back(line);
            if (random() % 10 == 0) line.score += 1;
            if (random() % 10 == 0) line.company = "one";
            if (random() % 10 > 0) now.push_back(line);
        }
        std::ranges::stable_sort(before, comes_before);
        std::ranges::stable_sort(now, comes_before);
        const Expected expected = expect(before, now);
        const Terms terms = small_terms(names);

        Differences whole(terms);
        compare(before, now, names, random, whole);
        check(whole, expected, names);

        // In stretches, by several, one of which is another rank.
        Differences parts[] = {Differences(terms), Differences(terms), Differences(terms)};
        const Address cuts[] = {lowest_address,
                                address_of_ipv4(100 + static_cast<std::uint32_t>(random() % 300)),
                                address_of_ipv4(500 + static_cast<std::uint32_t>(random() % 500)),
                                {1, 0}};
        for (std::size_t i = 0; i < 4; ++i) {
            const Address last = i == 3 ? highest_address : address_before(cuts[i + 1]);
            compare(between(before, cuts[i], last), between(now, cuts[i], last), names, random,
                    parts[random() % 3]);
        }
        parts[0].add(parts[1]);
        const auto companies_here = parts[0].company_counts(names.size());
        auto all_companies = parts[2].company_counts(names.size());
        for (std::size_t i = 0; i < all_companies.size(); ++i) all_companies[i] += companies_here[i];
        parts[0].add_packed(parts[2].packed());
        parts[0].set_company_counts(all_companies);
        check(parts[0], expected, names);
        EXPECT_EQ(counts_of(parts[0], names, "company"), counts_of(whole, names, "company"));
        EXPECT_EQ(counts_of(parts[0], names, "score"), counts_of(whole, names, "score"));
        for (std::size_t column = 0; column < 3; ++column) {
            EXPECT_EQ(keys_of(parts[0].column_samples()[column].first()),
                      keys_of(whole.column_samples()[column].first()));
            EXPECT_EQ(keys_of(parts[0].column_samples()[column].worst()),
                      keys_of(whole.column_samples()[column].worst()));
        }
        EXPECT_EQ(keys_of(parts[0].only_old_samples().worst()), keys_of(whole.only_old_samples().worst()));
        EXPECT_EQ(keys_of(parts[0].duplicate_samples().first()), keys_of(whole.duplicate_samples().first()));
        if (HasFailure()) FAIL() << "in round " << round;
    }
}

TEST(CompareRows, SamplesSayWhatBothSidesHave) {
    NameTable names(1U << 20U);
    const Terms terms = small_terms(names);
    Differences found(terms);
    LineSource before({{address_of_ipv4(1), "a", "one", 1.5F, 3}, {address_of_ipv4(2), "b", "", 7, 1}}, names,
                      10);
    LineSource now({{address_of_ipv4(1), "a", "two", 1.5F, 3}}, names, 10);
    compare_rows(before, now, terms.schema, found);
    ASSERT_EQ(found.column_samples()[0].first().size(), 1U);
    const Sample& changed = found.column_samples()[0].first()[0];
    EXPECT_EQ(changed.key_texts, (std::vector<std::string>{"0.0.0.1", "a"}));
    EXPECT_EQ(changed.before, (std::vector<std::string>{"one", "1.5", "3"}));
    EXPECT_EQ(changed.now, (std::vector<std::string>{"two", "1.5", "3"}));
    ASSERT_EQ(found.only_old_samples().worst().size(), 1U);
    EXPECT_EQ(found.only_old_samples().worst()[0].measure, 7);
    EXPECT_TRUE(found.only_old_samples().worst()[0].now.empty());
}

} // namespace
} // namespace ipscore::comparing
