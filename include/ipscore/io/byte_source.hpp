// Bytes of an input file, through its decompressor where its name asks for one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace ipscore::io {

class Decoder;

/// A file that is read front to back. `.gz` (any number of members) and `.zst` (any number of frames) are
/// decompressed.
class ByteSource {
public:
    /// Throws InputError when the file cannot be opened.
    explicit ByteSource(std::filesystem::path path);
    ~ByteSource();
    ByteSource(ByteSource&&) noexcept;
    ByteSource& operator=(ByteSource&&) noexcept;

    /// Fills `out` as far as there are bytes; returns how many. Fewer than asked for: the end of the file.
    /// Throws InputError when the file cannot be read, or its compressed form is damaged or truncated.
    std::size_t read(std::span<char> out);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
    std::unique_ptr<Decoder> decoder_;
};

} // namespace ipscore::io
