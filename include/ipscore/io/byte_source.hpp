// Bytes of an input file or standard input, through a decompressor where they are compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace ipscore::io {

class Decoder;

/// A file that is read front to back. `.gz` (any number of members) and `.zst` (any number of frames) are
/// decompressed.
class ByteSource {
public:
    /// `.zst` files may ask for this much memory, a power of two.
    static constexpr std::uint64_t zstd_window_bytes_default = 1U << 27U;
    static constexpr std::uint64_t zstd_window_bytes_min = 1U << 23U; ///< what zstd's levels up to 19 ask for

    /// Throws InputError when the file cannot be opened.
    explicit ByteSource(std::filesystem::path path,
                        std::uint64_t zstd_window_bytes_max = zstd_window_bytes_default);
    /// Standard input, decompressed where its first bytes are those of gzip or zstd; `name` is for messages.
    [[nodiscard]] static ByteSource
    standard_input(std::filesystem::path name,
                   std::uint64_t zstd_window_bytes_max = zstd_window_bytes_default);
    ~ByteSource();
    ByteSource(ByteSource&&) noexcept;
    ByteSource& operator=(ByteSource&&) noexcept;

    /// Fills `out` as far as there are bytes; returns how many. Fewer than asked for: the end of the file.
    /// Throws InputError when the file cannot be read, or its compressed form is damaged or truncated.
    std::size_t read(std::span<char> out);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    ByteSource(std::filesystem::path name, std::unique_ptr<Decoder> decoder);

    std::filesystem::path path_;
    std::unique_ptr<Decoder> decoder_;
};

} // namespace ipscore::io
