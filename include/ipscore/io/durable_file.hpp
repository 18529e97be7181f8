// Files that appear under their name only when they are whole.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ipscore::io {

/// A name beside `final_path` that tells host, process and attempt, and begins with a dot: readers skip it.
[[nodiscard]] std::filesystem::path temporary_name(const std::filesystem::path& final_path);
[[nodiscard]] bool is_temporary_name(const std::filesystem::path& path);

/// Removes the temporary file on the way out unless publish() was reached.
class TemporaryFile {
public:
    explicit TemporaryFile(std::filesystem::path final_path);
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_path_; }
    /// Renames to the final name, replacing what is there. With `durable`, the content is on the disk before
    /// and the name after. Throws EnvironmentError.
    void publish(bool durable = true);
    /// As publish(), but fails softly when the final name exists already: returns false.
    [[nodiscard]] bool publish_new();

private:
    std::filesystem::path final_path_;
    std::filesystem::path path_;
    bool published_ = false;
};

/// fsync of a file or directory; throws EnvironmentError.
void sync_to_disk(const std::filesystem::path& path);

/// Asks the system to begin writing a file's pages to the disk, without waiting.
void begin_writeback(const std::filesystem::path& path) noexcept;

/// A whole small file, replacing what is there; `durable` as of TemporaryFile::publish(). Throws
/// EnvironmentError.
void write_file(const std::filesystem::path& path, std::string_view text, bool durable = true);
/// The same, but returns false when the name exists already.
[[nodiscard]] bool write_new_file(const std::filesystem::path& path, std::string_view text);
/// Throws InputError.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

} // namespace ipscore::io
