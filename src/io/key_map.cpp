#include "ipscore/io/key_map.hpp"

#include "ipscore/core/error.hpp"
#include "whole_transfer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ipscore::io {

namespace {

constexpr std::size_t buffer_ids = 4096;

std::vector<std::uint64_t> begins_of(const std::vector<std::uint64_t>& keys) {
    std::vector<std::uint64_t> begins{0};
    for (const std::uint64_t count : keys) begins.push_back(begins.back() + count);
    return begins;
}

} // namespace

KeyMapWriter::KeyMapWriter(const std::filesystem::path& path, const std::vector<std::uint64_t>& keys)
    : path_(path.string()),
      fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
      regions_(keys.size()) {
    if (fd_ < 0) throw EnvironmentError(system_message("cannot make", path_));
    const auto begins = begins_of(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) regions_[i].at = begins[i];
}

KeyMapWriter::~KeyMapWriter() {
    if (fd_ >= 0) ::close(fd_);
}

void KeyMapWriter::append(std::size_t dictionary, std::uint32_t id) {
    Region& region = regions_[dictionary];
    region.buffer.push_back(id);
    if (region.buffer.size() == buffer_ids) write(region);
}

void KeyMapWriter::write(Region& region) {
    const auto bytes = std::as_bytes(std::span(region.buffer));
    if (const int error = write_at(fd_, bytes, region.at * sizeof(std::uint32_t)))
        throw EnvironmentError(system_message("cannot write", path_, error));
    region.at += region.buffer.size();
    region.buffer.clear();
}

void KeyMapWriter::finish() {
    for (Region& region : regions_) write(region);
    // Where a file system writes late, this is where it says that it could not.
    if (::close(std::exchange(fd_, -1)) != 0) throw EnvironmentError(system_message("cannot write", path_));
}

KeyMap::KeyMap(const std::filesystem::path& path, const std::vector<std::uint64_t>& keys)
    : begins_(begins_of(keys)) {
    const std::uint64_t bytes = begins_.back() * sizeof(std::uint32_t);
    if (bytes == 0) return;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw EnvironmentError(system_message("cannot read", path.string()));
    struct stat status {};
    const bool whole = ::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= bytes;
    void* const mapped = whole ? ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    const int error = whole ? errno : EIO;
    ::close(fd);
    if (mapped == MAP_FAILED) throw EnvironmentError(system_message("cannot map", path.string(), error));
    ids_ = static_cast<const std::uint32_t*>(mapped);
}

KeyMap::~KeyMap() {
    if (ids_ != nullptr) ::munmap(const_cast<std::uint32_t*>(ids_), begins_.back() * sizeof(std::uint32_t));
}

} // namespace ipscore::io
