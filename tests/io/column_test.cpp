// Columns: round trips, what plain HDF5 reads of them, and what becomes of damage and full disks.
#include "ipscore/io/column.hpp"

#include "damage.hpp"
#include "full_disk.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <sys/resource.h>

#include <limits>
#include <numeric>
#include <random>
#include <set>

// HDF5 1.10 itself loses some hundred bytes whenever it meets metadata that are damaged. In this program
// alone, where it meets thousands, they are not reported.
extern "C" const char*
__lsan_default_suppressions(); // NOLINT(bugprone-reserved-identifier): the sanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace ipscore::io {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// As the program does before all else.
class Hdf5Library : public ::testing::Environment {
    void SetUp() override { prepare_hdf5_library(); }
};
[[maybe_unused]] const auto* const hdf5_library = ::testing::AddGlobalTestEnvironment(new Hdf5Library);

template <class T>
hid_t memory_type() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
    if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_NATIVE_UINT16;
    if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_NATIVE_UINT32;
    if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
    if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
    if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
}

/// What a reader that knows nothing of ours gets.
template <class T>
std::vector<T> read_with_plain_hdf5(const std::filesystem::path& path, const std::string& name) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) throw std::runtime_error("plain HDF5 cannot open " + path.string());
    const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    EXPECT_GE(H5Dread(dataset, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    return values;
}

template <class T>
std::vector<T> random_values(std::mt19937_64& random, std::size_t size) {
    std::vector<T> values(size);
    const unsigned shift = static_cast<unsigned>(random() % 64);
    for (T& value : values) {
        if constexpr (std::is_same_v<T, float>) {
            value = static_cast<float>(random() >> shift);
        } else {
            value = static_cast<T>(random() >> shift);
        }
    }
    return values;
}

template <class T>
class ColumnTest : public FilesTest {};
using Types =
    ::testing::Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t, float>;
TYPED_TEST_SUITE(ColumnTest, Types);

TYPED_TEST(ColumnTest, round_trips_around_chunk_borders) {
    using T = TypeParam;
    std::mt19937_64 random(13);
    const auto path = this->directory / "a.h5";
    std::vector<Codec> codecs{Codec::none, Codec::deflate};
    if (std::is_integral_v<T>) codecs.push_back(Codec::scale_offset);
    for (const Codec codec : codecs) {
        for (const std::size_t chunk_values : {1U, 7U, 8U, 100U}) {
            for (const std::size_t size : {std::size_t{0}, std::size_t{1}, chunk_values - 1, chunk_values,
                                           chunk_values + 1, 3 * chunk_values, 3 * chunk_values + 2}) {
                const auto values = random_values<T>(random, size);
                std::uint64_t checksum = 0;
                {
                    H5File file = H5File::create(path);
                    ColumnWriter<T> writer(file, "a/b/column", codec, chunk_values);
                    for (std::span<const T> left = values; !left.empty();) {
                        const std::size_t piece =
                            std::min<std::size_t>(left.size(), random() % (2 * chunk_values + 1));
                        if (piece == 1) {
                            writer.append(left.front());
                        } else {
                            writer.append(left.first(piece));
                        }
                        left = left.subspan(piece);
                    }
                    EXPECT_EQ(writer.size(), size);
                    writer.finish();
                    checksum = writer.checksum();
                    EXPECT_EQ(writer.stored_bytes() > 0, size > 0);
                    file.close();
                }
                ASSERT_EQ(read_with_plain_hdf5<T>(path, "a/b/column"), values);
                const H5File file = H5File::open(path);
                ASSERT_EQ(read_column<T>(file, "a/b/column"), values);
                EXPECT_EQ(verify_column(file, "a/b/column", element_type_of<T>()), checksum);

                ColumnReader<T> reader(file, "a/b/column");
                ASSERT_EQ(reader.size(), size);
                for (int i = 0; i < 20; ++i) {
                    const std::size_t from = random() % (size + 1);
                    reader.seek(from);
                    ASSERT_EQ(reader.position(), from);
                    std::vector<T> read;
                    while (read.size() < size - from) {
                        const std::size_t at_most = 1 + random() % (chunk_values + 1);
                        const auto next = reader.next(at_most);
                        ASSERT_FALSE(next.empty());
                        ASSERT_LE(next.size(), at_most);
                        read.insert(read.end(), next.begin(), next.end());
                        ASSERT_EQ(reader.position(), from + read.size());
                        if (random() % 8 == 0) break;
                    }
                    ASSERT_TRUE(std::equal(read.begin(), read.end(),
                                           values.begin() + static_cast<std::ptrdiff_t>(from)));
                }
                reader.seek(size);
                EXPECT_TRUE(reader.next().empty());
                reader.seek(0);
                EXPECT_TRUE(reader.next(0).empty());
                EXPECT_EQ(reader.position(), 0U);
            }
        }
    }
}

TYPED_TEST(ColumnTest, checksums_tell_values_types_of_cut_and_lengths_apart) {
    using T = TypeParam;
    H5File file = H5File::create(this->directory / "a.h5");
    std::set<std::uint64_t> checksums;
    int columns = 0;
    const Codec codec = std::is_integral_v<T> ? Codec::scale_offset : Codec::none;
    const auto add = [&](const std::vector<T>& values, std::size_t chunk_values) {
        ColumnWriter<T> writer(file, "c" + std::to_string(columns++), codec, chunk_values);
        writer.append(values);
        writer.finish();
        EXPECT_TRUE(checksums.insert(writer.checksum()).second) << columns;
    };
    for (std::size_t size = 0; size < 20; ++size) {
        add(std::vector<T>(size, T{7}), 8); // a last chunk is filled up with its last value
        if (size > 0) add(std::vector<T>(size, T{8}), 8);
    }
    add({T{7}, T{8}}, 8);
    add({T{8}, T{7}}, 8);
}

TYPED_TEST(ColumnTest, the_same_values_give_the_same_bytes) {
    using T = TypeParam;
    std::mt19937_64 random(14);
    const auto values = random_values<T>(random, 1000);
    std::vector<std::string> contents;
    for (const char* name : {"a.h5", "b.h5"}) {
        H5File file = H5File::create(this->directory / name);
        write_column<T>(file, "column", std::is_integral_v<T> ? Codec::scale_offset : Codec::deflate, values);
        write_format(file, format::segment);
        file.close();
        contents.push_back(content_of(this->directory / name));
    }
    EXPECT_TRUE(contents[0] == contents[1]);
}

class ColumnFileTest : public FilesTest {
protected:
    std::filesystem::path path = directory / "a.h5";
};

TEST_F(ColumnFileTest, chunks_of_the_usual_size) {
    for (const std::size_t size : {chunk_values_default - 1, chunk_values_default, chunk_values_default + 1,
                                   3 * chunk_values_default}) {
        std::vector<std::uint32_t> values(size);
        std::iota(values.begin(), values.end(), 5U);
        H5File file = H5File::create(path);
        write_column<std::uint32_t>(file, "column", Codec::scale_offset, values);
        file.close();
        EXPECT_TRUE(read_with_plain_hdf5<std::uint32_t>(path, "column") == values);
        EXPECT_TRUE(read_column<std::uint32_t>(H5File::open(path), "column") == values);
    }
}

// A column of one value is one chunk of one value, not of 32768.
TEST_F(ColumnFileTest, a_short_column_takes_little_room) {
    H5File file = H5File::create(path);
    write_column<std::uint64_t>(file, "column", Codec::none, std::vector<std::uint64_t>{1});
    file.close();
    EXPECT_LT(std::filesystem::file_size(path), 10'000U);
}

TEST_F(ColumnFileTest, what_is_missing_or_of_another_kind_is_named) {
    {
        H5File file = H5File::create(path);
        write_column<std::uint32_t>(file, "group/column", Codec::none, std::vector<std::uint32_t>{1});
        (void)file.create_dataset("bare", ElementType::u32, Codec::none, 8);
        file.write_attribute("/", "number", std::uint64_t{7});
        file.write_attribute("/", "text", std::string_view("some text"));
        file.close();
    }
    const H5File file = H5File::open(path);
    const std::string damaged = path.string() + ": damaged: ";
    EXPECT_EQ(message_of([&] { (void)read_column<std::uint64_t>(file, "group/column"); }),
              damaged + "column group/column has another type than expected");
    EXPECT_EQ(message_of([&] { (void)verify_column(file, "group/column", ElementType::i32); }),
              damaged + "column group/column has another type than expected");
    EXPECT_THAT(message_of([&] { (void)read_column<std::uint32_t>(file, "group/none"); }),
                StartsWith(damaged + "cannot read column group/none: "));
    EXPECT_THAT(message_of([&] { (void)read_column<std::uint32_t>(file, "group"); }),
                StartsWith(damaged + "cannot read column group: "));
    EXPECT_THAT(message_of([&] { (void)read_column<std::uint32_t>(file, "bare"); }),
                StartsWith(damaged + "cannot read column checksums/bare: "));
    EXPECT_TRUE(file.has("bare"));
    EXPECT_FALSE(file.has("none"));
    EXPECT_EQ(file.read_u64("/", "number"), 7U);
    EXPECT_EQ(file.read_text("/", "text"), "some text");
    EXPECT_THAT(message_of([&] { (void)file.read_u64("/", "none"); }),
                StartsWith(damaged + "cannot read attribute none of /: "));
    EXPECT_THAT(message_of([&] { (void)file.read_u64("/", "text"); }),
                StartsWith(damaged + "cannot read attribute text of /: "));
    EXPECT_EQ(message_of([&] { (void)file.read_text("/", "number"); }),
              damaged + "attribute number of / is not a text of fixed length");
}

TEST_F(ColumnFileTest, what_is_no_file_of_ours_is_named) {
    EXPECT_EQ(message_of([&] { (void)H5File::open(path); }),
              "cannot read " + path.string() + ": No such file or directory");
    for (const std::string& text : {std::string(), std::string("text"), std::string(5000, 'x')}) {
        write("a.h5", text);
        EXPECT_THAT(message_of([&] { (void)H5File::open(path); }),
                    StartsWith(path.string() + ": damaged, truncated or no HDF5 file: "));
    }
    EXPECT_THAT(message_of([&] { (void)H5File::open(directory); }), StartsWith(directory.string() + ": "));
    EXPECT_EQ(message_of<EnvironmentError>([&] { (void)H5File::create(directory / "none" / "a.h5"); }),
              "cannot write " + (directory / "none" / "a.h5").string() + ": No such file or directory");
}

TEST_F(ColumnFileTest, formats_and_versions_are_checked) {
    const auto fault = [&](const char* format, std::uint64_t version) {
        H5File file = H5File::create(path);
        file.write_attribute("/", format::attribute_format, std::string_view(format));
        file.write_attribute("/", format::attribute_version, version);
        file.close();
        return message_of([&] { check_format(H5File::open(path), format::segment); });
    };
    EXPECT_EQ(fault("ipscore segment", format::version), "nothing thrown");
    EXPECT_EQ(fault("ipscore table part", format::version),
              path.string() + ": is an ipscore table part, not an ipscore segment");
    EXPECT_EQ(fault("ipscore segment", format::version + 1),
              path.string() + ": has format version " + std::to_string(format::version + 1) +
                  ", but this program reads up to " + std::to_string(format::version) +
                  "; use a newer ipscore");
}

TEST_F(ColumnFileTest, byte_strings_and_texts_round_trip) {
    std::mt19937_64 random(15);
    for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
        ByteStrings strings;
        for (std::size_t i = 0; i < count; ++i) {
            std::string text(random() % 50, '\0');
            for (char& c : text) c = static_cast<char>(random());
            strings.push_back(text);
        }
        const std::string text = "{\"a\": 1}\n" + std::string(count, '\0');
        {
            H5File file = H5File::create(path);
            write_strings(file, "strings", strings);
            write_text(file, "text", text);
            write_text(file, "empty", "");
            file.close();
        }
        const H5File file = H5File::open(path);
        EXPECT_TRUE(read_strings(file, "strings") == strings);
        EXPECT_EQ(read_text(file, "text"), text);
        EXPECT_EQ(read_text(file, "empty"), "");
    }
}

TEST_F(ColumnFileTest, offsets_that_do_not_fit_are_refused) {
    const std::vector<std::vector<std::uint64_t>> wrong{{}, {0}, {1, 3}, {0, 2}, {0, 4}, {0, 2, 1, 3}};
    for (const auto& offsets : wrong) {
        {
            H5File file = H5File::create(path);
            write_column<std::uint8_t>(file, "s/bytes", Codec::deflate, std::vector<std::uint8_t>{1, 2, 3});
            write_column<std::uint64_t>(file, "s/offsets", Codec::scale_offset, offsets);
            file.close();
        }
        EXPECT_EQ(message_of([&] { (void)read_strings(H5File::open(path), "s"); }),
                  path.string() + ": damaged: the offsets of s do not fit its bytes");
    }
}

// The key promise: the same values, or InputError. Never a crash, a hang, or other values.
TEST_F(ColumnFileTest, damage_never_gives_other_values) {
    std::mt19937_64 random(16);
    const auto u64 = random_values<std::uint64_t>(random, 50);
    const auto i32 = random_values<std::int32_t>(random, 70);
    const auto f32 = random_values<float>(random, 45);
    const std::vector<std::uint8_t> u8(200, 9);
    {
        H5File file = H5File::create(path);
        const auto put = [&]<class T>(const std::vector<T>& values, const char* name, Codec codec) {
            ColumnWriter<T> writer(file, name, codec, 32);
            writer.append(values);
            writer.finish();
        };
        put(u64, "a/u64", Codec::scale_offset);
        put(i32, "a/i32", Codec::deflate);
        put(f32, "b/f32", Codec::none);
        put(u8, "b/u8", Codec::scale_offset);
        write_format(file, format::segment);
        file.close();
    }
    expect_same_or_noticed(path, 3000, [&](const std::string& damage) {
        const H5File file = H5File::open(path);
        check_format(file, format::segment);
        EXPECT_TRUE(read_column<std::uint64_t>(file, "a/u64") == u64) << damage;
        EXPECT_TRUE(read_column<std::int32_t>(file, "a/i32") == i32) << damage;
        EXPECT_TRUE(read_column<float>(file, "b/f32") == f32) << damage;
        EXPECT_TRUE(read_column<std::uint8_t>(file, "b/u8") == u8) << damage;
    });
}

// ---- a full disk

TEST_F(ColumnFileTest, a_full_disk_is_a_failure_of_the_environment) {
    std::mt19937_64 random(17);
    const auto values = random_values<std::uint64_t>(random, 20'000);
    const auto write_all = [&] {
        H5File file = H5File::create(path);
        ColumnWriter<std::uint64_t> one(file, "one", Codec::none, 1000);
        ColumnWriter<std::uint64_t> two(file, "two", Codec::deflate, 1000);
        one.append(values);
        two.append(values);
        one.finish();
        two.finish();
        write_format(file, format::segment);
        file.close();
    };
    write_all();
    const auto whole_bytes = static_cast<rlim_t>(std::filesystem::file_size(path));
    for (const rlim_t bytes_max : {rlim_t{0}, rlim_t{10}, rlim_t{1000}, rlim_t{5000}, rlim_t{100'000},
                                   whole_bytes / 2, whole_bytes - 3000, whole_bytes - 1, whole_bytes}) {
        std::filesystem::remove(path);
        const Child child = run_on_full_disk(bytes_max, write_all);
        EXPECT_EQ(child.status, 0) << bytes_max;
        EXPECT_EQ(child.said, bytes_max == whole_bytes ? "nothing thrown"
                                                       : "cannot write " + path.string() + ": File too large")
            << bytes_max;
    }
}

} // namespace
} // namespace ipscore::io
