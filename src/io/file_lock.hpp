// Locks of open file descriptions: they go when their process does, and work across the nodes of a shared
// file system that has POSIX locks.
#pragma once

#include <fcntl.h>

namespace ipscore::io {

inline constexpr ::off_t lock_to_the_end = 0; ///< as a length

/// `type`: F_RDLCK, F_WRLCK or F_UNLCK. False, with errno, when another process is in the way (EAGAIN or
/// EACCES) or it fails.
[[nodiscard]] inline bool set_lock(int fd, short type, ::off_t begin = 0,
                                   ::off_t length = lock_to_the_end) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = begin;
    lock.l_len = length;
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/// True when another open file holds any lock on it.
[[nodiscard]] inline bool has_lock_of_others(int fd) noexcept {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

} // namespace ipscore::io
