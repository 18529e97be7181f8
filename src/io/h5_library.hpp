// What our calls into the HDF5 library share: its lock, and ids that close themselves.
#pragma once

#include <hdf5.h>
#include <mutex>
#include <utility>

namespace ipscore::io {

/// The lock of a library that is itself one global thing.
[[nodiscard]] std::mutex& library_mutex();
using LibraryLock = std::lock_guard<std::mutex>;

/// An HDF5 id with the function that closes it.
class Id {
public:
    Id(hid_t id, herr_t (*close)(hid_t)) noexcept : id_(id), close_(close) {}
    Id(const Id&) = delete;
    Id& operator=(const Id&) = delete;
    ~Id() {
        if (id_ >= 0) close_(id_);
    }
    [[nodiscard]] hid_t get() const noexcept { return id_; }
    [[nodiscard]] hid_t release() noexcept { return std::exchange(id_, -1); }

private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

} // namespace ipscore::io
