#include "ipscore/comparing/attribution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace ipscore::comparing {
namespace {

using testing::ElementsAre;

OutcomeCounts counts(std::uint64_t equal, std::uint64_t changed) { return {{equal, changed, 0, 0}}; }

TEST(FindCommon, TheTagOfAllChangedRowsComesFirst) {
    const DimensionOutcomes tags{
        "tag", {{"finance", counts(900, 100)}, {"sport", counts(5000, 0)}, {"travel", counts(4000, 0)}}};
    const DimensionOutcomes networks{"IPv4 /8",
                                     {{"10.0.0.0/8", counts(4900, 60)}, {"11.0.0.0/8", counts(5000, 40)}}};
    const auto findings = find_common(Outcome::changed, {networks, tags}, counts(9900, 100), 8);
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings[0].dimension, "tag");
    EXPECT_THAT(findings[0].values, ElementsAre("finance"));
    EXPECT_EQ(findings[0].explained(), 1);
    EXPECT_DOUBLE_EQ(findings[0].purity(), 0.1);
    EXPECT_EQ(findings[0].rest(), 0);
}

TEST(FindCommon, TheRarestOfTheTagsOfAKeyToo) {
    // A key has two tags; where the second one is common, few of its rows are the key's.
    const DimensionOutcomes tags{
        "tag", {{"rare", counts(240, 60)}, {"common", counts(1990, 10)}, {"other", counts(97'700, 0)}}};
    const DimensionOutcomes companies{"company", {{"large", counts(470, 30)}, {"", counts(99'460, 40)}}};
    const auto findings = find_common(Outcome::changed, {companies, tags}, counts(99'930, 70), 8);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].dimension, "tag");
    EXPECT_THAT(findings[0].values, ElementsAre("rare", "common"));
    EXPECT_EQ(findings[0].explained(), 1);
    EXPECT_GT(findings[0].strength, findings[1].strength);
    EXPECT_LT(findings[0].strength, 1);
}

TEST(FindCommon, SeveralValuesTogether) {
    const DimensionOutcomes tags{"tag",
                                 {{"a", counts(10, 50)}, {"b", counts(5, 45)}, {"c", counts(1000, 5)}}};
    const auto findings = find_common(Outcome::changed, {tags}, counts(1015, 100), 8);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings[0].values, ElementsAre("a", "b"));
    EXPECT_DOUBLE_EQ(findings[0].explained(), 0.95);
}

TEST(FindCommon, NoMoreThanChanceIsNoFinding) {
    const DimensionOutcomes all{"score", {{"0 to 10", counts(900, 100)}}};
    EXPECT_TRUE(find_common(Outcome::changed, {all}, counts(900, 100), 8).empty());
    EXPECT_TRUE(find_common(Outcome::only_new, {all}, counts(900, 100), 8).empty());
}

TEST(FindCommon, ManyRareValuesAreNoFinding) {
    DimensionOutcomes networks{"IPv4 /24", {}};
    OutcomeCounts all;
    for (int i = 0; i < 500; ++i) {
        networks.values.push_back({std::to_string(i), counts(1, 1)});
        all.add(networks.values.back().counts);
    }
    EXPECT_TRUE(find_common(Outcome::changed, {networks}, all, 8).empty());
}

TEST(NetworkOutcomes, TheSameHoweverTheAddressesAreCut) {
    std::mt19937_64 random(3);
    std::vector<std::pair<Address, OutcomeCounts>> rows;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        const auto changed = random() % 3;
        rows.emplace_back(address_of_ipv4(i * 97), OutcomeCounts{{1, changed, 0, 0}});
    }
    const auto networks_of = [&](std::size_t stretches) {
        NetworkOutcomes all;
        NetworkOutcomes others;
        const std::size_t step = (rows.size() + stretches - 1) / stretches;
        for (std::size_t begin = 0; begin < rows.size(); begin += step) {
            NetworkOutcomes& mine = random() % 2 == 0 ? all : others;
            for (std::size_t i = begin; i < std::min(begin + step, rows.size()); ++i)
                mine.add(rows[i].first, rows[i].second);
            mine.end_stretch();
        }
        all.add(others);
        std::vector<std::pair<Network, OutcomeCounts>> list;
        for (std::size_t level = 0; level < 3; ++level) {
            for (const auto& entry : all.networks(level)) list.emplace_back(entry.network, entry.counts);
        }
        return list;
    };
    const auto whole = networks_of(1);
    EXPECT_GT(whole.size(), NetworkOutcomes::networks_kept); // more than are kept, and so some had to go
    for (const std::size_t stretches :
         {std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{50}, std::size_t{1000}})
        EXPECT_EQ(networks_of(stretches), whole) << stretches;
}

} // namespace
} // namespace ipscore::comparing
