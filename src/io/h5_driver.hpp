// The HDF5 file driver of this program: plain files as HDF5's own one writes them, except that the bytes of a
// chunk can be moved after the library's lock is released. What moves them would otherwise hold up every
// other thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <hdf5.h>
#include <span>

namespace ipscore::io {

/// Makes files that are opened with `access` use the driver. Call it with the library's lock held.
void use_our_driver(hid_t access);

/// Announces that this thread's next call of the library moves exactly these bytes between memory and a file
/// of our driver, which then notes the place only; move() does it. One at a time in a thread.
class DeferredTransfer {
public:
    explicit DeferredTransfer(std::span<const std::byte> to_write);
    explicit DeferredTransfer(std::span<std::byte> to_read);
    DeferredTransfer(const DeferredTransfer&) = delete;
    DeferredTransfer& operator=(const DeferredTransfer&) = delete;
    ~DeferredTransfer();

    /// Moves the bytes, unless the library has done so. To be called without its lock, while the file is
    /// open. Returns 0 or what errno says; EIO where the file ends too early.
    [[nodiscard]] int move() const noexcept;

private:
    friend struct DriverCalls;
    void announce();
    std::span<const std::byte> from_;
    std::span<std::byte> to_;
    int file_ = -1; ///< a descriptor, once the driver has noted the place
    std::uint64_t at_byte_ = 0;
};

} // namespace ipscore::io
