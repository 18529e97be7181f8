// What does not fit into memory, on its way through a sort or a merge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace ipscore::io {

/// A file without a name, which goes with the process however that ends. Written front to back; what is
/// written can be read meanwhile.
class SpillFile {
public:
    /// Lies in `directory`, or in the nearest directory above it that exists. Throws EnvironmentError.
    explicit SpillFile(const std::filesystem::path& directory);
    SpillFile(const SpillFile&) = delete;
    SpillFile& operator=(const SpillFile&) = delete;
    ~SpillFile();

    /// Throws EnvironmentError, for example when the disk is full.
    void write(std::span<const std::byte> bytes);
    template <class T>
    void write_value(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        write(std::as_bytes(std::span(&value, 1)));
    }
    /// Bytes so far; makes them readable. Throws EnvironmentError.
    [[nodiscard]] std::uint64_t flush();

private:
    friend class SpillReader;
    std::string directory_; ///< for messages
    int fd_ = -1;
    std::vector<std::byte> buffer_;
    std::uint64_t written_bytes_ = 0;
};

/// Reads a stretch of a spill file front to back. Several may read at a time.
class SpillReader {
public:
    static constexpr std::size_t buffer_bytes = 1U << 16U;

    /// `begin` and `end` as flush() gave them. The file must outlive the reader.
    SpillReader(const SpillFile& file, std::uint64_t begin, std::uint64_t end);

    [[nodiscard]] bool at_end() const noexcept { return at_ == end_ && next_ == buffer_.size(); }
    [[nodiscard]] std::uint64_t bytes_left() const noexcept { return end_ - at_ + buffer_.size() - next_; }
    /// Fills `bytes`; there must be so many left. Throws EnvironmentError.
    void read(std::span<std::byte> bytes);
    template <class T>
    [[nodiscard]] T read_value() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        read(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

private:
    void refill();

    const SpillFile* file_;
    std::uint64_t at_;
    std::uint64_t end_;
    std::vector<std::byte> buffer_;
    std::size_t next_ = 0; ///< in buffer_
};

} // namespace ipscore::io
