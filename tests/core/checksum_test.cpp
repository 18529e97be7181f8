// Checksums and hashes: the published values of XXH3, however the bytes arrive.
#include "ipscore/core/checksum.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace ipscore {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string random_text(std::mt19937_64& random, std::size_t bytes) {
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

// As xxhsum -H3 and xxhsum -H2 print them: files of today must be readable for ever.
TEST(Checksum, has_the_published_values) {
    EXPECT_EQ(checksum_text(checksum64(bytes_of(""))), "2d06800538d394c2");
    EXPECT_EQ(checksum_text(checksum64(bytes_of("abc"))), "78af5f94892f3950");
    EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
    EXPECT_EQ(content_hash("abc"), "06b05ab6733a618578af5f94892f3950");
}

TEST(Checksum, text_has_all_leading_zeros) {
    EXPECT_EQ(checksum_text(0), "0000000000000000");
    EXPECT_EQ(checksum_text(0xabc), "0000000000000abc");
    EXPECT_EQ(checksum_text(~std::uint64_t{0}), "ffffffffffffffff");
}

// XXH3 takes another way for up to 16, 128, 240 and more bytes, and buffers 256.
TEST(Checksum, a_stream_hashes_as_one_piece_wherever_it_is_cut) {
    std::mt19937_64 random(3);
    for (std::size_t bytes = 0; bytes < 1200; bytes += bytes < 300 ? 1 : 37) {
        const std::string text = random_text(random, bytes);
        for (const std::size_t piece_bytes_max : {1U, 7U, 240U, 256U, 5000U}) {
            StreamHash hash;
            for (std::string_view left = text; !left.empty();) {
                const std::size_t piece = std::min<std::size_t>(1 + random() % piece_bytes_max, left.size());
                hash.update(left.substr(0, piece));
                hash.update(std::string_view());
                left.remove_prefix(piece);
            }
            ASSERT_EQ(hash.digest128_text(), content_hash(text)) << bytes;
            ASSERT_EQ(hash.digest64(), checksum64(bytes_of(text))) << bytes;
        }
    }
}

TEST(Checksum, a_stream_can_be_asked_on_the_way) {
    StreamHash hash;
    EXPECT_EQ(hash.digest128_text(), content_hash(""));
    hash.update("ab");
    EXPECT_EQ(hash.digest128_text(), content_hash("ab"));
    EXPECT_EQ(hash.digest64(), checksum64(bytes_of("ab")));
    StreamHash moved = std::move(hash);
    moved.update("c");
    EXPECT_EQ(moved.digest128_text(), content_hash("abc"));
}

TEST(Checksum, values_hash_as_their_bytes) {
    const std::array<std::uint16_t, 3> values{0x6261, 0x6463, 0x6665}; // "abcdef"
    StreamHash hash;
    hash.update_values(std::span<const std::uint16_t>(values));
    EXPECT_EQ(hash.digest64(), checksum64(bytes_of("abcdef")));
}

TEST(Checksum, every_bit_counts) {
    std::mt19937_64 random(4);
    for (const std::size_t bytes : {1U, 3U, 8U, 16U, 100U, 300U}) {
        std::string text = random_text(random, bytes);
        std::set<std::uint64_t> seen{checksum64(bytes_of(text))};
        for (std::size_t bit = 0; bit < bytes * 8; ++bit) {
            const auto flip = static_cast<char>(1U << (bit % 8));
            text[bit / 8] = static_cast<char>(text[bit / 8] ^ flip);
            EXPECT_TRUE(seen.insert(checksum64(bytes_of(text))).second) << bytes << " bytes, bit " << bit;
            text[bit / 8] = static_cast<char>(text[bit / 8] ^ flip);
        }
    }
}

} // namespace
} // namespace ipscore
