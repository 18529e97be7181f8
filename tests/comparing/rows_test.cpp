#include "ipscore/comparing/rows.hpp"

#include <compare>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <tuple>

namespace ipscore::comparing {
namespace {

const Schema schema{
    {{"ip", KeyKind::address}, {"key", KeyKind::text}, {"more", KeyKind::text}, {"day", KeyKind::day}}, {}};

using Key = std::tuple<Address, std::string, std::string, Day>;

std::string coded(const Key& key) {
    std::vector<char> bytes;
    append_key(bytes, std::get<0>(key));
    append_key(bytes, std::string_view(std::get<1>(key)));
    append_key(bytes, std::string_view(std::get<2>(key)));
    append_key(bytes, std::get<3>(key));
    return {bytes.begin(), bytes.end()};
}

TEST(Keys, OrderAsTheirValuesDo) {
    std::mt19937_64 random(1);
    const auto text = [&] {
        std::string some(random() % 4, ' ');
        for (char& c : some) c = "\0\1\2a\xff"[random() % 5];
        return some;
    };
    const auto key = [&] {
        return Key{{random() % 2, random() % 2 == 0 ? ~std::uint64_t{0} - random() % 2 : random() % 3},
                   text(),
                   text(),
                   static_cast<Day>(random() % 5) - 2};
    };
    for (int i = 0; i < 100'000; ++i) {
        const Key a = key();
        const Key b = key();
        const std::strong_ordering expected = a < b    ? std::strong_ordering::less
                                              : a == b ? std::strong_ordering::equal
                                                       : std::strong_ordering::greater;
        ASSERT_EQ(coded(a).compare(coded(b)) <=> 0, expected);
    }
}

TEST(Keys, ReadBackAsText) {
    using namespace std::string_literals;
    const std::string key = coded({address_of_ipv4(0xC0000207), "a\0b"s, "", 20779});
    EXPECT_EQ(key_texts(key, schema), (std::vector<std::string>{"192.0.2.7", "a\0b"s, "", "2026-11-22"}));
    EXPECT_EQ(address_of_key(key), address_of_ipv4(0xC0000207));
    EXPECT_EQ(day_of_key(key), 20779);
}

TEST(RowBlock, CopiesRowsWithTheirTexts) {
    const Schema texts{{{"key", KeyKind::text}}, {{"a", ValueKind::text}, {"n", ValueKind::count}}};
    RowBlock block(texts);
    for (const std::string_view text : {"one", "", "three"}) {
        block.add_key(text);
        block.add_text(text);
        block.add_value(text.size());
        block.end_row(text.empty() ? 2 : 0);
    }
    RowBlock copy(texts);
    for (std::size_t row = 3; row-- > 0;) copy.add_row(block, row, texts);
    ASSERT_EQ(copy.size(), 3U);
    EXPECT_EQ(copy.text(copy.values(0)[0]), "three");
    EXPECT_EQ(copy.values(0)[1], 5U);
    EXPECT_EQ(copy.missing(1), 2U);
    EXPECT_EQ(copy.text(copy.values(2)[0]), "one");
    EXPECT_EQ(copy.key(2), block.key(0));
}

} // namespace
} // namespace ipscore::comparing
