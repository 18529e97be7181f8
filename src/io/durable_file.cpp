#include "ipscore/io/durable_file.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/host.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ipscore::io {

namespace {

constexpr std::string_view temporary_prefix = ".tmp-";

/// Closes on the way out.
class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

void write_text(const TemporaryFile& file, std::string_view text) {
    const auto cannot_write = [&] {
        return EnvironmentError(system_message("cannot write", file.final_path().string()));
    };
    const Descriptor out(::open(file.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (out.get() < 0) throw cannot_write();
    while (!text.empty()) {
        const ssize_t bytes = ::write(out.get(), text.data(), text.size());
        if (bytes >= 0) {
            text.remove_prefix(static_cast<std::size_t>(bytes));
        } else if (errno != EINTR) {
            throw cannot_write();
        }
    }
}

std::filesystem::path directory_of(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

/// Over NFS, link(2) may fail although it made the name: the answer got lost, and the repeated request met
/// its own work.
bool has_second_name(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_nlink == 2;
}

} // namespace

std::filesystem::path temporary_name(const std::filesystem::path& final_path) {
    static std::atomic<unsigned> attempt = 0;
    return final_path.parent_path() / fmt::format("{}{}-{}-{}-{}", temporary_prefix,
                                                  final_path.filename().string(), host_name(), ::getpid(),
                                                  attempt.fetch_add(1));
}

bool is_temporary_name(const std::filesystem::path& path) {
    return path.filename().string().starts_with(temporary_prefix);
}

TemporaryFile::TemporaryFile(std::filesystem::path final_path)
    : final_path_(std::move(final_path)), path_(temporary_name(final_path_)) {}

TemporaryFile::~TemporaryFile() {
    if (published_) return;
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

void TemporaryFile::publish(bool durable) {
    if (durable) sync_to_disk(path_);
    if (::rename(path_.c_str(), final_path_.c_str()) != 0) {
        throw EnvironmentError(system_message("cannot rename to", final_path_.string()));
    }
    published_ = true;
    if (durable) sync_to_disk(directory_of(final_path_));
}

bool TemporaryFile::publish_new() {
    sync_to_disk(path_);
    if (::link(path_.c_str(), final_path_.c_str()) != 0) {
        const int error = errno;
        if (!has_second_name(path_)) {
            if (error == EEXIST) return false;
            throw EnvironmentError(system_message("cannot make", final_path_.string(), error));
        }
    }
    sync_to_disk(directory_of(final_path_));
    return true; // the destructor removes the second name
}

void sync_to_disk(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 || ::fsync(file.get()) != 0) {
        throw EnvironmentError(system_message("cannot flush", path.string()));
    }
}

void begin_writeback(const std::filesystem::path& path) noexcept {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() >= 0) ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

void write_file(const std::filesystem::path& path, std::string_view text, bool durable) {
    TemporaryFile file(path);
    write_text(file, text);
    file.publish(durable);
}

bool write_new_file(const std::filesystem::path& path, std::string_view text) {
    TemporaryFile file(path);
    write_text(file, text);
    return file.publish_new();
}

std::string read_file(const std::filesystem::path& path) {
    const auto cannot_read = [&] { return InputError(system_message("cannot read", path.string())); };
    const Descriptor in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (in.get() < 0) throw cannot_read();
    std::string text;
    std::array<char, 1U << 16U> buffer; // not filled: most files are much smaller
    for (;;) {
        const ssize_t bytes = ::read(in.get(), buffer.data(), buffer.size());
        if (bytes == 0) return text;
        if (bytes > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(bytes));
        } else if (errno != EINTR) {
            throw cannot_read();
        }
    }
}

} // namespace ipscore::io
