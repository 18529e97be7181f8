// Segments merged into fewer, level by level: the same rows, used again by a later run, and only when they
// are whole.
#include "merge_levels.hpp"

#include "ipscore/core/error.hpp"
#include "segment_files.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages {
namespace {

/// Every row of a segment, duplicates too, in order of (address, key, day), which is not that of hits.
using AllRows = std::multiset<std::tuple<Address, std::string, Day, std::uint32_t>>;

class MergeLevelsTest : public SegmentFiles {
protected:
    /// So many segments with random rows, some of which are in several of them.
    void make_segments(std::size_t count) {
        std::mt19937_64 random(71);
        for (std::size_t s = 0; s < count; ++s) {
            SortedRows rows;
            for (std::uint64_t i = random() % 60; i > 0; --i) {
                rows[{address_of_ipv4(static_cast<std::uint32_t>(random() % 50)),
                      "key " + std::to_string(random() % 30), 20700 + static_cast<Day>(random() % 5)}] =
                    static_cast<std::uint32_t>(1 + random() % 9);
            }
            for (const auto& [row, hits] : rows) rows_.insert(std::tuple_cat(row, std::tuple(hits)));
            const auto segment = write_segment(rows, {"a key without rows"});
            segments_.push_back(
                {.path = segment->file().path(), .id = "segment " + std::to_string(s), .rows = rows.size()});
        }
    }
    std::uint64_t merge(std::vector<MergeFile>& files, std::uint64_t fan_in, int threads = 1,
                        const StopFlag& stop = {}) {
        RunMonitor monitor(log_);
        return merge_levels(world_, files, {.directory = runs_, .fan_in = fan_in, .threads = threads}, stop,
                            monitor);
    }
    /// What the files hold together; each must be sorted, and hold as many rows as it says.
    static AllRows rows_of(const std::vector<MergeFile>& files) {
        AllRows all;
        for (const MergeFile& merged : files) {
            const io::Segment segment(merged.path);
            EXPECT_EQ(segment.rows(), merged.rows);
            std::vector<std::string> keys;
            io::StringsReader dictionary = segment.dictionary();
            for (std::string_view key; dictionary.next(key);) keys.emplace_back(key);
            io::SortedRowsReader reader = segment.reader(segment.keys());
            while (reader.next_address()) {
                std::pair<std::uint32_t, std::uint16_t> before{0, 0};
                for (auto span = reader.next_rows(); !span.empty(); span = reader.next_rows()) {
                    for (std::size_t i = 0; i < span.size(); ++i) {
                        EXPECT_LE(before, std::pair(span.key[i], span.day[i]));
                        before = {span.key[i], span.day[i]};
                        all.emplace(reader.address(), keys[span.key[i]], span.day[i], span.hits[i]);
                    }
                }
            }
        }
        return all;
    }
    [[nodiscard]] std::map<std::string, std::filesystem::file_time_type> runs_there() const {
        std::map<std::string, std::filesystem::file_time_type> runs;
        if (!std::filesystem::exists(runs_)) return runs;
        for (const auto& entry : std::filesystem::directory_iterator(runs_))
            runs[entry.path().filename()] = entry.last_write_time();
        return runs;
    }

    std::vector<MergeFile> segments_;
    AllRows rows_;
    std::filesystem::path runs_ = directory_.path() / "runs";
    mpi::World world_;
    RunLog log_{"test", LogFormat::none};
};

TEST_F(MergeLevelsTest, leaves_as_many_as_one_merge_can_read_with_all_their_rows) {
    make_segments(23);
    for (const std::uint64_t fan_in : {2U, 3U, 5U, 22U, 23U}) {
        for (const int threads : {1, 3}) {
            std::filesystem::remove_all(runs_);
            std::vector<MergeFile> files = segments_;
            const std::uint64_t merges = merge(files, fan_in, threads);
            EXPECT_EQ(files.size(), fan_in);
            EXPECT_EQ(merges == 0, fan_in == 23);
            EXPECT_EQ(runs_there().size(), merges) << "and nothing else";
            EXPECT_TRUE(rows_of(files) == rows_) << "fan-in " << fan_in;
        }
    }
}

TEST_F(MergeLevelsTest, does_nothing_where_one_merge_can_read_all) {
    make_segments(3);
    std::vector<MergeFile> files = segments_;
    EXPECT_EQ(merge(files, 3), 0U);
    EXPECT_FALSE(std::filesystem::exists(runs_));
}

TEST_F(MergeLevelsTest, uses_again_what_is_whole_and_only_that) {
    make_segments(9);
    std::vector<MergeFile> files = segments_;
    const std::uint64_t merges = merge(files, 2);
    const auto before = runs_there();
    ASSERT_EQ(before.size(), merges);

    std::vector<MergeFile> again = segments_;
    EXPECT_EQ(merge(again, 2), merges);
    EXPECT_EQ(runs_there(), before) << "nothing is written anew";

    std::filesystem::resize_file(files[0].path, std::filesystem::file_size(files[0].path) / 2);
    std::filesystem::remove(files[1].path);
    std::vector<MergeFile> mended = segments_;
    EXPECT_EQ(merge(mended, 2), merges);
    EXPECT_EQ(runs_there().size(), merges);
    EXPECT_TRUE(rows_of(mended) == rows_);
}

TEST_F(MergeLevelsTest, names_tell_what_is_merged) {
    make_segments(4);
    std::vector<MergeFile> files = segments_;
    (void)merge(files, 3);
    std::vector<MergeFile> others = segments_;
    for (MergeFile& file : others) file.id += "'"; // as of another store
    (void)merge(others, 3);
    EXPECT_EQ(runs_there().size(), 2U);
}

TEST_F(MergeLevelsTest, leaves_only_whole_files_when_it_is_stopped) {
    make_segments(9);
    StopFlag stop;
    stop.request();
    std::vector<MergeFile> files = segments_;
    EXPECT_THROW((void)merge(files, 2, 1, stop), Error);
    for (const auto& [name, time] : runs_there()) EXPECT_TRUE(io::segment_is_whole(runs_ / name)) << name;
    files = segments_;
    (void)merge(files, 2);
    EXPECT_TRUE(rows_of(files) == rows_);
}

TEST_F(MergeLevelsTest, names_a_damaged_segment) {
    make_segments(4);
    std::filesystem::resize_file(segments_[2].path, 100);
    std::vector<MergeFile> files = segments_;
    try {
        (void)merge(files, 2);
        ADD_FAILURE() << "nothing thrown";
    } catch (const InputError& error) {
        EXPECT_EQ(std::string(error.what()).substr(0, segments_[2].path.string().size()),
                  segments_[2].path.string());
    }
}

} // namespace
} // namespace ipscore::stages
