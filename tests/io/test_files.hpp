// What tests of the io layer share: a directory of their own, files in it, and what an error says.
#pragma once

#include "ipscore/core/error.hpp"

#include <gtest/gtest.h>

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ipscore::io {

/// A directory that goes with the test.
class FilesTest : public ::testing::Test {
protected:
    FilesTest() {
        std::string path = ::testing::TempDir() + "ipscore-io-XXXXXX";
        if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary directory");
        directory = path;
    }
    ~FilesTest() override { std::filesystem::remove_all(directory); }

    /// Makes the file, or replaces its content.
    std::filesystem::path write(const std::string& name, std::string_view text) const {
        const std::filesystem::path path = directory / name;
        std::filesystem::remove(path); // much faster than to truncate it, which ext4 takes for a replacement
        std::ofstream file(path, std::ios::binary);
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
        file.close();
        if (!file) throw std::runtime_error("cannot write " + path.string());
        return path;
    }

    std::filesystem::path directory;
};

inline std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What `call` throws, which must be an `Expected`; "nothing thrown" otherwise.
template <class Expected = InputError, class Call>
std::string message_of(Call call) {
    try {
        call();
    } catch (const Expected& error) {
        return error.what();
    }
    return "nothing thrown";
}

/// One gzip member, coded by zlib itself.
inline std::string gzip(std::string_view text) {
    z_stream stream{};
    constexpr int gzip_header = 16 + MAX_WBITS;
    if (deflateInit2(&stream, 6, Z_DEFLATED, gzip_header, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string coded(deflateBound(&stream, text.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(coded.data());
    stream.avail_out = static_cast<uInt>(coded.size());
    const int result = deflate(&stream, Z_FINISH);
    coded.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) throw std::runtime_error("deflate failed");
    return coded;
}

/// One zstd frame; zstd(1) writes it with a checksum, many libraries without.
inline std::string zstd(std::string_view text, bool with_checksum = true) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, with_checksum ? 1 : 0);
    std::string coded(ZSTD_compressBound(text.size()), '\0');
    const std::size_t bytes = ZSTD_compress2(context, coded.data(), coded.size(), text.data(), text.size());
    ZSTD_freeCCtx(context);
    if (ZSTD_isError(bytes) != 0) throw std::runtime_error(ZSTD_getErrorName(bytes));
    coded.resize(bytes);
    return coded;
}

} // namespace ipscore::io
