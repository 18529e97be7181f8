// Strings one by one: the same columns as all at once, in any order of lengths, and damage is noticed.
#include "ipscore/io/strings.hpp"

#include "damage.hpp"
#include "full_disk.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/format.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace ipscore::io {
namespace {

class StringsTest : public FilesTest {
protected:
    std::filesystem::path path = directory / "a.h5";

    /// Returns the checksum.
    std::uint64_t write_one_by_one(const std::vector<std::string>& texts) const {
        H5File file = H5File::create(path);
        StringsWriter writer(file, "texts");
        for (const std::string& text : texts) writer.append(text);
        EXPECT_EQ(writer.size(), texts.size());
        writer.finish();
        file.close();
        return writer.checksum();
    }
    void write_columns(const std::string& bytes, const std::vector<std::uint64_t>& offsets) const {
        H5File file = H5File::create(path);
        const std::vector<std::uint8_t> values(bytes.begin(), bytes.end());
        write_column<std::uint8_t>(file, "texts/bytes", Codec::deflate, values);
        write_column<std::uint64_t>(file, "texts/offsets", Codec::scale_offset, offsets);
        file.close();
    }
    [[nodiscard]] std::vector<std::string> read_one_by_one() const {
        const H5File file = H5File::open(path);
        StringsReader reader(file, "texts");
        std::vector<std::string> texts;
        for (std::string_view text; reader.next(text);) texts.emplace_back(text);
        std::string_view more;
        EXPECT_FALSE(reader.next(more)) << "the end stays the end";
        EXPECT_EQ(reader.size(), texts.size());
        return texts;
    }
};

std::vector<std::vector<std::string>> cases() {
    std::mt19937_64 random(51);
    const auto of_size = [&](std::size_t size) {
        std::string text(size, '\0');
        for (char& c : text) c = static_cast<char>(random()); // any byte, zero among them
        return text;
    };
    constexpr std::size_t chunk = chunk_values_default;
    std::vector<std::vector<std::string>> all{{},
                                              {""},
                                              {"", "", ""},
                                              {"a", "", "b\n\"", std::string("\0\xff", 2)},
                                              {of_size(chunk), "x", of_size(1)},
                                              {of_size(chunk - 1), of_size(2), of_size(chunk), ""},
                                              {of_size(5 * chunk + 3), "", "after"}}; // in many chunks
    all.emplace_back();
    for (std::size_t i = 0; i < 2 * chunk + 5; ++i) all.back().push_back(of_size(random() % 5));
    all.emplace_back(chunk - 1, "k"); // its offsets fill a chunk
    return all;
}

TEST_F(StringsTest, one_by_one_are_the_same_as_all_at_once) {
    for (const auto& texts : cases()) {
        const std::uint64_t checksum = write_one_by_one(texts);
        const std::string content = content_of(path);
        EXPECT_TRUE(read_one_by_one() == texts) << texts.size();
        ByteStrings strings;
        for (const std::string& text : texts) strings.push_back(text);
        EXPECT_TRUE(read_strings(H5File::open(path), "texts") == strings);
        H5File file = H5File::create(path);
        EXPECT_EQ(write_strings(file, "texts", strings), checksum);
        file.close();
        EXPECT_TRUE(read_one_by_one() == texts);
    }
}

TEST_F(StringsTest, offsets_that_do_not_fit_the_bytes_are_damage) {
    write_columns("abcdef", {0, 2, 6});
    EXPECT_THAT(read_one_by_one(), ::testing::ElementsAre("ab", "cdef"));
    for (const std::vector<std::uint64_t>& offsets : {std::vector<std::uint64_t>{},
                                                      {0},
                                                      {1, 6},
                                                      {0, 2, 5},
                                                      {0, 7},
                                                      {0, 2, 1, 6},
                                                      {0, 6, 6, 3},
                                                      {0, ~std::uint64_t{0}, 6}}) {
        write_columns("abcdef", offsets);
        EXPECT_EQ(message_of([&] { (void)read_one_by_one(); }),
                  path.string() + ": damaged: the offsets of texts do not fit its bytes")
            << offsets.size();
    }
}

TEST_F(StringsTest, damage_is_noticed) {
    std::mt19937_64 random(52);
    std::vector<std::string> texts;
    for (int i = 0; i < 3000; ++i) texts.push_back(std::to_string(random()).substr(random() % 15));
    (void)write_one_by_one(texts);
    expect_same_or_noticed(
        path, 800, [&](const std::string& damage) { EXPECT_TRUE(read_one_by_one() == texts) << damage; });
}

TEST_F(StringsTest, a_full_disk_is_a_failure_of_the_environment) {
    std::vector<std::string> texts;
    std::mt19937_64 random(53);
    for (int i = 0; i < 30'000; ++i) texts.push_back(std::to_string(random()));
    for (const rlim_t bytes_max : {1'000U, 50'000U, 100'000U}) {
        const Child child = run_on_full_disk(bytes_max, [&] { (void)write_one_by_one(texts); });
        EXPECT_THAT(child.said, ::testing::StartsWith("cannot write " + path.string() + ": ")) << bytes_max;
    }
}

} // namespace
} // namespace ipscore::io
