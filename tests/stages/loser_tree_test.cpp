// The tournament, against sorting.
#include "loser_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ipscore::stages {
namespace {

constexpr std::uint64_t last = ~std::uint64_t{0};
using Sources = std::vector<std::vector<std::uint64_t>>;

std::uint64_t key_of(const Sources& sources, const std::vector<std::size_t>& at, std::size_t source) {
    return at[source] < sources[source].size() ? sources[source][at[source]] : last;
}

std::vector<std::uint64_t> merged(const Sources& sources) {
    std::vector<std::size_t> at(sources.size());
    std::vector<std::uint64_t> keys;
    for (std::size_t s = 0; s < sources.size(); ++s) keys.push_back(key_of(sources, at, s));
    LoserTree<std::uint64_t> tree(sources.size(), last);
    tree.begin(keys);
    std::vector<std::uint64_t> out;
    while (!tree.at_end()) {
        const std::size_t source = tree.source();
        EXPECT_EQ(tree.key(), sources[source][at[source]]);
        std::uint64_t second = last;
        for (std::size_t s = 0; s < sources.size(); ++s) {
            if (s != source) second = std::min(second, key_of(sources, at, s));
        }
        EXPECT_EQ(tree.second(), second);
        out.push_back(tree.key());
        ++at[source];
        tree.replace(key_of(sources, at, source));
    }
    return out;
}

TEST(LoserTree, merges_any_number_of_sources) {
    std::mt19937_64 random(541);
    for (std::size_t count = 0; count < 40; ++count) {
        for (int i = 0; i < 20; ++i) {
            Sources sources(count);
            std::vector<std::uint64_t> all;
            for (auto& source : sources) {
                source.resize(random() % 20);
                for (std::uint64_t& key : source) key = random() % 50;
                std::ranges::sort(source);
                all.insert(all.end(), source.begin(), source.end());
            }
            std::ranges::sort(all);
            ASSERT_EQ(merged(sources), all) << count;
        }
    }
}

TEST(LoserTree, addresses_are_played_by_both_halves) {
    std::mt19937_64 random(547);
    std::vector<Address> all;
    for (const std::uint64_t hi : {0U, 1U, 2U, 3U}) {
        for (int i = 0; i < 20; ++i) all.push_back({hi, random() << (i % 2 * 63)});
    }
    std::ranges::shuffle(all, random);
    LoserTree<Address> tree(all.size(), highest_address);
    tree.begin(all);
    std::ranges::sort(all);
    for (const Address& address : all) {
        ASSERT_FALSE(tree.at_end());
        ASSERT_EQ(tree.key(), address);
        tree.replace(highest_address);
    }
    EXPECT_TRUE(tree.at_end());
}

TEST(LoserTree, begins_anew) {
    LoserTree<std::uint64_t> tree(3, last);
    tree.begin({5, 7, 6});
    tree.replace(last);
    EXPECT_EQ(tree.key(), 6U);
    tree.begin({9, last, 8});
    EXPECT_EQ(tree.source(), 2U);
    tree.replace(last);
    EXPECT_EQ(tree.source(), 0U);
    tree.replace(last);
    EXPECT_TRUE(tree.at_end());
}

} // namespace
} // namespace ipscore::stages
