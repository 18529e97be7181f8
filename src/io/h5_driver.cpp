#include "h5_driver.hpp"

#include "whole_transfer.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <new>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace ipscore::io {

namespace {

constexpr haddr_t address_max = std::numeric_limits<off_t>::max();

/// What the library hands to every call; `common` comes first, for it knows that part only.
struct OpenFile {
    H5FD_t common;
    int fd;
    haddr_t allocated_end; ///< of what the library has given out
    haddr_t file_end;
    dev_t device;
    ino_t inode;
};

OpenFile& file_of(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }
const OpenFile& file_of(const H5FD_t* file) { return *reinterpret_cast<const OpenFile*>(file); }

thread_local DeferredTransfer* announced = nullptr;

/// On the library's error stack, in the words in which its own driver tells what the system said.
herr_t push_error(hid_t minor, const char* what, int error) {
    const std::string reason = std::system_category().message(error);
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, minor,
             "%s: errno = %d, error message = '%s'", what, error, reason.c_str());
    return -1;
}

} // namespace

/// The functions that the library calls.
struct DriverCalls {
    static H5FD_t* open(const char* name, unsigned flags, hid_t, haddr_t) {
        int how = O_CLOEXEC | ((flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
        if ((flags & H5F_ACC_TRUNC) != 0) how |= O_TRUNC;
        if ((flags & H5F_ACC_CREAT) != 0) how |= O_CREAT;
        if ((flags & H5F_ACC_EXCL) != 0) how |= O_EXCL;
        const int fd = ::open(name, how, 0666);
        struct stat status {};
        if (fd < 0 || ::fstat(fd, &status) != 0) {
            const int error = errno;
            if (fd >= 0) ::close(fd);
            push_error(H5E_CANTOPENFILE, "unable to open file", error);
            return nullptr;
        }
        auto* file = new (std::nothrow) OpenFile{.common = {},
                                                 .fd = fd,
                                                 .allocated_end = 0,
                                                 .file_end = static_cast<haddr_t>(status.st_size),
                                                 .device = status.st_dev,
                                                 .inode = status.st_ino};
        if (file == nullptr) {
            ::close(fd);
            return nullptr;
        }
        return &file->common;
    }
    static herr_t close(H5FD_t* file) {
        const std::unique_ptr<OpenFile> owner(&file_of(file));
        return ::close(owner->fd) == 0 ? 0 : push_error(H5E_CANTCLOSEFILE, "unable to close file", errno);
    }
    static int compare(const H5FD_t* a, const H5FD_t* b) {
        const auto key = [](const OpenFile& file) { return std::pair(file.device, file.inode); };
        const auto x = key(file_of(a));
        const auto y = key(file_of(b));
        return x < y ? -1 : x == y ? 0 : 1;
    }
    static herr_t query(const H5FD_t*, unsigned long* flags) {
        *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
                 H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE |
                 H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
        return 0;
    }
    static haddr_t allocated_end(const H5FD_t* file, H5FD_mem_t) { return file_of(file).allocated_end; }
    static herr_t set_allocated_end(H5FD_t* file, H5FD_mem_t, haddr_t end) {
        file_of(file).allocated_end = end;
        return 0;
    }
    static haddr_t file_end(const H5FD_t* file, H5FD_mem_t) { return file_of(file).file_end; }
    static herr_t handle(H5FD_t* file, hid_t, void** handle) {
        *handle = &file_of(file).fd;
        return 0;
    }
    static herr_t read(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t at_byte, size_t size, void* buffer) {
        const OpenFile& from = file_of(file);
        const std::span bytes(static_cast<std::byte*>(buffer), size);
        if (type == H5FD_MEM_DRAW && announced != nullptr && is_same(announced->to_, bytes)) {
            announced->file_ = from.fd;
            announced->at_byte_ = at_byte;
            return 0;
        }
        const ReadBytes read = read_at(from.fd, bytes, at_byte);
        if (read.error != 0) return push_error(H5E_READERROR, "read failed", read.error);
        std::ranges::fill(bytes.subspan(read.bytes), std::byte{}); // as the library expects behind the end
        return 0;
    }
    static herr_t write(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t at_byte, size_t size,
                        const void* buffer) {
        OpenFile& to = file_of(file);
        const std::span bytes(static_cast<const std::byte*>(buffer), size);
        if (type == H5FD_MEM_DRAW && announced != nullptr && is_same(announced->from_, bytes)) {
            announced->file_ = to.fd;
            announced->at_byte_ = at_byte;
        } else if (const int error = write_at(to.fd, bytes, at_byte)) {
            return push_error(H5E_WRITEERROR, "write failed", error);
        }
        to.file_end = std::max(to.file_end, at_byte + size);
        return 0;
    }
    static herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
        OpenFile& whole = file_of(file);
        if (whole.allocated_end == whole.file_end) return 0;
        if (::ftruncate(whole.fd, static_cast<off_t>(whole.allocated_end)) != 0)
            return push_error(H5E_SEEKERROR, "unable to extend file properly", errno);
        whole.file_end = whole.allocated_end;
        return 0;
    }

private:
    template <class Byte>
    static bool is_same(std::span<Byte> a, std::span<Byte> b) {
        return a.data() == b.data() && a.size() == b.size();
    }
};

namespace {

H5FD_class_t driver_class() {
    H5FD_class_t driver{};
    driver.name = "ipscore";
    driver.maxaddr = address_max;
    driver.fc_degree = H5F_CLOSE_WEAK;
    driver.open = DriverCalls::open;
    driver.close = DriverCalls::close;
    driver.cmp = DriverCalls::compare;
    driver.query = DriverCalls::query;
    driver.get_eoa = DriverCalls::allocated_end;
    driver.set_eoa = DriverCalls::set_allocated_end;
    driver.get_eof = DriverCalls::file_end;
    driver.get_handle = DriverCalls::handle;
    driver.read = DriverCalls::read;
    driver.write = DriverCalls::write;
    driver.truncate = DriverCalls::truncate;
    constexpr H5FD_mem_t dichotomy[] = H5FD_FLMAP_DICHOTOMY;
    std::ranges::copy(dichotomy, driver.fl_map);
    return driver;
}

} // namespace

void use_our_driver(hid_t access) {
    static const H5FD_class_t driver = driver_class();
    static const hid_t id = H5FDregister(&driver);
    H5Pset_driver(access, id, nullptr);
}

DeferredTransfer::DeferredTransfer(std::span<const std::byte> to_write) : from_(to_write) { announce(); }
DeferredTransfer::DeferredTransfer(std::span<std::byte> to_read) : to_(to_read) { announce(); }
DeferredTransfer::~DeferredTransfer() { announced = nullptr; }

void DeferredTransfer::announce() {
    assert(announced == nullptr);
    announced = this;
}

int DeferredTransfer::move() const noexcept {
    if (file_ < 0) return 0;
    if (!from_.empty()) return write_at(file_, from_, at_byte_);
    const ReadBytes read = read_at(file_, to_, at_byte_);
    return read.error == 0 && read.bytes < to_.size() ? EIO : read.error;
}

} // namespace ipscore::io
