// Sorted observations, and the files that hold them: segments and parts of tables.
#include "ipscore/io/sorted_rows.hpp"

#include "damage.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/io/strings.hpp"
#include "ipscore/io/table.hpp"
#include "table_index_file.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ipscore::io {
namespace {

using ::testing::StartsWith;

struct Observation {
    std::uint32_t key = 0;
    std::uint16_t day = 0;
    std::uint32_t hits = 0;
    friend bool operator==(const Observation&, const Observation&) = default;
};
struct AddressRows {
    Address address;
    std::vector<Observation> rows;
    friend bool operator==(const AddressRows&, const AddressRows&) = default;
};
using Rows = std::vector<AddressRows>;

constexpr std::uint32_t keys = 1000;

/// Addresses with the given numbers of rows.
Rows random_rows(std::mt19937_64& random, const std::vector<std::size_t>& counts) {
    Rows rows;
    Address address{0, 0};
    for (const std::size_t count : counts) {
        if (random() % 4 == 0) {
            address = {address.hi + 1 + random() % 1000, random()};
        } else {
            address = next_address({address.hi, address.lo / 2});
            if (!rows.empty() && address <= rows.back().address) address = next_address(rows.back().address);
        }
        AddressRows& entry = rows.emplace_back(AddressRows{address, {}});
        for (std::size_t i = 0; i < count; ++i) {
            entry.rows.push_back({static_cast<std::uint32_t>(random() % keys),
                                  static_cast<std::uint16_t>(random()),
                                  static_cast<std::uint32_t>(random())});
        }
    }
    return rows;
}

std::vector<std::size_t> random_counts(std::mt19937_64& random, std::size_t addresses, std::size_t rows_max) {
    std::vector<std::size_t> counts(addresses);
    for (std::size_t& count : counts) count = 1 + random() % rows_max;
    return counts;
}

std::uint64_t rows_in(const Rows& rows) {
    std::uint64_t count = 0;
    for (const AddressRows& entry : rows) count += entry.rows.size();
    return count;
}

/// Row by row, or in pieces, as merging and ingesting do.
void append(SortedRowsWriter& writer, const Rows& rows, std::mt19937_64& random) {
    for (const AddressRows& entry : rows) {
        writer.begin_address(entry.address);
        for (std::size_t i = 0; i < entry.rows.size();) {
            if (random() % 2 == 0) {
                const Observation& row = entry.rows[i++];
                writer.append(row.key, row.day, row.hits);
                continue;
            }
            std::vector<std::uint32_t> key;
            std::vector<std::uint16_t> day;
            std::vector<std::uint32_t> hits;
            for (std::uint64_t left = random() % 9000; left > 0 && i < entry.rows.size(); --left, ++i) {
                key.push_back(entry.rows[i].key);
                day.push_back(entry.rows[i].day);
                hits.push_back(entry.rows[i].hits);
            }
            writer.append({key, day, hits});
        }
    }
}

Rows read_from_here(SortedRowsReader& reader, std::uint64_t at_most = ~std::uint64_t{0}) {
    Rows rows;
    while (reader.next_address()) {
        AddressRows& entry = rows.emplace_back(AddressRows{reader.address(), {}});
        std::uint64_t left = reader.rows_left();
        for (RowSpan span = reader.next_rows(at_most); !span.empty(); span = reader.next_rows(at_most)) {
            EXPECT_LE(span.size(), at_most);
            left -= span.size();
            EXPECT_EQ(reader.rows_left(), left);
            for (std::size_t i = 0; i < span.size(); ++i)
                entry.rows.push_back({span.key[i], span.day[i], span.hits[i]});
        }
        EXPECT_EQ(left, 0U);
    }
    EXPECT_FALSE(reader.next_address()) << "the end stays the end";
    return rows;
}

Rows read_all(const H5File& file, std::uint64_t dictionary = keys) {
    SortedRowsReader reader(file, dictionary);
    return read_from_here(reader);
}

class SortedRowsTest : public FilesTest {
protected:
    /// Writes the file and returns the checksum.
    std::uint64_t write_rows(const Rows& rows) {
        H5File file = H5File::create(path);
        SortedRowsWriter writer(file);
        append(writer, rows, random);
        EXPECT_EQ(writer.addresses(), rows.size());
        EXPECT_EQ(writer.rows(), rows_in(rows));
        writer.finish();
        if (!rows.empty()) {
            EXPECT_EQ(writer.first_address(), rows.front().address);
            EXPECT_EQ(writer.last_address(), rows.back().address);
        }
        EXPECT_EQ(writer.stored_bytes() > 0, !rows.empty());
        file.close();
        return writer.checksum();
    }

    std::mt19937_64 random{18};
    std::filesystem::path path = directory / "a.h5";
};

TEST_F(SortedRowsTest, round_trips) {
    const std::vector<std::vector<std::size_t>> cases{
        {},
        {1},
        {1, 1, 1},
        {4095},
        {4096},
        {4097, 1},
        {chunk_values_default - 1, 1, 1},
        {chunk_values_default},
        {1, chunk_values_default, 1},
        {3 * chunk_values_default + 5, 2},
        random_counts(random, 500, 3),
        random_counts(random, 60, 3000),
        std::vector<std::size_t>(chunk_values_default + 1, 1),
    };
    for (const auto& counts : cases) {
        const Rows rows = random_rows(random, counts);
        write_rows(rows);
        const H5File file = H5File::open(path);
        EXPECT_TRUE(read_all(file) == rows);
        SortedRowsReader reader(file, keys);
        EXPECT_EQ(reader.addresses(), rows.size());
        EXPECT_EQ(reader.rows(), rows_in(rows));
        EXPECT_TRUE(read_from_here(reader, 1000) == rows);
    }
}

TEST_F(SortedRowsTest, rows_that_are_not_asked_for_are_passed_over) {
    const Rows rows = random_rows(random, {5, chunk_values_default + 10, 3, chunk_values_default, 1});
    write_rows(rows);
    const H5File file = H5File::open(path);
    for (const std::uint64_t taken : {0U, 1U, 4U, 40'000U}) {
        SortedRowsReader reader(file, keys);
        for (const AddressRows& entry : rows) {
            ASSERT_TRUE(reader.next_address());
            EXPECT_EQ(reader.address(), entry.address);
            EXPECT_EQ(reader.rows_left(), entry.rows.size());
            const RowSpan span = reader.next_rows(taken);
            for (std::size_t i = 0; i < span.size(); ++i) ASSERT_EQ(span.key[i], entry.rows[i].key);
        }
        EXPECT_FALSE(reader.next_address());
    }
}

/// What `run` holds, behind `rows`.
void append_run(Rows& rows, const AddressRun& run) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < run.hi.size(); ++i) {
        AddressRows& entry = rows.emplace_back(AddressRows{{run.hi[i], run.lo[i]}, {}});
        for (std::uint64_t row = 0; row < run.row_counts[i]; ++row, ++at)
            entry.rows.push_back({run.rows.key[at], run.rows.day[at], run.rows.hits[at]});
    }
    EXPECT_EQ(at, run.rows.size());
}

TEST_F(SortedRowsTest, runs_of_addresses_are_what_one_address_after_the_other_gives) {
    for (const auto& counts : {random_counts(random, 60'000, 3), random_counts(random, 300, 900),
                               std::vector<std::size_t>{1, 2 * chunk_values_default, 1, 1}}) {
        const Rows rows = random_rows(random, counts);
        write_rows(rows);
        const H5File file = H5File::open(path);
        SortedRowsReader reader(file, keys);
        Rows read;
        std::size_t in_runs = 0;
        while (reader.next_address()) {
            AddressRows& entry = read.emplace_back(AddressRows{reader.address(), {}});
            EXPECT_TRUE(reader.next_whole_addresses(100, 100).hi.empty()) << "rows of the address are left";
            for (RowSpan span = reader.next_rows(); !span.empty(); span = reader.next_rows()) {
                for (std::size_t i = 0; i < span.size(); ++i)
                    entry.rows.push_back({span.key[i], span.day[i], span.hits[i]});
            }
            const std::size_t addresses_max = random() % 600;
            const std::uint64_t rows_max = random() % 4000;
            const AddressRun run = reader.next_whole_addresses(addresses_max, rows_max);
            EXPECT_LE(run.hi.size(), addresses_max);
            EXPECT_LE(run.rows.size(), rows_max);
            append_run(read, run);
            in_runs += run.hi.size();
            EXPECT_EQ(reader.address(), read.back().address);
            EXPECT_EQ(reader.rows_left(), 0U);
        }
        EXPECT_TRUE(read == rows);
        if (counts.size() > 4) {
            EXPECT_GT(in_runs, counts.size() / 2);
        }
    }
}

TEST_F(SortedRowsTest, tells_how_many_keys_lie_behind) {
    const Rows rows = random_rows(random, random_counts(random, 300, 400));
    write_rows(rows);
    std::vector<std::uint32_t> all;
    for (const AddressRows& entry : rows) {
        for (const auto& row : entry.rows) all.push_back(row.key);
    }
    const H5File file = H5File::open(path);
    SortedRowsReader reader(file, keys);
    std::size_t at = 0;
    while (reader.next_address()) {
        for (RowSpan span = reader.next_rows(100); !span.empty(); span = reader.next_rows(100)) {
            at += span.size();
            const std::size_t chunk_end =
                (at + chunk_values_default - 1) / chunk_values_default * chunk_values_default;
            ASSERT_EQ(span.keys_ahead, std::min(chunk_end, all.size()) - at);
            const std::uint32_t* const behind = span.key.data() + span.size();
            ASSERT_TRUE(
                std::equal(behind, behind + span.keys_ahead, all.begin() + static_cast<std::ptrdiff_t>(at)));
        }
        EXPECT_EQ(reader.next_rows().keys_ahead, 0U);
    }
}

TEST_F(SortedRowsTest, reading_begins_where_it_is_told_to) {
    const Rows rows = random_rows(random, random_counts(random, 300, 400));
    write_rows(rows);
    const H5File file = H5File::open(path);
    SortedRowsReader reader(file, keys);
    std::vector<std::uint64_t> first_row{0};
    for (const AddressRows& entry : rows) first_row.push_back(first_row.back() + entry.rows.size());
    for (int i = 0; i < 60; ++i) {
        const std::size_t at = random() % (rows.size() + 1);
        const Address address = at < rows.size() ? rows[at].address : highest_address;
        reader.seek({address, at, first_row[at]});
        EXPECT_TRUE(reader.next_rows().empty()) << "there is no address yet";
        if (i % 2 == 0) { // back and forth without reading to the end
            EXPECT_EQ(reader.next_address(), at < rows.size());
            EXPECT_EQ(at < rows.size() ? reader.address() : address, address);
            (void)reader.next_rows(3);
        } else {
            EXPECT_TRUE(read_from_here(reader) ==
                        Rows(rows.begin() + static_cast<std::ptrdiff_t>(at), rows.end()));
        }
    }
    EXPECT_EQ(message_of([&] {
                  reader.seek({highest_address, rows.size() + 1, 0});
              }),
              path.string() + ": damaged: a seek point lies behind the end");
    EXPECT_EQ(message_of([&] {
                  reader.seek({highest_address, 0, first_row.back() + 1});
              }),
              path.string() + ": damaged: a seek point lies behind the end");
}

TEST_F(SortedRowsTest, equal_rows_have_equal_checksums_and_others_do_not) {
    Rows rows = random_rows(random, random_counts(random, 20, 5));
    const std::uint64_t checksum = write_rows(rows);
    EXPECT_EQ(write_rows(rows), checksum);
    rows[7].rows[0].hits ^= 1U;
    EXPECT_NE(write_rows(rows), checksum);
    rows[7].rows[0].hits ^= 1U;
    rows[7].address.lo ^= 1U;
    EXPECT_NE(write_rows(rows), checksum);
    rows[7].address.lo ^= 1U;
    EXPECT_EQ(write_rows(rows), checksum);
    rows.pop_back();
    EXPECT_NE(write_rows(rows), checksum);
}

/// A file of columns that no writer of ours would leave.
void write_columns(const std::filesystem::path& path, const std::vector<std::uint64_t>& hi,
                   const std::vector<std::uint64_t>& lo, const std::vector<std::uint64_t>& address_rows,
                   const std::vector<std::uint32_t>& key, const std::vector<std::uint16_t>& day,
                   const std::vector<std::uint32_t>& hits) {
    H5File file = H5File::create(path);
    write_column<std::uint64_t>(file, format::address_hi, Codec::scale_offset, hi);
    write_column<std::uint64_t>(file, format::address_lo, Codec::scale_offset, lo);
    write_column<std::uint64_t>(file, format::address_rows, Codec::scale_offset, address_rows);
    write_column<std::uint32_t>(file, format::row_key, Codec::scale_offset, key);
    write_column<std::uint16_t>(file, format::row_day, Codec::scale_offset, day);
    write_column<std::uint32_t>(file, format::row_hits, Codec::scale_offset, hits);
    file.close();
}

TEST_F(SortedRowsTest, columns_that_contradict_each_other_are_refused) {
    const auto fault = [&](auto... columns) {
        write_columns(path, columns...);
        const std::string begin = path.string() + ": damaged: ";
        const std::string message = message_of([&] { (void)read_all(H5File::open(path)); });
        return message.starts_with(begin) ? message.substr(begin.size()) : message;
    };
    using U64 = std::vector<std::uint64_t>;
    using U32 = std::vector<std::uint32_t>;
    using U16 = std::vector<std::uint16_t>;
    EXPECT_EQ(fault(U64{0, 0}, U64{1, 2}, U64{1, 2}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "nothing thrown");
    EXPECT_EQ(fault(U64{0, 0}, U64{1}, U64{1, 2}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "the columns of addresses differ in length");
    EXPECT_EQ(fault(U64{0, 0}, U64{1, 2}, U64{3}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "the columns of addresses differ in length");
    EXPECT_EQ(fault(U64{0}, U64{1}, U64{3}, U32{1, 2, 3}, U16{1, 2}, U32{1, 2, 3}),
              "the columns of rows differ in length");
    EXPECT_EQ(fault(U64{0}, U64{1}, U64{3}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2}),
              "the columns of rows differ in length");
    EXPECT_EQ(fault(U64{0, 0}, U64{1, 2}, U64{1, 3}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "address ::2 has an impossible number of rows");
    EXPECT_EQ(
        fault(U64{0, 0}, U64{1, 2}, U64{~std::uint64_t{0}, 3}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
        "address ::1 has an impossible number of rows");
    EXPECT_EQ(fault(U64{0, 0}, U64{1, 2}, U64{3, 0}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "address ::2 has an impossible number of rows");
    EXPECT_EQ(fault(U64{0}, U64{1}, U64{2}, U32{1, 2, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "there are rows without an address");
    EXPECT_EQ(fault(U64{}, U64{}, U64{}, U32{1}, U16{1}, U32{1}), "there are rows without an address");
    EXPECT_EQ(fault(U64{0}, U64{1}, U64{3}, U32{1, keys, 3}, U16{1, 2, 3}, U32{1, 2, 3}),
              "a key id is not in the dictionary");
}

// The key promise: the same rows, or InputError. Never a crash, a hang, or other rows.
TEST_F(SortedRowsTest, damage_never_gives_other_rows) {
    const Rows rows = random_rows(random, random_counts(random, 40, 4));
    write_rows(rows);
    expect_same_or_noticed(path, 1500, [&](const std::string& damage) {
        EXPECT_TRUE(read_all(H5File::open(path)) == rows) << damage;
    });
}

// ---- parts of tables

const std::string job_hash = "0123456789abcdef0123456789abcdef";

class TablePartTest : public SortedRowsTest {
protected:
    PartRecord write_part(const Rows& rows, std::uint64_t part = 3) {
        H5File file = H5File::create(path);
        SortedRowsWriter writer(file);
        append(writer, rows, random);
        writer.finish();
        PartRecord record;
        record.addresses = writer.addresses();
        record.rows = writer.rows();
        record.first_address = writer.first_address();
        record.last_address = writer.last_address();
        record.checksum = writer.checksum();
        record.counts = {{"rows_read", 7}, {"text", "\xC3\xA9"}};
        write_part_record(file, format::table_part, job_hash, part, record);
        file.close();
        return record;
    }
    [[nodiscard]] std::optional<PartRecord> verify(const std::string& hash = job_hash, std::uint64_t part = 3,
                                                   const char* format = format::table_part) const {
        return verify_part(path, format, hash, part, table_columns);
    }
    static bool same(const PartRecord& a, const PartRecord& b) {
        return a.addresses == b.addresses && a.rows == b.rows && a.first_address == b.first_address &&
               a.last_address == b.last_address && a.checksum == b.checksum && a.counts == b.counts;
    }
};

TEST_F(TablePartTest, a_whole_part_is_known_again) {
    for (const std::size_t addresses : {0U, 1U, 200U}) {
        const PartRecord record = write_part(random_rows(random, random_counts(random, addresses, 5)));
        const auto verified = verify();
        ASSERT_TRUE(verified.has_value());
        EXPECT_TRUE(same(*verified, record));
    }
}

TEST_F(TablePartTest, what_is_not_this_part_is_to_be_made_again) {
    EXPECT_FALSE(verify().has_value()) << "missing";
    const Rows rows = random_rows(random, random_counts(random, 10, 5));
    write_part(rows);
    EXPECT_TRUE(verify().has_value());
    EXPECT_FALSE(verify("0123456789abcdef0123456789abcdee").has_value()) << "of another job";
    EXPECT_FALSE(verify("").has_value());
    EXPECT_FALSE(verify(job_hash, 4).has_value()) << "another part";
    EXPECT_FALSE(verify(job_hash, 3, format::scores_part).has_value()) << "of another kind";
    write_rows(rows);
    EXPECT_FALSE(verify().has_value()) << "without a record";
    write("a.h5", "");
    EXPECT_FALSE(verify().has_value()) << "empty";
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_FALSE(verify().has_value()) << "a directory";
}

// Values that were swapped for others, whole chunks with their checksums: the record tells.
TEST_F(TablePartTest, a_record_that_does_not_belong_to_the_values_is_refused) {
    const Rows rows = random_rows(random, random_counts(random, 10, 5));
    H5File file = H5File::create(path);
    SortedRowsWriter writer(file);
    append(writer, rows, random);
    writer.finish();
    PartRecord record;
    record.checksum = writer.checksum() ^ 1U;
    write_part_record(file, format::table_part, job_hash, 3, record);
    file.close();
    EXPECT_FALSE(verify().has_value());
}

// What verify_part passes is the same record, and reads as the same rows.
TEST_F(TablePartTest, damage_never_passes_for_another_part) {
    const Rows rows = random_rows(random, random_counts(random, 40, 4));
    const PartRecord record = write_part(rows);
    std::size_t noticed = 0;
    std::size_t tries = 0;
    DamagedFile(path).try_all(2500, [&](const std::string& damage) {
        ++tries;
        try {
            const auto verified = verify();
            if (!verified) {
                ++noticed;
                return;
            }
            EXPECT_TRUE(same(*verified, record)) << damage;
            EXPECT_TRUE(read_all(H5File::open(path)) == rows) << damage;
        } catch (const std::exception& error) {
            ADD_FAILURE() << damage << ": " << error.what();
        }
    });
    EXPECT_GT(noticed, tries / 4);
    EXPECT_LT(noticed, tries);
}

TEST_F(TablePartTest, the_list_of_parts_round_trips) {
    std::vector<PartRecord> parts(5);
    for (PartRecord& part : parts) {
        part = {.addresses = random(),
                .rows = random(),
                .first_address = {random(), random()},
                .last_address = {random(), random()},
                .checksum = random(),
                .counts = {}};
    }
    for (const std::size_t size : {0U, 1U, 5U}) {
        parts.resize(size, {});
        {
            H5File file = H5File::create(path);
            write_part_list(file, parts);
            file.close();
        }
        const auto read = read_part_list(H5File::open(path));
        ASSERT_EQ(read.size(), size);
        for (std::size_t i = 0; i < size; ++i) EXPECT_TRUE(same(read[i], parts[i]));
    }
}

TEST_F(TablePartTest, the_index_of_a_table_round_trips) {
    const auto fault = [&] { return message_of([&] { (void)read_table_index(directory); }); };
    EXPECT_EQ(fault(), directory.string() + ": is no finished table (there is no " +
                           (directory / "index.h5").string() + "); run ipscore prepare");
    TableIndex index;
    index.first_day = 20000;
    index.last_day = 20089;
    index.rows_per_day = {{20000, 5}, {20089, 6}};
    index.counts = {{"rows_read", 11}};
    index.store = {{"version", 4}};
    for (const char* key : {"a", "b", "c"}) index.dictionary.push_back(key);
    index.parts.resize(2);
    index.parts[1].rows = 11;
    index.parts[1].addresses = 2;
    index.parts[1].checksum = 99;
    write_table_index(directory / "index.h5", index);
    EXPECT_EQ(index.content_hash.size(), 32U);

    const TableIndex read = read_table_index(directory);
    EXPECT_EQ(read.first_day, index.first_day);
    EXPECT_EQ(read.last_day, index.last_day);
    EXPECT_EQ(read.rows_per_day, index.rows_per_day);
    EXPECT_EQ(read.counts, index.counts);
    EXPECT_EQ(read.store, index.store);
    EXPECT_TRUE(read.dictionary == index.dictionary);
    EXPECT_EQ(read.content_hash, index.content_hash);
    EXPECT_EQ(read.rows(), 11U);
    EXPECT_EQ(read.addresses(), 2U);
    EXPECT_TRUE(read_table_index(directory, false).dictionary.empty());

    DamagedFile(directory / "index.h5").try_all(800, [&](const std::string& damage) {
        try {
            const TableIndex damaged = read_table_index(directory);
            EXPECT_EQ(damaged.rows_per_day, index.rows_per_day) << damage;
            EXPECT_TRUE(damaged.dictionary == index.dictionary) << damage;
            EXPECT_EQ(damaged.content_hash, index.content_hash) << damage;
            EXPECT_EQ(damaged.rows(), 11U) << damage;
        } catch (const InputError& error) {
            EXPECT_THAT(error.what(), StartsWith((directory / "index.h5").string() + ": ")) << damage;
        } catch (const std::exception& error) {
            ADD_FAILURE() << damage << ": " << error.what();
        }
    });

    // The hash is of the values, not of how they came about.
    TableIndex same_values = index;
    same_values.counts = {};
    same_values.store = {};
    write_table_index(directory / "index.h5", same_values);
    EXPECT_EQ(same_values.content_hash, index.content_hash);
    same_values.dictionary.push_back("d");
    write_table_index(directory / "index.h5", same_values);
    EXPECT_NE(same_values.content_hash, index.content_hash);
}

TEST_F(TablePartTest, the_index_of_a_table_of_classified_keys_round_trips) {
    const std::filesystem::path index_path = directory / "index.h5";
    const auto version = [&] { return H5File::open(index_path).read_u64("/", "format_version"); };
    TableIndex index;
    index.first_day = 20000;
    index.last_day = 20089;
    index.rows_per_day = {{20000, 5}};
    index.dictionary.push_back("b");
    index.parts.resize(1);
    write_table_index(index_path, index);
    const std::string without_classification = index.content_hash;
    EXPECT_EQ(version(), 1U);
    EXPECT_FALSE(H5File::open(index_path).has(std::string(format::unseen_keys) + "/bytes"));
    EXPECT_FALSE(read_table_index(directory).classification);
    EXPECT_FALSE(index.has_observations_of(20001));

    index.classification =
        TableClassification{.content_hash = "abc", .keys = 3, .unclassified = {{20000, 7}, {20001, 8}}};
    ByteStrings unseen_keys;
    for (const char* key : {"a", "c"}) unseen_keys.push_back(key);
    write_table_index(index_path, index, unseen_keys);
    EXPECT_EQ(version(), 2U); // for a reader of 1 would score it with any keys
    EXPECT_NE(index.content_hash, without_classification);
    const TableIndex read = read_table_index(directory);
    ASSERT_TRUE(read.classification);
    EXPECT_EQ(read.classification->content_hash, "abc");
    EXPECT_EQ(read.classification->keys, 3U);
    EXPECT_EQ(read.classification->unclassified, index.classification->unclassified);
    EXPECT_EQ(read.classification->rows_unclassified(), 15U);
    EXPECT_TRUE(read_strings(H5File::open(index_path), format::unseen_keys) == unseen_keys);
    EXPECT_TRUE(read.dictionary == index.dictionary);
    EXPECT_EQ(read.content_hash, index.content_hash);
    EXPECT_TRUE(read.has_observations_of(20000));
    EXPECT_TRUE(read.has_observations_of(20001));
    EXPECT_FALSE(read.has_observations_of(20002));
    EXPECT_TRUE(table_index_stands(directory, index.parts));

    DamagedFile(index_path).try_all(800, [&](const std::string& damage) {
        try {
            const TableIndex damaged = read_table_index(directory);
            EXPECT_EQ(damaged.classification->unclassified, index.classification->unclassified) << damage;
            if (!table_index_stands(directory, index.parts)) return;
            const ByteStrings damaged_keys = read_strings(H5File::open(index_path), format::unseen_keys);
            EXPECT_TRUE(damaged_keys == unseen_keys) << damage;
        } catch (const InputError& error) {
            EXPECT_THAT(error.what(), StartsWith(index_path.string() + ": ")) << damage;
        }
    });

    const std::string before = index.content_hash;
    unseen_keys.push_back("d");
    write_table_index(index_path, index, unseen_keys);
    EXPECT_NE(index.content_hash, before);
}

// ---- segments

TEST_F(SortedRowsTest, a_segment_round_trips_and_can_be_entered_anywhere) {
    ByteStrings dictionary;
    for (std::uint32_t key = 0; key < keys; ++key) dictionary.push_back(std::to_string(10'000 + key));
    std::vector<std::size_t> counts = random_counts(random, 2000, 6);
    counts[1000] = 50'000;
    for (const Rows& rows : {random_rows(random, counts), random_rows(random, {1}), Rows{}}) {
        SegmentInfo info;
        RowsPerDay days;
        {
            SegmentWriter writer(path);
            for (std::size_t key = 0; key < dictionary.size(); ++key) writer.add_key(dictionary[key]);
            for (const AddressRows& entry : rows) {
                writer.begin_address(entry.address);
                for (const Observation& row : entry.rows) {
                    writer.append(row.key, row.day, row.hits);
                    ++days[row.day];
                }
            }
            info = writer.finish();
        }
        EXPECT_EQ(info.rows, rows_in(rows));
        EXPECT_EQ(info.addresses, rows.size());
        EXPECT_EQ(info.keys, keys);
        EXPECT_EQ(info.bytes, std::filesystem::file_size(path));
        EXPECT_EQ(info.days, days);

        const Segment segment(path);
        EXPECT_EQ(segment.rows(), info.rows);
        ByteStrings read;
        StringsReader strings = segment.dictionary();
        EXPECT_EQ(strings.size(), keys);
        for (std::string_view key; strings.next(key);) read.push_back(key);
        EXPECT_TRUE(read == dictionary);
        SortedRowsReader reader = segment.reader(keys);
        EXPECT_TRUE(read_from_here(reader) == rows);
        const auto& points = segment.seek_points();
        ASSERT_EQ(points.empty(), rows.empty());
        for (std::size_t i = 0; i < points.size(); ++i) {
            ASSERT_LT(points[i].address_index, rows.size());
            ASSERT_EQ(points[i].address, rows[points[i].address_index].address);
            ASSERT_LE(points[i].address_index, i == 0 ? 0 : points[i - 1].address_index + 256);
            reader.seek(points[i]);
            ASSERT_TRUE(reader.next_address());
            ASSERT_EQ(reader.address(), points[i].address);
            const RowSpan first = reader.next_rows(1);
            ASSERT_EQ(first.hits[0], rows[points[i].address_index].rows[0].hits);
        }
        if (rows.size() == 2000) {
            const SeekPoint& middle = points[points.size() / 2];
            reader.seek(middle);
            EXPECT_TRUE(read_from_here(reader) ==
                        Rows(rows.begin() + static_cast<std::ptrdiff_t>(middle.address_index), rows.end()));
        }
    }
}

} // namespace
} // namespace ipscore::io
