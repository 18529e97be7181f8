// Maps of key ids: written in any order of dictionaries, read back, and what a full disk or a short file
// does.
#include "ipscore/io/key_map.hpp"

#include "full_disk.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ipscore::io {
namespace {

class KeyMapTest : public FilesTest {
protected:
    std::filesystem::path path = directory / "keys";

    /// Writes the ids of dictionaries of so many keys, a few of one, then a few of another.
    [[nodiscard]] std::vector<std::vector<std::uint32_t>>
    write_ids(const std::vector<std::uint64_t>& keys) const {
        std::mt19937_64 random(31);
        std::vector<std::vector<std::uint32_t>> ids(keys.size());
        KeyMapWriter writer(path, keys);
        for (bool more = true; more;) {
            more = false;
            for (std::size_t d = 0; d < keys.size(); ++d) {
                const std::uint64_t left = keys[d] - ids[d].size();
                for (std::uint64_t i = std::min(left, random() % 3000); i > 0; --i) {
                    ids[d].push_back(static_cast<std::uint32_t>(random()));
                    writer.append(d, ids[d].back());
                }
                more = more || ids[d].size() < keys[d];
            }
        }
        writer.finish();
        return ids;
    }
};

TEST_F(KeyMapTest, gives_back_the_ids_of_every_dictionary) {
    // Around the buffers that are written at a time, and none at all.
    for (const std::vector<std::uint64_t>& keys : {std::vector<std::uint64_t>{},
                                                   {0},
                                                   {0, 0, 0},
                                                   {1},
                                                   {4095, 4096, 4097},
                                                   {0, 1, 0, 20'000, 0},
                                                   {3, 100'000}}) {
        const auto ids = write_ids(keys);
        const KeyMap map(path, keys);
        for (std::size_t d = 0; d < keys.size(); ++d) {
            const auto read = map.of(d);
            ASSERT_TRUE(std::ranges::equal(read, ids[d])) << d;
        }
    }
}

TEST_F(KeyMapTest, can_be_mapped_many_times_and_outlives_its_name) {
    const std::vector<std::uint64_t> keys{5000, 7};
    const auto ids = write_ids(keys);
    const KeyMap one(path, keys);
    const KeyMap two(path, keys);
    std::filesystem::remove(path);
    EXPECT_TRUE(std::ranges::equal(one.of(0), ids[0]));
    EXPECT_TRUE(std::ranges::equal(two.of(1), ids[1]));
}

TEST_F(KeyMapTest, a_missing_or_short_file_is_a_failure_of_the_environment) {
    const std::vector<std::uint64_t> keys{5000, 7};
    EXPECT_EQ(message_of<EnvironmentError>([&] { (void)KeyMap(path, keys); }),
              "cannot read " + path.string() + ": No such file or directory");
    (void)write_ids(keys);
    // A page that is not there would end the process when it is looked at.
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    EXPECT_EQ(message_of<EnvironmentError>([&] { (void)KeyMap(path, keys); }),
              "cannot map " + path.string() + ": Input/output error");
    EXPECT_THAT(message_of<EnvironmentError>([&] { (void)KeyMapWriter(directory / "no" / "keys", keys); }),
                ::testing::StartsWith("cannot make " + (directory / "no" / "keys").string() + ": "));
}

TEST_F(KeyMapTest, a_full_disk_is_named) {
    for (const rlim_t bytes_max : {0U, 1U, 16'383U, 16'384U, 20'000U}) {
        const Child child = run_on_full_disk(bytes_max, [&] { (void)write_ids({10'000}); });
        EXPECT_EQ(child.said, "cannot write " + path.string() + ": File too large") << bytes_max;
    }
}

} // namespace
} // namespace ipscore::io
