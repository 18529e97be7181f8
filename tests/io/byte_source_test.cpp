// Bytes of a file: the same however they are compressed and asked for, and never wrong ones.
#include "ipscore/io/byte_source.hpp"

#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <random>
#include <vector>

namespace ipscore::io {
namespace {

using ::testing::StartsWith;

/// All bytes of the file, asked for in pieces of that size.
std::string read(const std::filesystem::path& path, std::size_t piece_bytes = 1U << 16U) {
    constexpr std::size_t bytes_max = 64U << 20U; // or the decoder repeats itself
    ByteSource source(path);
    std::string text;
    for (;;) {
        const std::size_t before = text.size();
        text.resize(before + piece_bytes);
        const std::size_t bytes = source.read(std::span(text).subspan(before));
        text.resize(before + bytes);
        if (bytes < piece_bytes) break;
        if (text.size() > bytes_max) throw std::runtime_error("there is no end");
    }
    std::array<char, 16> more{};
    if (source.read(more) != 0) throw std::runtime_error("bytes behind the end");
    return text;
}

std::string random_text(std::size_t bytes, unsigned seed = 1) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>("ab,\n0123456789"[random() % 14]);
    return text;
}

using Compress = std::function<std::string(std::string_view)>;
struct Form {
    std::string extension;
    Compress compress;
    std::string truncated;
    std::string damaged;
};
const std::vector<Form> forms{{".gz", gzip, "truncated gzip data; fetch the file again", "damaged gzip data"},
                              {".zst", [](std::string_view text) { return zstd(text); },
                               "truncated zstd data; fetch the file again", "damaged zstd data"}};

class ByteSourceTest : public FilesTest {
protected:
    /// What reading says, or "right" or "wrong" for what it gives.
    [[nodiscard]] std::string outcome(const std::string& name, std::string_view coded,
                                      std::string_view expected) const {
        const auto path = write(name, coded);
        try {
            return read(path) == expected ? "right" : "wrong";
        } catch (const InputError& error) {
            return error.what();
        }
    }
    [[nodiscard]] std::string cannot_read(const std::string& name) const {
        return "cannot read " + (directory / name).string() + ": ";
    }
};

TEST_F(ByteSourceTest, reads_the_same_in_any_pieces) {
    const std::string text = random_text(3000);
    write("a", text);
    write("a.gz", gzip(text));
    write("a.zst", zstd(text));
    write("unchecked.zst", zstd(text, false)); // ends while the decoder still has text to give
    for (const char* name : {"a", "a.gz", "a.zst", "unchecked.zst"}) {
        for (const std::size_t piece_bytes : {1U, 2U, 3U, 7U, 1000U, 2999U, 3000U, 3001U, 100'000U}) {
            EXPECT_EQ(read(directory / name, piece_bytes), text) << name << ' ' << piece_bytes;
        }
    }
}

TEST_F(ByteSourceTest, reads_more_than_its_buffers_hold) {
    const std::string noise = [] {
        std::mt19937_64 random(2);
        std::string text(2'000'000, '\0'); // does not compress: many buffers in
        for (char& c : text) c = static_cast<char>(random());
        return text;
    }();
    const std::string zeros(20'000'000, '\0'); // many buffers out of one
    for (const std::string& text : {noise, zeros}) {
        for (const Form& form : forms) {
            EXPECT_TRUE(read(write("a" + form.extension, form.compress(text))) == text) << form.extension;
            EXPECT_TRUE(read(directory / ("a" + form.extension), 999'983) == text) << form.extension;
        }
    }
}

TEST_F(ByteSourceTest, reads_any_number_of_members_and_frames) {
    for (const Form& form : forms) {
        const std::string one = random_text(500, 1);
        const std::string two = random_text(70'000, 2);
        const std::string coded = form.compress(one) + form.compress("") + form.compress(two) +
                                  form.compress("") + form.compress("x");
        const auto path = write("a" + form.extension, coded);
        for (const std::size_t piece_bytes : {1U, 500U, 70'500U, 70'501U, 70'502U}) {
            EXPECT_TRUE(read(path, piece_bytes) == one + two + "x") << form.extension << ' ' << piece_bytes;
        }
        EXPECT_EQ(outcome("empty" + form.extension, form.compress(""), ""), "right");
    }
}

TEST_F(ByteSourceTest, skips_what_the_tools_skip) {
    const std::string zeros(1000, '\0');
    EXPECT_EQ(outcome("a.gz", gzip("abc") + zeros + gzip("def") + zeros, "abcdef"), "right");
    const std::string skippable{"\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11};
    EXPECT_EQ(outcome("a.zst", skippable + zstd("abc") + skippable + zstd("def"), "abcdef"), "right");
}

TEST_F(ByteSourceTest, the_name_tells_the_form) {
    EXPECT_EQ(read(write("a.csv", gzip("abc"))), gzip("abc"));
    EXPECT_EQ(read(write("a.gz.csv", "abc")), "abc");
    EXPECT_EQ(outcome("a.gz", "a,b\n1,2\n", ""),
              cannot_read("a.gz") + "damaged gzip data (incorrect header check); fetch the file again");
    EXPECT_EQ(outcome("a.zst", "a,b\n1,2\n", ""),
              cannot_read("a.zst") + "damaged zstd data (Unknown frame descriptor); fetch the file again");
    EXPECT_EQ(outcome("b.gz", zstd("abc"), ""),
              cannot_read("b.gz") + "damaged gzip data (incorrect header check); fetch the file again");
}

TEST_F(ByteSourceTest, an_empty_file_is_empty_text_but_no_compressed_file) {
    EXPECT_EQ(read(write("a", "")), "");
    for (const Form& form : forms) {
        EXPECT_EQ(outcome("a" + form.extension, "", ""), cannot_read("a" + form.extension) + form.truncated);
    }
    EXPECT_EQ(outcome("zeros.gz", std::string(100, '\0'), ""),
              cannot_read("zeros.gz") + "damaged gzip data (incorrect header check); fetch the file again");
}

TEST_F(ByteSourceTest, a_missing_file_and_a_directory_are_bad_input) {
    for (const std::string name : {"a", "a.gz", "a.zst"}) {
        EXPECT_EQ(message_of([&] { read(directory / name); }),
                  cannot_read(name) + "No such file or directory");
        std::filesystem::create_directory(directory / name);
        EXPECT_EQ(message_of([&] { read(directory / name); }), cannot_read(name) + "Is a directory");
    }
}

TEST_F(ByteSourceTest, a_truncated_file_never_passes) {
    const std::string text = random_text(300);
    for (const Form& form : forms) {
        const std::string coded = form.compress(text);
        const std::string name = "a" + form.extension;
        for (std::size_t bytes = 0; bytes < coded.size(); ++bytes) {
            EXPECT_EQ(outcome(name, coded.substr(0, bytes), text), cannot_read(name) + form.truncated)
                << bytes;
        }
        // Between members, the cut cannot be seen.
        const std::string two = coded + coded;
        for (std::size_t bytes = coded.size() + 1; bytes < two.size(); ++bytes) {
            EXPECT_EQ(outcome(name, two.substr(0, bytes), text), cannot_read(name) + form.truncated) << bytes;
        }
        EXPECT_EQ(outcome(name, coded, text), "right");
    }
}

TEST_F(ByteSourceTest, a_damaged_byte_never_gives_wrong_text) {
    const std::string text = random_text(200);
    for (const Form& form : forms) {
        const std::string coded = form.compress(text) + form.compress(text);
        const std::string name = "a" + form.extension;
        const std::string expected = text + text;
        std::size_t unnoticed = 0;
        std::size_t damages = 0;
        const auto damage = [&](std::size_t at, unsigned flip) {
            std::string bad = coded;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ flip);
            const std::string result = outcome(name, bad, expected);
            ++damages;
            if (result == "right") {
                ++unnoticed; // such as the time in a gzip header
            } else {
                EXPECT_THAT(result, StartsWith(cannot_read(name))) << "byte " << at << " flip " << flip;
            }
        };
        for (std::size_t at = 0; at < coded.size(); ++at) {
            for (const unsigned flip : {0x01U, 0x04U, 0x80U, 0xffU}) damage(at, flip);
        }
        // Headers tell which decoder takes over, also of versions long past: every value.
        for (std::size_t at = 0; at < 6; ++at) {
            for (unsigned flip = 1; flip < 256; ++flip) damage(at, flip);
        }
        EXPECT_LT(unnoticed * 4, damages) << form.extension;
    }
}

TEST_F(ByteSourceTest, text_behind_the_last_member_is_damage) {
    for (const Form& form : forms) {
        const std::string name = "a" + form.extension;
        EXPECT_THAT(outcome(name, form.compress("abc") + "some text", "abc"),
                    StartsWith(cannot_read(name) + form.damaged));
    }
}

TEST_F(ByteSourceTest, a_zstd_window_beyond_our_memory_is_named) {
    // Magic, a frame without content size, a window of 256 MiB, and one last raw block of one byte.
    const std::string frame{"\x28\xb5\x2f\xfd\x00\x90\x09\x00\x00x", 10};
    EXPECT_EQ(outcome("a.zst", frame, "x"),
              cannot_read("a.zst") + "it takes more than 128 MiB of memory to decompress; compress it again, "
                                     "without zstd's --long");
    std::string smaller = frame;
    smaller[5] = '\x88';
    EXPECT_EQ(outcome("a.zst", smaller, "x"), "right");
}

TEST_F(ByteSourceTest, a_zstd_window_beyond_the_budget_is_named) {
    const auto message = [&](char window, std::uint64_t window_bytes_max) {
        std::string frame{"\x28\xb5\x2f\xfd\x00\x00\x09\x00\x00x", 10};
        frame[5] = window; // 8 times (its logarithm - 10)
        const auto path = write("a.zst", frame);
        return message_of([&] {
            std::array<char, 16> bytes{};
            ByteSource source(path, window_bytes_max);
            EXPECT_EQ(source.read(bytes), 1U);
        });
    };
    for (const std::uint64_t most :
         {ByteSource::zstd_window_bytes_min, std::uint64_t{32} << 20U, std::uint64_t{64} << 20U}) {
        const auto log = static_cast<unsigned>(std::bit_width(most) - 1);
        EXPECT_EQ(message(static_cast<char>(8 * (log - 10)), most), "nothing thrown");
        EXPECT_EQ(message(static_cast<char>(8 * (log - 10) + 1), most),
                  cannot_read("a.zst") + "it takes more than " + std::to_string(most >> 20U) +
                      " MiB of memory to decompress; compress it again, without zstd's --long or --ultra, or "
                      "give more --memory");
    }
}

} // namespace
} // namespace ipscore::io
