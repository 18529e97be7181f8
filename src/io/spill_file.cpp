#include "ipscore/io/spill_file.hpp"

#include "ipscore/core/error.hpp"
#include "whole_transfer.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace ipscore::io {

namespace {

std::filesystem::path nearest_directory(const std::filesystem::path& wanted) {
    std::error_code none;
    for (auto path = std::filesystem::absolute(wanted); path.has_relative_path(); path = path.parent_path()) {
        if (std::filesystem::is_directory(path, none)) return path;
    }
    return "/";
}

int open_unnamed(const std::filesystem::path& directory) {
    int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    // Not every file system knows files without a name; one whose name is removed at once is nearly as good.
    std::string name = (directory / ".tmp-spill-XXXXXX").string();
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(name.c_str());
    return fd;
}

} // namespace

SpillFile::SpillFile(const std::filesystem::path& directory) {
    const auto there = nearest_directory(directory);
    directory_ = there.string();
    fd_ = open_unnamed(there);
    if (fd_ < 0) throw EnvironmentError(system_message("cannot make a temporary file in", directory_));
    buffer_.reserve(SpillReader::buffer_bytes);
}

SpillFile::~SpillFile() { ::close(fd_); }

void SpillFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::size_t taken = std::min(bytes.size(), SpillReader::buffer_bytes - buffer_.size());
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
        bytes = bytes.subspan(taken);
        if (buffer_.size() == SpillReader::buffer_bytes) (void)flush();
    }
}

std::uint64_t SpillFile::flush() {
    std::span<const std::byte> left(buffer_);
    while (!left.empty()) {
        const ssize_t bytes = ::write(fd_, left.data(), left.size());
        if (bytes >= 0) {
            left = left.subspan(static_cast<std::size_t>(bytes));
        } else if (errno != EINTR) {
            throw EnvironmentError(system_message("cannot write a temporary file in", directory_));
        }
    }
    written_bytes_ += buffer_.size();
    buffer_.clear();
    return written_bytes_;
}

SpillReader::SpillReader(const SpillFile& file, std::uint64_t begin, std::uint64_t end)
    : file_(&file), at_(begin), end_(end) {}

void SpillReader::refill() {
    assert(at_ < end_);
    buffer_.resize(std::min<std::uint64_t>(buffer_bytes, end_ - at_));
    next_ = 0;
    const ReadBytes read = read_at(file_->fd_, buffer_, at_);
    if (read.error != 0 || read.bytes < buffer_.size())
        throw EnvironmentError(system_message("cannot read a temporary file in", file_->directory_,
                                              read.error != 0 ? read.error : EIO));
    at_ += buffer_.size();
}

void SpillReader::read(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        if (next_ == buffer_.size()) refill();
        const std::size_t taken = std::min(bytes.size(), buffer_.size() - next_);
        std::memcpy(bytes.data(), buffer_.data() + next_, taken);
        next_ += taken;
        bytes = bytes.subspan(taken);
    }
}

} // namespace ipscore::io
