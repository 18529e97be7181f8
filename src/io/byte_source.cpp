#include "ipscore/io/byte_source.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace ipscore::io {

namespace {

/// Plain bytes from a file descriptor.
class RawFile {
public:
    explicit RawFile(const std::filesystem::path& path)
        : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (fd_ < 0) throw InputError(system_message("cannot read", path.string()));
        ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    /// Standard input, which is called `name`.
    static RawFile standard_input(const std::filesystem::path& name) { return {name, STDIN_FILENO}; }
    RawFile(RawFile&& other) noexcept
        : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), ahead_(std::move(other.ahead_)) {}
    RawFile(const RawFile&) = delete;
    RawFile& operator=(const RawFile&) = delete;
    RawFile& operator=(RawFile&&) = delete;
    ~RawFile() {
        if (fd_ > STDIN_FILENO) ::close(fd_);
    }

    /// True when the file begins with these bytes, which read_some() gives all the same.
    bool begins_with(std::string_view bytes) {
        std::array<char, 16> some{};
        while (ahead_.size() < bytes.size()) {
            const std::size_t more = read_file(std::span(some).first(bytes.size() - ahead_.size()));
            if (more == 0) break;
            ahead_.append(some.data(), more);
        }
        return ahead_.starts_with(bytes);
    }

    /// At least one byte, or 0 at the end.
    std::size_t read_some(std::span<char> out) {
        if (ahead_.empty()) return read_file(out);
        const std::size_t bytes = ahead_.copy(out.data(), out.size());
        ahead_.erase(0, bytes);
        return bytes;
    }

private:
    RawFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
    std::size_t read_file(std::span<char> out) {
        for (;;) {
            const ssize_t bytes = ::read(fd_, out.data(), out.size());
            if (bytes >= 0) return static_cast<std::size_t>(bytes);
            if (errno != EINTR) throw InputError(system_message("cannot read", path_.string()));
        }
    }

    std::filesystem::path path_;
    int fd_;
    std::string ahead_; ///< was looked at, but not read
};

constexpr std::size_t compressed_buffer_bytes = 1U << 18U;

[[noreturn]] void bad_compression(const std::filesystem::path& path, std::string_view reason) {
    throw InputError(fmt::format("cannot read {}: {}; fetch the file again", path.string(), reason));
}

} // namespace

/// What a kind of file looks like from the inside.
class Decoder {
public:
    Decoder() = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    virtual ~Decoder() = default;
    /// At least one byte, or 0 at the end.
    virtual std::size_t read_some(std::span<char> out) = 0;
};

namespace {

class Plain final : public Decoder {
public:
    explicit Plain(RawFile file) : file_(std::move(file)) {}
    std::size_t read_some(std::span<char> out) override { return file_.read_some(out); }

private:
    RawFile file_;
};

class Gzip final : public Decoder {
public:
    Gzip(std::filesystem::path path, RawFile file)
        : path_(std::move(path)), file_(std::move(file)), buffer_(compressed_buffer_bytes) {
        constexpr int gzip_only = 16 + MAX_WBITS;
        if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
    }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;
    ~Gzip() override { inflateEnd(&stream_); }

    std::size_t read_some(std::span<char> out) override {
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        const auto room =
            static_cast<uInt>(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
        stream_.avail_out = room;
        while (stream_.avail_out == room) {
            if (stream_.avail_in == 0) {
                stream_.avail_in = static_cast<uInt>(file_.read_some(buffer_));
                stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
                if (stream_.avail_in == 0) {
                    if (inside_member_ || !any_member_) bad_compression(path_, "truncated gzip data");
                    return 0;
                }
            }
            if (!inside_member_ && any_member_) {
                if (*stream_.next_in == 0) { // gzip(1) too skips the zeros that tapes pad with
                    ++stream_.next_in;
                    --stream_.avail_in;
                    continue;
                }
                inflateReset(&stream_);
            }
            inside_member_ = any_member_ = true;
            const int result = inflate(&stream_, Z_NO_FLUSH);
            if (result == Z_STREAM_END) {
                inside_member_ = false;
            } else if (result != Z_OK && result != Z_BUF_ERROR) {
                bad_compression(path_, stream_.msg != nullptr
                                           ? fmt::format("damaged gzip data ({})", stream_.msg)
                                           : "damaged gzip data");
            }
        }
        return room - stream_.avail_out;
    }

private:
    std::filesystem::path path_;
    RawFile file_;
    std::vector<char> buffer_;
    z_stream stream_{};
    bool any_member_ = false;
    bool inside_member_ = false;
};

class Zstd final : public Decoder {
public:
    Zstd(std::filesystem::path path, RawFile file, std::uint64_t window_bytes_max)
        : path_(std::move(path)),
          file_(std::move(file)),
          buffer_(compressed_buffer_bytes),
          stream_(ZSTD_createDStream()),
          window_bytes_max_(window_bytes_max) {
        if (stream_ == nullptr) throw std::bad_alloc();
        const auto window_log = static_cast<int>(std::bit_width(window_bytes_max)) - 1;
        if (ZSTD_isError(ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, window_log)) != 0)
            throw std::logic_error("zstd takes no such window");
    }
    Zstd(const Zstd&) = delete;
    Zstd& operator=(const Zstd&) = delete;
    ~Zstd() override { ZSTD_freeDStream(stream_); }

    std::size_t read_some(std::span<char> out) override {
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        while (output.pos == 0) {
            if (input_.pos == input_.size && !more_inside_) {
                input_ = {buffer_.data(), file_.read_some(buffer_), 0};
                if (input_.size == 0) {
                    if (!at_frame_end_) bad_compression(path_, "truncated zstd data");
                    return 0;
                }
            }
            const std::size_t result = ZSTD_decompressStream(stream_, &output, &input_);
            if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) {
                throw InputError(
                    fmt::format("cannot read {}: it takes more than {} MiB of memory to decompress; compress "
                                "it again, without zstd's --long{}",
                                path_.string(), window_bytes_max_ >> 20U,
                                window_bytes_max_ < ByteSource::zstd_window_bytes_default
                                    ? " or --ultra, or give more --memory"
                                    : ""));
            }
            if (ZSTD_isError(result) != 0) {
                bad_compression(path_, fmt::format("damaged zstd data ({})", ZSTD_getErrorName(result)));
            }
            at_frame_end_ = result == 0;
            // A full output may have left bytes inside the decompressor, to be had without further input.
            more_inside_ = !at_frame_end_ && output.pos == output.size;
        }
        return output.pos;
    }

private:
    std::filesystem::path path_;
    RawFile file_;
    std::vector<char> buffer_;
    ZSTD_DStream* stream_;
    std::uint64_t window_bytes_max_;
    ZSTD_inBuffer input_{nullptr, 0, 0};
    bool at_frame_end_ = false;
    bool more_inside_ = false;
};

} // namespace

ByteSource::ByteSource(std::filesystem::path path, std::uint64_t zstd_window_bytes_max)
    : path_(std::move(path)) {
    RawFile file(path_);
    const auto extension = path_.extension();
    if (extension == ".gz") {
        decoder_ = std::make_unique<Gzip>(path_, std::move(file));
    } else if (extension == ".zst") {
        decoder_ = std::make_unique<Zstd>(path_, std::move(file), zstd_window_bytes_max);
    } else {
        decoder_ = std::make_unique<Plain>(std::move(file));
    }
}

ByteSource::ByteSource(std::filesystem::path name, std::unique_ptr<Decoder> decoder)
    : path_(std::move(name)), decoder_(std::move(decoder)) {}

ByteSource ByteSource::standard_input(std::filesystem::path name, std::uint64_t zstd_window_bytes_max) {
    // Which no text of a known format begins with.
    constexpr std::string_view gzip_begins = "\x1f\x8b";
    constexpr std::string_view zstd_begins = "\x28\xb5\x2f\xfd";
    RawFile file = RawFile::standard_input(name);
    std::unique_ptr<Decoder> decoder;
    if (file.begins_with(gzip_begins)) {
        decoder = std::make_unique<Gzip>(name, std::move(file));
    } else if (file.begins_with(zstd_begins)) {
        decoder = std::make_unique<Zstd>(name, std::move(file), zstd_window_bytes_max);
    } else {
        decoder = std::make_unique<Plain>(std::move(file));
    }
    return {std::move(name), std::move(decoder)};
}

ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

std::size_t ByteSource::read(std::span<char> out) {
    std::size_t filled = 0;
    while (filled < out.size()) {
        const std::size_t bytes = decoder_->read_some(out.subspan(filled));
        if (bytes == 0) break;
        filled += bytes;
    }
    return filled;
}

} // namespace ipscore::io
