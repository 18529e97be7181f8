// Where exported text goes: a file that appears when it is whole, or a stream such as standard output.
#pragma once

#include "ipscore/io/durable_file.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct libdeflate_compressor;
struct ZSTD_CCtx_s;

namespace ipscore::io {

enum class TextCoding { plain, gzip, zstd };

/// What the name asks for: `.gz`, `.zst`, or plain text.
[[nodiscard]] TextCoding coding_of(const std::filesystem::path& output);

/// Codes blocks of text, each into a gzip member or zstd frame of its own: members and frames one after the
/// other are one file to every reader, so blocks can be coded side by side. One coder for every worker.
class TextCoder {
public:
    explicit TextCoder(TextCoding coding);

    /// Valid until the next call, or as long as `text` where that is left plain.
    [[nodiscard]] std::string_view code(std::string_view text);

private:
    struct FreeGzip {
        void operator()(libdeflate_compressor* compressor) const noexcept;
    };
    struct FreeZstd {
        void operator()(ZSTD_CCtx_s* context) const noexcept;
    };
    std::unique_ptr<libdeflate_compressor, FreeGzip> gzip_;
    std::unique_ptr<ZSTD_CCtx_s, FreeZstd> zstd_;
    std::unique_ptr<char[]> coded_;
    std::size_t coded_bytes_max_ = 0;
};

/// The file that `output` means: the target where it is a symbolic link, so that links stay. Throws
/// InputError when it is a directory, EnvironmentError when its directory does not exist.
[[nodiscard]] std::filesystem::path file_of_output(const std::filesystem::path& output);

/// Takes coded text in order. A file is written under a temporary name; `-`, pipes and devices at once.
class TextSink {
public:
    /// `output` is a path, or `-` for standard output. Throws InputError and EnvironmentError.
    explicit TextSink(const std::string& output);
    TextSink(const TextSink&) = delete;
    TextSink& operator=(const TextSink&) = delete;
    ~TextSink();

    [[nodiscard]] TextCoding coding() const noexcept { return coding_; }
    /// False where what was written stays written, whatever happens next.
    [[nodiscard]] bool is_file() const noexcept { return file_.has_value(); }
    /// Throws EnvironmentError, for example when the disk is full. Does nothing once the reader has enough.
    void write(std::string_view coded);
    /// The reader of a pipe, such as `head`, went away: more text would be for nobody, and that is no
    /// failure. Noticed only where SIGPIPE is ignored.
    [[nodiscard]] bool reader_has_enough() const noexcept { return reader_has_enough_; }
    /// Closes, and gives the file its name; without it nothing appears. Throws EnvironmentError.
    void finish();

private:
    [[noreturn]] void cannot_write() const;

    std::string name_; ///< for messages
    TextCoding coding_;
    std::optional<TemporaryFile> file_;
    int fd_ = -1;
    std::size_t unflushed_bytes_ = 0;
    bool reader_has_enough_ = false;
};

} // namespace ipscore::io
