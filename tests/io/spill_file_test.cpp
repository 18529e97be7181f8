// Spill files: what is written can be read, from many places at a time, and nothing stays behind.
#include "ipscore/io/spill_file.hpp"

#include "full_disk.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace ipscore::io {
namespace {

using SpillFileTest = FilesTest;

constexpr std::size_t buffer_bytes = SpillReader::buffer_bytes;

std::string random_bytes(std::mt19937_64& random, std::size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
}

TEST_F(SpillFileTest, stretches_are_read_side_by_side_and_while_more_is_written) {
    std::mt19937_64 random(41);
    SpillFile file(directory);
    std::vector<std::string> stretches;
    std::vector<std::unique_ptr<SpillReader>> readers;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, buffer_bytes - 1, buffer_bytes,
                                   buffer_bytes + 1, 3 * buffer_bytes, 5 * buffer_bytes + 77}) {
        const std::uint64_t begin = file.flush();
        stretches.push_back(random_bytes(random, size));
        for (std::string_view left = stretches.back(); !left.empty();) {
            const std::string_view piece = left.substr(0, 1 + random() % (2 * buffer_bytes));
            file.write(std::as_bytes(std::span(piece)));
            left.remove_prefix(piece.size());
        }
        const std::uint64_t end = file.flush();
        EXPECT_EQ(end - begin, size);
        readers.push_back(std::make_unique<SpillReader>(file, begin, end));
    }
    std::vector<std::string> read(stretches.size());
    for (bool more = true; more;) {
        more = false;
        for (std::size_t i = 0; i < readers.size(); ++i) {
            if (readers[i]->at_end()) continue;
            more = true;
            std::string piece(
                std::min(stretches[i].size() - read[i].size(), std::size_t{1} + random() % 50'000), '\0');
            readers[i]->read(std::as_writable_bytes(std::span(piece)));
            read[i] += piece;
        }
    }
    EXPECT_TRUE(read == stretches);
}

TEST_F(SpillFileTest, values_come_back_across_the_ends_of_buffers) {
    struct Odd {
        std::uint64_t a = 0;
        std::uint32_t b = 0;
        std::uint8_t c = 0;
    };
    SpillFile file(directory);
    file.write_value('x'); // so that no value is aligned with the buffer
    constexpr std::uint32_t values = 20'000;
    for (std::uint32_t i = 0; i < values; ++i)
        file.write_value(Odd{i * 3ULL, i, static_cast<std::uint8_t>(i)});
    SpillReader reader(file, 0, file.flush());
    EXPECT_EQ(reader.read_value<char>(), 'x');
    for (std::uint32_t i = 0; i < values; ++i) {
        const Odd odd = reader.read_value<Odd>();
        ASSERT_EQ(odd.a, i * 3ULL);
        ASSERT_EQ(odd.b, i);
        ASSERT_EQ(odd.c, static_cast<std::uint8_t>(i));
    }
    EXPECT_TRUE(reader.at_end());
}

TEST_F(SpillFileTest, has_no_name) {
    SpillFile file(directory);
    file.write_value(std::uint64_t{1});
    (void)file.flush();
    EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(SpillFileTest, lies_in_the_nearest_directory_that_there_is) {
    SpillFile file(directory / "not" / "yet" / "there");
    file.write_value(std::uint64_t{7});
    SpillReader reader(file, 0, file.flush());
    EXPECT_EQ(reader.read_value<std::uint64_t>(), 7U);
    EXPECT_TRUE(std::filesystem::is_empty(directory)) << "a spill file makes no directories";
}

TEST_F(SpillFileTest, a_full_disk_is_named) {
    const std::string bytes(3 * buffer_bytes, 'x');
    for (const rlim_t bytes_max : {rlim_t{0}, rlim_t{1}, rlim_t{buffer_bytes}, rlim_t{buffer_bytes + 1}}) {
        const Child child = run_on_full_disk(bytes_max, [&] {
            SpillFile file(directory);
            file.write(std::as_bytes(std::span(bytes)));
            (void)file.flush();
        });
        EXPECT_EQ(child.said, "cannot write a temporary file in " + directory.string() + ": File too large");
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(SpillFileTest, a_place_where_nothing_can_be_made_is_named) {
    EXPECT_EQ(message_of<EnvironmentError>([] { SpillFile file("/proc/self"); }).substr(0, 44),
              "cannot make a temporary file in /proc/self: ");
}

} // namespace
} // namespace ipscore::io
