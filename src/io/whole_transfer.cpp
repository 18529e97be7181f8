#include "whole_transfer.hpp"

#include <cerrno>
#include <unistd.h>

namespace ipscore::io {

int write_at(int file, std::span<const std::byte> bytes, std::uint64_t at_byte) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at_byte));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        at_byte += static_cast<std::uint64_t>(written);
    }
    return 0;
}

ReadBytes read_at(int file, std::span<std::byte> bytes, std::uint64_t at_byte) noexcept {
    std::size_t read = 0;
    while (read < bytes.size()) {
        const ssize_t got =
            ::pread(file, bytes.data() + read, bytes.size() - read, static_cast<off_t>(at_byte + read));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {read, errno};
        if (got == 0) break;
        read += static_cast<std::size_t>(got);
    }
    return {read, 0};
}

} // namespace ipscore::io
