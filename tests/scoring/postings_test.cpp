// The classification joined with a table's dictionary, against a search for every key.
#include "ipscore/scoring/classification.hpp"

#include "ipscore/core/byte_strings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using PostingsByKey = std::map<std::string, std::vector<Posting>>;

ByteStrings dictionary_of(const std::set<std::string>& keys) {
    ByteStrings dictionary;
    for (const std::string& key : keys) dictionary.push_back(key);
    return dictionary;
}

/// Both sides as streams. Adds the keys that are on the side of the postings only to `unknown`.
ResolvedPostings resolve(const PostingsByKey& postings, const ByteStrings& dictionary,
                         std::uint64_t postings_max = 1000, std::vector<std::string>* unknown = nullptr) {
    const auto see_unknown = [&](std::string_view key) { unknown->emplace_back(key); };
    auto next = postings.begin();
    std::size_t key_id = 0;
    return resolve_postings(
        [&](ClassifiedKey& key) {
            if (next == postings.end()) return false;
            key = {next->first, next->second};
            ++next;
            return true;
        },
        [&](std::string_view& key) {
            if (key_id == dictionary.size()) return false;
            key = dictionary[key_id++];
            return true;
        },
        {.keys = dictionary.size(), .postings_max = postings_max},
        unknown != nullptr ? std::function<void(std::string_view)>(see_unknown) : nullptr);
}

PostingLists lists_of(const PostingsByKey& postings, const ByteStrings& dictionary) {
    return resolve(postings, dictionary).lists;
}

TEST(ResolvePostings, counts_what_there_is_no_room_for) {
    const ResolvedPostings resolved =
        resolve({{"a", {{0, 1}, {1, 1}}}, {"b", {{0, 2}}}}, dictionary_of({"a", "b"}), 2);
    EXPECT_EQ(resolved.postings, 3U);
    EXPECT_LE(resolved.lists.postings.size(), 2U);
}

TEST(ResolvePostings, gives_keys_of_both_sides_their_tags_and_no_others) {
    const PostingLists lists = lists_of({{"b", {{0, 1}, {2, 5}}}, {"c", {{1, 7}}}, {"e", {{0, 9}}}},
                                        dictionary_of({"a", "b", "d", "e", "f"}));
    ASSERT_EQ(lists.keys(), 5U);
    EXPECT_THAT(lists.of(0), IsEmpty());
    EXPECT_THAT(lists.of(1), ElementsAre(Posting{0, 1}, Posting{2, 5}));
    EXPECT_THAT(lists.of(2), IsEmpty());
    EXPECT_THAT(lists.of(3), ElementsAre(Posting{0, 9}));
    EXPECT_THAT(lists.of(4), IsEmpty());
    EXPECT_EQ(lists.postings.size(), 3U);
}

TEST(ResolvePostings, takes_an_empty_side) {
    EXPECT_EQ(lists_of({{"a", {{0, 1}}}}, ByteStrings{}).keys(), 0U);
    const PostingLists lists = lists_of({}, dictionary_of({"a", "b"}));
    ASSERT_EQ(lists.keys(), 2U);
    EXPECT_THAT(lists.of(0), IsEmpty());
    EXPECT_THAT(lists.of(1), IsEmpty());
    EXPECT_EQ(lists_of({}, ByteStrings{}).keys(), 0U);
}

TEST(ResolvePostings, compares_bytes_as_unsigned) {
    // As signed bytes, \x80 would come before "a".
    const PostingLists lists = lists_of({{"a", {{0, 1}}}, {"\x80", {{0, 2}}}, {"\xff", {{0, 3}}}},
                                        dictionary_of({"a", "z", "\x7f", "\x80", "\xff"}));
    EXPECT_THAT(lists.of(0), ElementsAre(Posting{0, 1}));
    EXPECT_THAT(lists.of(3), ElementsAre(Posting{0, 2}));
    EXPECT_THAT(lists.of(4), ElementsAre(Posting{0, 3}));
}

TEST(ResolvePostings, equals_a_search_for_every_key) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto some_key = [&] {
            std::string key;
            for (std::uint64_t i = random() % 4; i > 0; --i) key += "ab\0\xff"[random() % 4];
            return key;
        };
        PostingsByKey postings;
        for (std::uint64_t i = random() % 40; i > 0; --i) {
            std::vector<Posting>& list = postings[some_key()];
            if (!list.empty()) continue;
            for (std::uint32_t tag = 0; tag < 4; ++tag) {
                if (random() % 2 == 0) list.push_back({tag, static_cast<Millionths>(random() % 1000 + 1)});
            }
            if (list.empty()) list.push_back({0, 1});
        }
        std::set<std::string> keys;
        for (std::uint64_t i = random() % 40; i > 0; --i) keys.insert(some_key());

        std::vector<std::string> unknown;
        const PostingLists lists = resolve(postings, dictionary_of(keys), 1000, &unknown).lists;
        std::vector<std::string> expected_unknown;
        for (const auto& [key, list] : postings) {
            if (!keys.contains(key)) expected_unknown.push_back(key);
        }
        EXPECT_EQ(unknown, expected_unknown);
        ASSERT_EQ(lists.keys(), keys.size());
        std::uint32_t id = 0;
        for (const std::string& key : keys) {
            const auto list = lists.of(id++);
            const auto found = postings.find(key);
            EXPECT_EQ(std::vector<Posting>(list.begin(), list.end()),
                      found == postings.end() ? std::vector<Posting>{} : found->second);
        }
    }
}

} // namespace
} // namespace ipscore::scoring
