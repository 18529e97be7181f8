// What separates text, found many bytes at a time, against byte by byte.
#include "text_scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace ipscore::io {
namespace {

std::string random_text(std::mt19937_64& random, std::size_t bytes) {
    std::string text(bytes, 'x');
    const std::size_t rare = 1 + random() % 40;
    for (char& c : text) {
        if (random() % rare == 0) c = "\n,\r\xff\"x"[random() % 6];
    }
    return text;
}

TEST(TextScan, counts_lines) {
    std::mt19937_64 random(7);
    for (std::size_t bytes = 0; bytes < 300; ++bytes) {
        const std::string text = random_text(random, bytes);
        ASSERT_EQ(count_lines(text), static_cast<std::uint64_t>(std::ranges::count(text, '\n'))) << bytes;
    }
    EXPECT_EQ(count_lines(std::string(100000, '\n')), 100000U) << "sums of bytes must not overflow";
}

TEST(TextScan, finds_the_first_of_two) {
    std::mt19937_64 random(8);
    for (int i = 0; i < 20000; ++i) {
        const std::string text = random_text(random, random() % 70);
        const char* const begin = text.data() + (text.empty() ? 0 : random() % text.size());
        const char* const end = text.data() + text.size();
        const char* const expected = std::find_if(begin, end, [](char c) { return c == ',' || c == '\n'; });
        ASSERT_EQ(find_either(begin, end, ',', '\n'), expected) << text;
    }
}

} // namespace
} // namespace ipscore::io
