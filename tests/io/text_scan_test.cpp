// What separates text, found many bytes at a time, against byte by byte.
#include "text_scan.hpp"

#include "ipscore/io/text_marks.hpp"

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

TEST(TextMarks, gives_each_in_turn) {
    std::mt19937_64 random(8);
    const auto is_mark = [](char c) { return c == ',' || c == '\n' || c == '"'; };
    for (int i = 0; i < 20000; ++i) {
        const std::string text = random_text(random, random() % 200);
        const char* const end = text.data() + text.size();
        TextMarks marks(text, ',');
        const char* at = text.data();
        const auto seek = [&] {
            at += at == end ? 0 : random() % static_cast<std::size_t>(end - at);
            marks.seek(at);
        };
        for (const std::uint64_t seeks_after = random() % 20;;) {
            if (random() % (1 + seeks_after) == 0) seek();
            const char* const expected = std::find_if(at, end, is_mark);
            ASSERT_EQ(marks.next(), expected) << text;
            if (expected == end) break;
            at = expected + 1;
        }
        ASSERT_EQ(marks.next(), end) << text;
    }
}

} // namespace
} // namespace ipscore::io
