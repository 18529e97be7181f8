#include "ipscore/io/store_lock.hpp"

#include "file_lock.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace ipscore::io {

namespace {

// Enough to see what happened to a store lately.
constexpr std::size_t manifests_kept = 16;

int open_to_lock(const std::filesystem::path& path, int flags) {
    constexpr int mode = 0666;
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) throw EnvironmentError(system_message("cannot open", path.string()));
    return fd;
}

/// Whose directory a store of an earlier version may lack.
int open_writers_lock(const Store& store) {
    std::error_code ignored; // then opening it fails
    std::filesystem::create_directory(store.lock_path().parent_path(), ignored);
    return open_to_lock(store.lock_path(), O_RDWR | O_CREAT);
}

/// Closes `fd`.
[[noreturn]] void cannot_lock(int fd, const std::filesystem::path& path) {
    const int error = errno;
    ::close(fd);
    throw EnvironmentError(system_message("cannot lock", path.string(), error));
}

bool is_held(const std::filesystem::path& manifest) {
    const int fd = ::open(manifest.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool held = has_lock_of_others(fd);
    ::close(fd);
    return held;
}

class Cleaner {
public:
    explicit Cleaner(const Store& store) : store_(store) {}

    StoreWriter::Freed clean() {
        const std::vector<std::uint64_t> versions = store_.versions();
        std::set<std::string> needed;
        for (std::size_t i = 0; i < versions.size(); ++i) {
            const std::size_t newer = versions.size() - 1 - i;
            const bool held = newer > 0 && is_held(store_.manifest_path(versions[i]));
            if (newer > 0 && !held) {
                if (newer >= manifests_kept) remove(store_.manifest_path(versions[i]));
                continue;
            }
            for (const SegmentInfo& segment : store_.read(versions[i]).segments) needed.insert(segment.id);
        }
        for (const auto& path : files_in(store_.path() / "segments")) {
            if (is_temporary_name(path) || !needed.contains(path.stem().string())) remove(path);
        }
        for (const char* directory : {"manifest", "rejects", format::status_name}) {
            for (const auto& path : files_in(store_.path() / directory)) {
                if (is_temporary_name(path)) remove(path);
            }
        }
        return freed_;
    }

private:
    static std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory) {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
        return files;
    }
    void remove(const std::filesystem::path& path) {
        std::error_code error;
        const std::uintmax_t bytes = std::filesystem::file_size(path, error);
        std::filesystem::remove(path, error);
        if (error) throw EnvironmentError(system_message("cannot remove", path.string(), error.value()));
        ++freed_.files;
        freed_.bytes += bytes;
    }

    const Store& store_;
    StoreWriter::Freed freed_;
};

} // namespace

StoreWriter::StoreWriter(const Store& store) : store_(store), fd_(open_writers_lock(store)) {
    // Who cleans holds it alone, for a moment.
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    while (::fcntl(fd_, F_OFD_SETLKW, &lock) != 0) {
        if (errno != EINTR) cannot_lock(fd_, store.lock_path());
    }
}

StoreWriter::~StoreWriter() { ::close(fd_); }

StoreWriter::Freed StoreWriter::clean() {
    if (!set_lock(fd_, F_WRLCK)) return {};
    const Freed freed = Cleaner(store_).clean();
    (void)set_lock(fd_, F_RDLCK);
    return freed;
}

Snapshot::Snapshot(const Store& store) {
    for (;;) {
        const std::uint64_t version = store.newest_version();
        if (version == 0) return;
        const std::filesystem::path path = store.manifest_path(version);
        const int fd = open_to_lock(path, O_RDONLY);
        if (!set_lock(fd, F_RDLCK)) cannot_lock(fd, path);
        // A newer one may have come before the lock, and what it no longer names may be gone.
        if (store.newest_version() == version) {
            fd_ = fd;
            manifest_ = store.read(version);
            return;
        }
        ::close(fd);
    }
}

Snapshot::~Snapshot() {
    if (fd_ >= 0) ::close(fd_);
}

} // namespace ipscore::io
