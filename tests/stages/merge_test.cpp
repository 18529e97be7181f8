// Many segments into one run, against a map.
#include "merge.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/io/key_map.hpp"
#include "segment_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ipscore::stages {
namespace {

constexpr std::uint32_t hits_max = 0xffff'ffff;
constexpr Day some_day = 20700;

/// A range of addresses; without an end, all from `first` on.
struct Range {
    Address first;
    std::optional<Address> end;
};
const Range everything{lowest_address, std::nullopt};

class Merge : public SegmentFiles {
protected:
    /// One segment more, and the same rows in the map.
    void add(const SortedRows& rows, const std::set<std::string>& more_keys = {}) {
        segments_.push_back(write_segment(rows, more_keys));
        rows_.push_back(rows);
        for (const std::string& key : more_keys) keys_[key] = 0;
        for (const auto& [row, hits] : rows) keys_[std::get<std::string>(row)] = 0;
    }
    void clear() {
        segments_.clear();
        rows_.clear();
        keys_.clear();
    }

    [[nodiscard]] SegmentMerge merge_of(Day first_day, Day last_day) {
        std::uint32_t next = 0;
        for (auto& [key, id] : keys_) id = left_out_keys_.contains(key) ? io::no_key : next++;
        table_keys_.assign(segments_.size(), {});
        std::vector<MergeInput> inputs;
        for (std::size_t s = 0; s < segments_.size(); ++s) {
            io::StringsReader dictionary = segments_[s]->dictionary();
            for (std::string_view key; dictionary.next(key);)
                table_keys_[s].push_back(keys_.at(std::string(key)));
            inputs.push_back({.segment = segments_[s].get(),
                              .table_key = table_keys_[s],
                              .leaves_out = !left_out_keys_.empty()});
        }
        first_day_ = first_day;
        last_day_ = last_day;
        return {inputs, first_day, last_day};
    }

    /// Merges one range and compares rows and counts with the map.
    void expect_range(SegmentMerge& merge, const Range& range) {
        const auto path = directory_.path() / "out.h5";
        std::vector<std::uint64_t> rows_per_day(1U << 16U);
        MergeCounts counts;
        {
            io::H5File file = io::H5File::create(path);
            io::SortedRowsWriter writer(file);
            counts = merge.merge(range.first, range.end, writer, rows_per_day, halt_);
            writer.finish();
            file.close();
        }
        const SortedRows expected = expected_rows(range);
        ASSERT_EQ(read_back(path), expected);
        EXPECT_EQ(counts.rows_read, read_);
        EXPECT_EQ(counts.rows_outside_days, outside_);
        std::uint64_t left_out = 0;
        for (const auto& [day, rows] : left_out_) left_out += rows;
        EXPECT_EQ(counts.rows_left_out, left_out);
        EXPECT_EQ(counts.duplicates, read_ - outside_ - left_out - expected.size());
        for (std::size_t day = 0; day < counts.left_out_per_day.size(); ++day) {
            const auto found = left_out_.find(static_cast<Day>(day));
            ASSERT_EQ(counts.left_out_per_day[day], found == left_out_.end() ? 0 : found->second)
                << "day " << day;
        }
        EXPECT_TRUE(left_out_.empty() || !counts.left_out_per_day.empty());
        std::map<Day, std::uint64_t> per_day;
        for (const auto& [row, hits] : expected) ++per_day[std::get<Day>(row)];
        for (std::size_t day = 0; day < rows_per_day.size(); ++day) {
            const auto found = per_day.find(static_cast<Day>(day));
            ASSERT_EQ(rows_per_day[day], found == per_day.end() ? 0 : found->second) << "day " << day;
        }
    }
    void expect_all(Day first_day = first_valid_day, Day last_day = last_valid_day) {
        SegmentMerge merge = merge_of(first_day, last_day);
        expect_range(merge, everything);
    }

    std::vector<std::unique_ptr<io::Segment>> segments_;
    std::vector<SortedRows> rows_; ///< by segment
    std::map<std::string, std::uint32_t> keys_;
    std::set<std::string> left_out_keys_;
    StopFlag halt_;

private:
    /// What the map holds of a range; sets how many rows that took.
    [[nodiscard]] SortedRows expected_rows(const Range& range) {
        SortedRows expected;
        read_ = outside_ = 0;
        left_out_.clear();
        for (const SortedRows& segment : rows_) {
            for (const auto& [row, hits] : segment) {
                const auto& [address, key, day] = row;
                if (address < range.first || (range.end && address >= *range.end)) continue;
                ++read_;
                if (day < first_day_ || day > last_day_) {
                    ++outside_;
                    continue;
                }
                if (left_out_keys_.contains(key)) {
                    ++left_out_[day];
                    continue;
                }
                std::uint32_t& sum = expected[row];
                sum = add_saturating(sum, hits);
            }
        }
        return expected;
    }
    [[nodiscard]] SortedRows read_back(const std::filesystem::path& path) {
        std::vector<std::string> names;
        for (const auto& [key, id] : keys_) {
            if (id != io::no_key) names.push_back(key);
        }
        const io::H5File file = io::H5File::open(path);
        io::SortedRowsReader reader(file, names.size());
        SortedRows rows;
        std::optional<std::tuple<Address, std::uint32_t, std::uint16_t>> before;
        while (reader.next_address()) {
            for (auto span = reader.next_rows(); !span.empty(); span = reader.next_rows()) {
                for (std::size_t i = 0; i < span.size(); ++i) {
                    const std::tuple here{reader.address(), span.key[i], span.day[i]};
                    EXPECT_TRUE(!before || *before < here) << "out of order";
                    before = here;
                    rows[{reader.address(), names[span.key[i]], span.day[i]}] = span.hits[i];
                }
            }
        }
        EXPECT_EQ(rows.size(), reader.rows());
        return rows;
    }

    std::vector<std::vector<std::uint32_t>> table_keys_;
    Day first_day_ = 0;
    Day last_day_ = 0;
    std::uint64_t read_ = 0;
    std::uint64_t outside_ = 0;
    std::map<Day, std::uint64_t> left_out_; ///< of the days
};

Address ip(std::uint32_t n) { return address_of_ipv4(n); }

TEST_F(Merge, is_empty_without_segments_and_of_empty_ones) {
    expect_all();
    add({});
    add({}, {"a key without rows"});
    expect_all();
}

TEST_F(Merge, passes_over_an_empty_segment_among_others) {
    add({});
    add({{{ip(5), "b", some_day}, 1}});
    add({}, {"a"});
    add({{{ip(5), "a", some_day}, 2}});
    expect_all();
}

TEST_F(Merge, adds_up_the_same_observation_of_many_segments) {
    for (std::uint32_t i = 1; i < 6; ++i) add({{{ip(1), "k", some_day}, i}, {{ip(i), "k", some_day + 1}, 1}});
    expect_all();
}

TEST_F(Merge, saturates_hits) {
    add({{{ip(1), "k", some_day}, hits_max - 5}, {{ip(2), "k", some_day}, hits_max}});
    add({{{ip(1), "k", some_day}, 5}, {{ip(2), "k", some_day}, hits_max}});
    expect_all();
    add({{{ip(1), "k", some_day}, 1}});
    expect_all();
}

TEST_F(Merge, gives_keys_the_ids_of_the_table) {
    add({{{ip(1), "b", some_day}, 1}, {{ip(1), "d", some_day}, 2}});
    add({{{ip(1), "a", some_day}, 3}, {{ip(1), "c", some_day}, 4}, {{ip(1), "d", some_day}, 5}}, {"e"});
    expect_all();
}

TEST_F(Merge, keeps_the_days_asked_for) {
    SortedRows rows;
    for (const Day day :
         {first_valid_day, some_day - 1, some_day, some_day + 1, some_day + 2, last_valid_day})
        rows[{ip(1), "k", day}] = 1;
    rows[{ip(2), "k", some_day - 1}] = 1; // an address that goes as a whole
    add(rows);
    add({{{ip(1), "k", some_day}, 1}, {{ip(1), "k", some_day + 2}, 1}});
    expect_all(some_day, some_day + 1);
    expect_all(some_day, some_day);
    expect_all(first_valid_day, first_valid_day);
    expect_all(last_valid_day, last_valid_day);
}

TEST_F(Merge, keeps_no_later_day_when_the_lookback_begins_before_1970) {
    // 100 years back from 2000-01-01 begin at day -25567: 65536 more is in 2079.
    add({{{ip(1), "k", first_valid_day}, 1},
         {{ip(1), "k", first_valid_day + 1}, 1},
         {{ip(1), "k", last_valid_day}, 1}});
    expect_all(first_valid_day - 36524, first_valid_day);
    expect_all(some_day - 36524, some_day);
}

TEST_F(Merge, takes_addresses_at_both_ends_of_the_space) {
    add({{{lowest_address, "k", some_day}, 1}, {{highest_address, "k", some_day}, 2}});
    add({{{ip(1), "k", some_day}, 1}, {{highest_address, "k", some_day}, 3}});
    expect_all();
    SegmentMerge merge = merge_of(some_day, some_day);
    expect_range(merge, {highest_address, std::nullopt});
    expect_range(merge, {lowest_address, highest_address});
    expect_range(merge, {highest_address, std::nullopt});
}

/// An address with many rows in a segment, between two small ones.
SortedRows around_a_huge_address(std::uint32_t rows, std::uint32_t hits) {
    SortedRows segment{{{ip(1), "k0", some_day}, hits}, {{ip(3), "k0", some_day}, hits}};
    for (std::uint32_t i = 0; i < rows; ++i)
        segment[{ip(2), "k" + std::to_string(i / 90), some_day + static_cast<Day>(i % 90)}] = hits;
    return segment;
}

TEST_F(Merge, streams_an_address_with_more_rows_than_it_gathers) {
    add(around_a_huge_address(40'000, 1));
    add(around_a_huge_address(30'000, 2));
    add(around_a_huge_address(7, 3));
    add({{{ip(2), "a key before all others", some_day}, 1}, {{ip(2), "z behind all others", some_day}, 1}});
    expect_all();
    expect_all(some_day + 10, some_day + 20);
    SegmentMerge merge = merge_of(first_valid_day, last_valid_day);
    expect_range(merge, {ip(2), ip(3)});
    expect_range(merge, {ip(3), std::nullopt});
    expect_range(merge, {lowest_address, ip(2)});
    expect_range(merge, {ip(2), ip(3)});
}

TEST_F(Merge, streams_a_huge_address_of_one_segment) {
    add(around_a_huge_address(70'000, 1));
    expect_all();
    add({{{ip(9), "k", some_day}, 1}});
    expect_all();
}

TEST_F(Merge, streams_the_highest_address) {
    SortedRows rows{{{ip(1), "k0", some_day}, 1}};
    for (std::uint32_t i = 0; i < 5'000; ++i)
        rows[{highest_address, "k" + std::to_string(i / 90), some_day + static_cast<Day>(i % 90)}] = i + 1;
    add(rows);
    expect_all();
    add(rows);
    add({{{highest_address, "k0", some_day}, 1}});
    expect_all();
    left_out_keys_ = {"k0", "k5"};
    expect_all();
}

TEST_F(Merge, leaves_out_keys) {
    left_out_keys_ = {"b", "d"};
    add({{{ip(1), "a", some_day}, 1}, {{ip(1), "b", some_day}, 2}, {{ip(1), "c", some_day}, 3}});
    add({{{ip(1), "b", some_day}, 1},
         {{ip(1), "b", some_day + 5}, 1},
         {{ip(1), "d", some_day}, 2},
         {{ip(1), "e", some_day}, 3}});
    add({{{ip(2), "b", some_day}, 1}, {{ip(2), "d", some_day}, 2}}); // an address that goes as a whole
    expect_all();
    expect_all(some_day, some_day);
    expect_all(some_day - 36524, some_day); // from before 1970 on
    left_out_keys_ = {"a", "b", "c", "d", "e"};
    expect_all();
}

TEST_F(Merge, leaves_out_keys_of_a_huge_address) {
    left_out_keys_ = {"k0", "k7", "k100", "k333", "a key before all others"};
    add(around_a_huge_address(40'000, 1));
    add(around_a_huge_address(30'000, 2));
    add({{{ip(2), "a key before all others", some_day}, 1}, {{ip(2), "z behind all others", some_day}, 1}});
    expect_all();
    expect_all(some_day + 10, some_day + 20);
    for (const auto& [key, id] : keys_) left_out_keys_.insert(key);
    expect_all();
    left_out_keys_.erase("z behind all others");
    expect_all();
}

TEST_F(Merge, stops_when_asked_and_goes_on_afterwards) {
    add(around_a_huge_address(40'000, 1));
    add(around_a_huge_address(40'000, 2));
    SegmentMerge merge = merge_of(first_valid_day, last_valid_day);
    for (const Range& range : {everything, Range{ip(2), std::nullopt}}) {
        StopFlag halt;
        halt.request();
        io::H5File file = io::H5File::create(directory_.path() / "halted.h5");
        io::SortedRowsWriter writer(file);
        std::vector<std::uint64_t> rows_per_day(1U << 16U);
        const MergeCounts counts = merge.merge(range.first, range.end, writer, rows_per_day, halt);
        EXPECT_LT(counts.rows_read, 80'000U);
    }
    expect_range(merge, {ip(3), std::nullopt});
    expect_range(merge, everything);
}

TEST_F(Merge, may_be_stopped_anywhere) {
    add(around_a_huge_address(40'000, 1));
    add(around_a_huge_address(40'000, 2));
    SegmentMerge merge = merge_of(first_valid_day, last_valid_day);
    for (int step = 0; step < 12; ++step) {
        // Where it stops is chance, as with a signal; what comes after must not depend on that.
        expect_range(merge, {lowest_address, ip(2)});
        StopFlag halt;
        io::H5File file = io::H5File::create(directory_.path() / "halted.h5");
        io::SortedRowsWriter writer(file);
        std::vector<std::uint64_t> rows_per_day(1U << 16U);
        std::thread signal([&] {
            std::this_thread::sleep_for(step * std::chrono::microseconds(250));
            halt.request();
        });
        const MergeCounts counts = merge.merge(ip(2), std::nullopt, writer, rows_per_day, halt);
        signal.join();
        EXPECT_LE(counts.rows_read, 80'002U);
        expect_range(merge, {ip(step % 2 == 0 ? 2 : 3), std::nullopt});
    }
    expect_range(merge, everything);
}

TEST_F(Merge, goes_through_ranges_that_hold_nothing) {
    add({{{ip(10), "k", some_day}, 1}, {{ip(20), "k", some_day}, 1}});
    SegmentMerge merge = merge_of(some_day, some_day);
    expect_range(merge, {lowest_address, ip(10)});
    expect_range(merge, {ip(10), ip(10)});
    expect_range(merge, {ip(10), ip(11)});
    expect_range(merge, {ip(11), ip(20)});
    expect_range(merge, {ip(20), ip(21)});
    expect_range(merge, {ip(21), std::nullopt});
    expect_range(merge, {ip(21), std::nullopt});
}

TEST_F(Merge, equals_a_map_over_random_segments_and_ranges) {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint64_t n) { return random() % n; };
        clear();
        // Addresses from few to so many that segments have several seek points and chunks.
        const std::uint64_t addresses = std::vector<std::uint64_t>{3, 50, 3000}[below(3)];
        const auto some_address = [&] { return Address{below(2), below(addresses)}; };
        for (std::uint64_t segment = below(6); segment > 0; --segment) {
            SortedRows rows;
            for (std::uint64_t i = below(2) * below(4000); i > 0; --i) {
                const Day day = some_day + static_cast<Day>(below(6));
                rows[{some_address(), "key " + std::to_string(below(12)), day}] =
                    below(5) == 0 ? hits_max - static_cast<std::uint32_t>(below(2))
                                  : static_cast<std::uint32_t>(1 + below(9));
            }
            add(rows, {"key of nobody " + std::to_string(below(3))});
        }
        left_out_keys_.clear();
        for (std::uint64_t i = below(3) * below(12); i > 0; --i)
            left_out_keys_.insert("key " + std::to_string(below(12)));
        const Day first_day = some_day + static_cast<Day>(below(3));
        SegmentMerge merge = merge_of(first_day, first_day + static_cast<Day>(below(4)));

        std::set<Address> cuts{lowest_address};
        for (std::uint64_t i = below(8); i > 0; --i) cuts.insert(some_address());
        std::vector<Range> ranges;
        for (auto cut = cuts.begin(); cut != cuts.end(); ++cut) {
            const auto next = std::next(cut);
            ranges.push_back({*cut, next == cuts.end() ? std::nullopt : std::optional(*next)});
        }
        // In order, without seeking; then in any order, with some left out and some twice.
        for (const Range& range : ranges) expect_range(merge, range);
        for (std::uint64_t i = 0; i < 2 * ranges.size(); ++i)
            expect_range(merge, ranges[below(ranges.size())]);
        if (HasFatalFailure()) return;
    }
}

} // namespace
} // namespace ipscore::stages
