#include "ipscore/io/text_sink.hpp"

#include "ipscore/core/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <new>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>
#include <zstd.h>

namespace ipscore::io {

namespace {

// Measured on score rows: gzip's usual level 6 would save 12 % more and take four times as long; zstd's usual
// level 3 would even make them larger.
constexpr int gzip_level = 1;
constexpr int zstd_level = 1;

// Written back on the way, so that the flush at the end does not have a whole file to wait for.
constexpr std::size_t writeback_bytes = std::size_t{64} << 20U;

bool is_standard_output(const std::string& output) { return output == "-" || output == "/dev/stdout"; }

void check_zstd(std::size_t result) {
    if (ZSTD_isError(result) != 0) throw std::runtime_error(ZSTD_getErrorName(result));
}

} // namespace

TextCoding coding_of(const std::filesystem::path& output) {
    const auto extension = output.extension();
    if (extension == ".gz") return TextCoding::gzip;
    if (extension == ".zst") return TextCoding::zstd;
    return TextCoding::plain;
}

void TextCoder::FreeGzip::operator()(libdeflate_compressor* compressor) const noexcept {
    libdeflate_free_compressor(compressor);
}

void TextCoder::FreeZstd::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

TextCoder::TextCoder(TextCoding coding) {
    if (coding == TextCoding::gzip) {
        gzip_.reset(libdeflate_alloc_compressor(gzip_level));
        if (!gzip_) throw std::bad_alloc();
    } else if (coding == TextCoding::zstd) {
        zstd_.reset(ZSTD_createCCtx());
        if (!zstd_) throw std::bad_alloc();
        check_zstd(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, zstd_level));
        check_zstd(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_checksumFlag, 1));
    }
}

std::string_view TextCoder::code(std::string_view text) {
    if (!gzip_ && !zstd_) return text;
    const std::size_t bytes_max =
        gzip_ ? libdeflate_gzip_compress_bound(gzip_.get(), text.size()) : ZSTD_compressBound(text.size());
    if (bytes_max > coded_bytes_max_) {
        coded_.reset(new char[bytes_max]); // not zeroed: most of it is never touched
        coded_bytes_max_ = bytes_max;
    }
    std::size_t bytes = 0;
    if (gzip_) {
        bytes = libdeflate_gzip_compress(gzip_.get(), text.data(), text.size(), coded_.get(), bytes_max);
    } else {
        bytes = ZSTD_compress2(zstd_.get(), coded_.get(), bytes_max, text.data(), text.size());
        check_zstd(bytes);
    }
    return {coded_.get(), bytes};
}

std::filesystem::path file_of_output(const std::filesystem::path& output) {
    std::error_code none;
    if (std::filesystem::is_directory(output, none)) {
        throw InputError(
            fmt::format("cannot write {}: it is a directory; give the name of a file", output.string()));
    }
    std::filesystem::path file = output;
    if (std::filesystem::is_symlink(output, none) && std::filesystem::exists(output, none)) {
        file = std::filesystem::canonical(output, none);
        if (none) file = output;
    }
    const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    if (!std::filesystem::is_directory(parent, none)) {
        throw EnvironmentError(
            fmt::format("cannot write {}: there is no directory {}", output.string(), parent.string()));
    }
    return file;
}

TextSink::TextSink(const std::string& output)
    : name_(is_standard_output(output) ? "standard output" : output), coding_(coding_of(output)) {
    if (is_standard_output(output)) {
        fd_ = STDOUT_FILENO;
        return;
    }
    const std::filesystem::path path = file_of_output(output);
    std::error_code none;
    const auto status = std::filesystem::status(path, none);
    // Renaming a file over /dev/null or a named pipe would take it away from everyone else.
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    } else {
        file_.emplace(path);
        fd_ = ::open(file_->path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (fd_ < 0) cannot_write();
}

TextSink::~TextSink() {
    if (fd_ >= 0 && fd_ != STDOUT_FILENO) ::close(fd_);
}

void TextSink::cannot_write() const { throw EnvironmentError(system_message("cannot write", name_)); }

void TextSink::write(std::string_view coded) {
    while (!coded.empty() && !reader_has_enough_) {
        const ssize_t bytes = ::write(fd_, coded.data(), coded.size());
        if (bytes >= 0) {
            coded.remove_prefix(static_cast<std::size_t>(bytes));
            unflushed_bytes_ += static_cast<std::size_t>(bytes);
        } else if (errno == EPIPE && !file_) {
            reader_has_enough_ = true;
        } else if (errno == EAGAIN) { // a pipe that somebody else made non-blocking
            pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
            ::poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            cannot_write();
        }
    }
    if (file_ && unflushed_bytes_ >= writeback_bytes) {
        begin_writeback(file_->path());
        unflushed_bytes_ = 0;
    }
}

void TextSink::finish() {
    const int fd = std::exchange(fd_, -1);
    if (fd != STDOUT_FILENO && ::close(fd) != 0) cannot_write();
    if (file_) file_->publish();
}

} // namespace ipscore::io
