// Byte strings, and their numbers by order of first appearance, against the standard library.
#include "ipscore/core/string_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

namespace ipscore {
namespace {

using Hash = std::function<std::uint64_t(std::string_view)>;

/// Short enough that many come twice, of all bytes.
std::string random_text(std::mt19937_64& random) {
    std::string text(random() % 8, '\0');
    for (char& c : text) c = static_cast<char>(random() % 2 == 0 ? random() % 3 : random());
    return text;
}

void agrees_with_a_map(const Hash& hash, int insertions) {
    std::mt19937_64 random(5);
    StringIndex index;
    std::unordered_map<std::string, std::uint32_t> expected;
    std::vector<std::string> in_order;
    for (int i = 0; i < insertions; ++i) {
        const std::string text = random_text(random);
        const auto [entry, is_new] = expected.try_emplace(text, static_cast<std::uint32_t>(expected.size()));
        if (is_new) in_order.push_back(text);
        ASSERT_EQ(index.insert(text, hash(text)), entry->second);
        ASSERT_EQ(index.strings().size(), expected.size());
    }
    // Once more, when the table has stopped growing.
    for (const auto& [text, number] : expected) ASSERT_EQ(index.insert(text, hash(text)), number);
    ASSERT_EQ(index.strings().size(), in_order.size());
    ASSERT_EQ(index.hashes().size(), in_order.size());
    for (std::size_t i = 0; i < in_order.size(); ++i) {
        EXPECT_EQ(index.strings()[i], in_order[i]);
        EXPECT_EQ(index.hashes()[i], hash(in_order[i]));
    }
    const ByteStrings strings = index.take_strings();
    const std::vector<std::uint64_t> hashes = index.take_hashes();
    EXPECT_EQ(strings.size(), in_order.size());
    EXPECT_EQ(hashes.size(), in_order.size());
}

TEST(StringIndex, agrees_with_a_map) { agrees_with_a_map(StringIndex::hash_of, 50'000); }

TEST(StringIndex, takes_many_at_a_time) {
    std::mt19937_64 random(6);
    StringIndex one_by_one;
    StringIndex at_once;
    for (std::size_t count = 0; count < 3'000; count += 1 + count / 2) {
        ByteStrings texts;
        std::vector<std::uint64_t> hashes;
        std::vector<std::uint32_t> expected;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string text = random_text(random);
            texts.push_back(text);
            hashes.push_back(StringIndex::hash_of(text));
            expected.push_back(one_by_one.insert(text, hashes.back()));
        }
        ASSERT_EQ(at_once.insert(texts, hashes), expected);
    }
    EXPECT_EQ(at_once.strings(), one_by_one.strings());
}

TEST(StringIndex, tells_strings_apart_whose_hashes_agree_in_their_lower_half) {
    agrees_with_a_map([](std::string_view text) { return StringIndex::hash_of(text) << 32U; }, 5'000);
}

TEST(StringIndex, tells_strings_apart_whose_hashes_agree_in_their_upper_half) {
    agrees_with_a_map([](std::string_view text) { return StringIndex::hash_of(text) >> 32U; }, 50'000);
}

TEST(StringIndex, tells_strings_apart_whose_hashes_agree) {
    agrees_with_a_map([](std::string_view) { return std::uint64_t{7}; }, 3'000);
    agrees_with_a_map([](std::string_view) { return ~std::uint64_t{0}; }, 3'000);
}

TEST(StringIndex, hash_is_what_files_hold) {
    EXPECT_EQ(StringIndex::hash_of(""), 0x2d06800538d394c2U);
    EXPECT_EQ(StringIndex::hash_of("abc"), 0x78af5f94892f3950U);
}

TEST(ByteStrings, holds_any_bytes) {
    ByteStrings strings;
    EXPECT_TRUE(strings.empty());
    EXPECT_EQ(strings.size(), 0U);
    EXPECT_EQ(strings.offsets().size(), 1U);
    const std::vector<std::string> texts{"a", "", std::string("\0\xff\n", 3), "", "b"};
    for (const std::string& text : texts) strings.push_back(text);
    ASSERT_EQ(strings.size(), texts.size());
    EXPECT_FALSE(strings.empty());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(strings[i], texts[i]);
    EXPECT_EQ(strings.bytes().size(), 5U);
    EXPECT_EQ(strings.offsets().back(), 5U);

    const ByteStrings same({strings.bytes().begin(), strings.bytes().end()},
                           {strings.offsets().begin(), strings.offsets().end()});
    EXPECT_TRUE(same == strings);
    strings.push_back("");
    EXPECT_FALSE(same == strings);
}

TEST(ByteStrings, finds_what_is_there_and_nothing_else) {
    std::mt19937_64 random(6);
    for (int i = 0; i < 300; ++i) {
        std::set<std::string> texts; // in byte order too: char_traits compare as unsigned
        const std::size_t count = random() % 20;
        while (texts.size() < count) texts.insert(random_text(random));
        ByteStrings strings;
        for (const std::string& text : texts) strings.push_back(text);
        for (int k = 0; k < 50; ++k) {
            const std::string text = random_text(random);
            const auto place = texts.find(text);
            const auto found = strings.find_sorted(text);
            ASSERT_EQ(found.has_value(), place != texts.end());
            if (!found) continue;
            EXPECT_EQ(*found, static_cast<std::size_t>(std::distance(texts.begin(), place)));
        }
        for (std::size_t k = 0; k < strings.size(); ++k) ASSERT_EQ(strings.find_sorted(strings[k]), k);
    }
}

} // namespace
} // namespace ipscore
