#include "ipscore/io/scale_offset.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

// The judge is the HDF5 library itself, in both directions: what it reads from our chunks, and the bytes it
// writes.
namespace ipscore::io {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
hid_t hdf5_type() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_STD_U8LE;
    if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_STD_U16LE;
    if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_STD_U32LE;
    if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_STD_U64LE;
    if constexpr (std::is_same_v<T, std::int32_t>) return H5T_STD_I32LE;
}

hid_t checked(hid_t id) {
    if (id < 0) throw std::runtime_error("an HDF5 call failed");
    return id;
}

// A file in memory with one dataset: `chunks` chunks of `chunk_values` values, or less the last ones
// `missing`.
template <class T>
class Column {
public:
    Column(std::size_t chunks, std::size_t chunk_values, std::size_t missing = 0)
        : chunk_values_(chunk_values) {
        const hid_t fapl = checked(H5Pcreate(H5P_FILE_ACCESS));
        checked(H5Pset_fapl_core(fapl, 1 << 16, false));
        checked(H5Pset_cache(fapl, 0, 0, 0, 0)); // chunks go straight to the filter
        const std::string name = "in memory " + std::to_string(reinterpret_cast<std::uintptr_t>(this));
        file_ = checked(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, fapl));
        const hid_t dcpl = checked(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t length = chunks * chunk_values - missing, chunk_length = chunk_values;
        checked(H5Pset_chunk(dcpl, 1, &chunk_length));
        checked(H5Pset_fill_value(dcpl, hdf5_type<T>(), nullptr));
        checked(H5Pset_scaleoffset(dcpl, H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT));
        const hid_t space = checked(H5Screate_simple(1, &length, nullptr));
        dataset_ =
            checked(H5Dcreate2(file_, "column", hdf5_type<T>(), space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
        checked(H5Sclose(space));
        checked(H5Pclose(dcpl));
        checked(H5Pclose(fapl));
    }
    ~Column() {
        H5Dclose(dataset_);
        H5Fclose(file_);
    }
    Column(const Column&) = delete;
    Column& operator=(const Column&) = delete;

    void write(const std::vector<T>& values) {
        checked(H5Dwrite(dataset_, hdf5_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    }
    std::vector<T> read(std::size_t values) {
        std::vector<T> result(values);
        checked(H5Dread(dataset_, hdf5_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data()));
        return result;
    }
    void write_chunk(std::size_t index, const Bytes& chunk) {
        const hsize_t offset = index * chunk_values_;
        checked(H5Dwrite_chunk(dataset_, H5P_DEFAULT, 0, &offset, chunk.size(), chunk.data()));
    }
    Bytes read_chunk(std::size_t index) {
        const hsize_t offset = index * chunk_values_;
        hsize_t bytes = 0;
        checked(H5Dget_chunk_storage_size(dataset_, &offset, &bytes));
        Bytes chunk(bytes);
        std::uint32_t skipped_filters = 1;
        checked(H5Dread_chunk(dataset_, H5P_DEFAULT, &offset, &skipped_filters, chunk.data()));
        EXPECT_EQ(skipped_filters, 0U);
        return chunk;
    }

private:
    std::size_t chunk_values_;
    hid_t file_ = -1, dataset_ = -1;
};

// Encodes on both paths, and checks that they agree and stay within the room they ask for.
template <class T>
Bytes encode(std::span<const T> values) {
    const std::size_t room = scale_offset_bytes_max<T>(values.size());
    const auto on = [&](Simd simd, std::byte rubbish) {
        Bytes out(room + 8, rubbish);
        const std::size_t bytes = scale_offset_encode<T>(values, out.data(), simd);
        EXPECT_LE(bytes, room);
        EXPECT_TRUE(std::all_of(out.end() - 8, out.end(), [&](std::byte b) { return b == rubbish; }));
        out.resize(bytes);
        return out;
    };
    const Bytes best = on(Simd::best, std::byte{0xA5});
    EXPECT_EQ(best, on(Simd::portable, std::byte{0x5A})) << values.size() << " values";
    return best;
}

// Decodes on both paths, from and to heap blocks of the exact size, where a sanitizer sees any step outside.
template <class T>
std::vector<T> decode(std::span<const std::byte> chunk, std::size_t values) {
    const auto in = std::make_unique<std::byte[]>(chunk.size());
    std::copy(chunk.begin(), chunk.end(), in.get());
    constexpr T rubbish = static_cast<T>(0x5AA5);
    const auto on = [&](Simd simd) {
        std::vector<T> out(values + 2, rubbish);
        scale_offset_decode<T>({in.get(), chunk.size()}, std::span<T>(out).subspan(1, values), simd);
        EXPECT_TRUE(out.front() == rubbish && out.back() == rubbish);
        return std::vector<T>(out.begin() + 1, out.end() - 1);
    };
    const auto best = on(Simd::best);
    EXPECT_EQ(best, on(Simd::portable)) << values << " values";
    return best;
}

unsigned minbits_of(const Bytes& chunk) { return std::to_integer<unsigned>(chunk.at(0)); }

// Chunks of `length` values: for every width both the widest span and a random one, at a random minimum and
// at both ends of the type, then the spans next to the full one, which the library treats in a way of its
// own.
template <class T>
std::vector<T> chunks_of_every_width(std::size_t length, std::mt19937_64& random, bool few) {
    using U = std::make_unsigned_t<T>;
    constexpr U all = std::numeric_limits<U>::max();
    constexpr U lowest = static_cast<U>(std::numeric_limits<T>::min());
    constexpr unsigned width = std::numeric_limits<U>::digits;
    std::vector<T> values;
    const auto add = [&](U span, U min) { // min counts from the lowest value of the type
        const std::size_t begin = values.size();
        for (std::size_t i = 0; i < length; ++i) {
            const U offset =
                span == all ? static_cast<U>(random()) : static_cast<U>(random() % (std::uint64_t{span} + 1));
            values.push_back(static_cast<T>(static_cast<U>(lowest + min + offset)));
        }
        if (length < 2) return;
        values[begin + random() % (length / 2)] = static_cast<T>(static_cast<U>(lowest + min));
        values[begin + length / 2 + random() % (length - length / 2)] =
            static_cast<T>(static_cast<U>(lowest + min + span));
    };
    for (unsigned bits = 0; bits <= width; ++bits) {
        const U widest = bits == 0 ? U{0} : static_cast<U>(all >> (width - bits));
        const U narrowest = static_cast<U>(widest / 2 + (bits > 0));
        const U between = static_cast<U>(narrowest + random() % (widest / 4 + 1U));
        const U left = static_cast<U>(all - widest);
        add(widest,
            left == all ? static_cast<U>(random()) : static_cast<U>(random() % (std::uint64_t{left} + 1)));
        if (few) continue;
        add(widest, 0);
        add(widest, left);
        add(narrowest, static_cast<U>(random() % (left / 2 + 1U)));
        add(between, 0);
    }
    for (const U less : {U{0}, U{1}, U{2}, U{3}})
        for (const U min : {U{0}, less}) add(static_cast<U>(all - less), min);
    return values;
}

template <class T>
class ScaleOffset : public ::testing::Test {
protected:
    static void agrees_with_the_library(std::size_t length, std::mt19937_64& random, bool few) {
        const std::vector<T> values = chunks_of_every_width<T>(length, random, few);
        const std::size_t chunks = values.size() / length;
        Column<T> ours(chunks, length), theirs(chunks, length);
        theirs.write(values);
        for (std::size_t i = 0; i < chunks; ++i) {
            const auto chunk_values = std::span<const T>(values).subspan(i * length, length);
            const Bytes chunk = encode<T>(chunk_values);
            ours.write_chunk(i, chunk);
            Bytes library_chunk = theirs.read_chunk(i);
            const std::vector<T> decoded = decode<T>(library_chunk, length);
            ASSERT_TRUE(std::equal(decoded.begin(), decoded.end(), chunk_values.begin(), chunk_values.end()))
                << length << " values, chunk " << i << ", minbits " << minbits_of(library_chunk);
            // The one byte that the library does not initialise.
            if (minbits_of(library_chunk) == 0 && library_chunk.size() == 22)
                library_chunk.back() = std::byte{0};
            ASSERT_EQ(chunk, library_chunk) << length << " values, chunk " << i;
        }
        ASSERT_EQ(ours.read(values.size()), values) << length << " values";
    }
};

using Types = ::testing::Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t>;
TYPED_TEST_SUITE(ScaleOffset, Types);

TYPED_TEST(ScaleOffset, ShortChunksOfEveryLengthAgreeWithTheLibrary) {
    std::mt19937_64 random(1);
    for (std::size_t length = 1; length <= 200; ++length)
        this->agrees_with_the_library(length, random, length > 20);
}

TYPED_TEST(ScaleOffset, LongChunksAgreeWithTheLibrary) {
    std::mt19937_64 random(2);
    this->agrees_with_the_library(65536, random, true);
}

TYPED_TEST(ScaleOffset, EveryWidthOccurs) {
    std::mt19937_64 random(3);
    constexpr std::size_t length = 50;
    const auto values = chunks_of_every_width<TypeParam>(length, random, true);
    for (unsigned bits = 0; bits <= sizeof(TypeParam) * 8; ++bits)
        EXPECT_EQ(minbits_of(encode<TypeParam>(std::span(values).subspan(bits * length, length))), bits);
}

TYPED_TEST(ScaleOffset, APartialLastChunkIsPaddedByTheCaller) {
    std::vector<TypeParam> values(100);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<TypeParam>(20 + i % 7);
    Column<TypeParam> ours(2, 64, 28), theirs(2, 64, 28);
    ours.write_chunk(0, encode<TypeParam>(std::span(values).first(64)));
    auto last = std::vector<TypeParam>(values.begin() + 64, values.end());
    last.resize(64, last.back());
    const Bytes chunk = encode<TypeParam>(last);
    EXPECT_EQ(minbits_of(chunk), 3U);
    ours.write_chunk(1, chunk);
    EXPECT_EQ(ours.read(values.size()), values);

    theirs.write(values); // the library pads with zeros, and so widens the chunk
    const Bytes library_chunk = theirs.read_chunk(1);
    EXPECT_EQ(minbits_of(library_chunk), 5U);
    auto padded = std::vector<TypeParam>(values.begin() + 64, values.end());
    padded.resize(64, TypeParam{0});
    EXPECT_EQ(decode<TypeParam>(library_chunk, 64), padded);
}

TYPED_TEST(ScaleOffset, NoValuesAreAChunkTooAndComeBack) {
    const Bytes chunk = encode<TypeParam>({});
    EXPECT_EQ(chunk.size(), 22U);
    EXPECT_TRUE(decode<TypeParam>(chunk, 0).empty());
}

TYPED_TEST(ScaleOffset, RefusesAChunkOfAnotherSize) {
    std::mt19937_64 random(4);
    for (const std::size_t length : {1U, 9U, 64U, 100U}) {
        const auto values = chunks_of_every_width<TypeParam>(length, random, true);
        for (std::size_t i = 0; i < values.size(); i += length) {
            Bytes chunk = encode<TypeParam>(std::span(values).subspan(i, length));
            for (std::size_t bytes = 0; bytes < chunk.size(); ++bytes)
                EXPECT_THROW(decode<TypeParam>(std::span(chunk).first(bytes), length), BadScaleOffsetChunk);
            chunk.push_back(std::byte{0});
            EXPECT_THROW(decode<TypeParam>(chunk, length), BadScaleOffsetChunk);
        }
    }
}

TYPED_TEST(ScaleOffset, RefusesANonsensicalHeaderAndLeavesTheValues) {
    const std::vector<TypeParam> values{3, 5, 3, 4, 8, 3};
    const Bytes good = encode<TypeParam>(values);
    const auto refuses = [&](std::size_t at, unsigned byte) {
        Bytes bad = good;
        bad[at] = static_cast<std::byte>(byte);
        std::vector<TypeParam> out(values.size(), TypeParam{77});
        try {
            scale_offset_decode<TypeParam>(bad, out);
            ADD_FAILURE() << "byte " << at << " = " << byte;
        } catch (const BadScaleOffsetChunk& e) {
            EXPECT_EQ(e.chunk_bytes, bad.size());
            EXPECT_EQ(e.values, values.size());
        }
        EXPECT_EQ(out, std::vector<TypeParam>(values.size(), TypeParam{77}));
    };
    for (const unsigned bits : {0U, 1U, 60U, 65U, 255U}) {
        if (bits * values.size() / 8 != minbits_of(good) * values.size() / 8) refuses(0, bits);
    }
    for (const std::size_t at : {1U, 2U, 3U}) refuses(at, 1);
    for (const unsigned size : {0U, 4U, 9U, 255U}) refuses(4, size);
}

TYPED_TEST(ScaleOffset, GarbageIsRefusedOrDecodedWithinBounds) {
    std::mt19937_64 random(5);
    int decoded = 0;
    for (int round = 0; round < 20000; ++round) {
        const std::size_t length = random() % 90;
        const unsigned bits = static_cast<unsigned>(random() % 70);
        std::size_t bytes = 21 + length * bits / 8 + (bits < sizeof(TypeParam) * 8 ? 1 : 0);
        if (random() % 8 == 0) bytes = random() % 200;
        Bytes chunk(bytes);
        for (auto& byte : chunk) byte = static_cast<std::byte>(random());
        const Bytes header{static_cast<std::byte>(bits), {}, {}, {}, std::byte{8}};
        if (random() % 8 != 0 && bytes >= header.size())
            std::copy(header.begin(), header.end(), chunk.begin());
        try {
            decode<TypeParam>(chunk, length);
            ++decoded;
        } catch (const BadScaleOffsetChunk&) {
        }
    }
    EXPECT_GT(decoded, 500);
}

} // namespace
} // namespace ipscore::io
