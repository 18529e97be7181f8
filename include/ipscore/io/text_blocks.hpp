// Text in blocks of whole rows, whatever the format is that says where a row ends.
#pragma once

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/byte_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ipscore::io {

/// A row too long to be kept as it stands, which is cut down while it passes by.
class LongRow {
public:
    LongRow() = default;
    LongRow(const LongRow&) = delete;
    LongRow& operator=(const LongRow&) = delete;
    virtual ~LongRow() = default;
    /// Takes the row's next bytes, up to its end or that of `text`; returns how many.
    virtual std::size_t feed(std::string_view text) = 0;
    /// There is no more text.
    virtual void end_of_text() = 0;
    [[nodiscard]] virtual bool complete() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t lines() const noexcept = 0; ///< line ends so far
    /// What is kept, with a line end where the row had one.
    [[nodiscard]] virtual std::string take_text() noexcept = 0;
};

/// Where the rows of a format end.
class RowRules {
public:
    RowRules() = default;
    RowRules(const RowRules&) = delete;
    RowRules& operator=(const RowRules&) = delete;
    virtual ~RowRules() = default;
    /// The largest prefix of whole rows, in bytes; `text` begins where a row begins.
    [[nodiscard]] virtual std::size_t whole_rows_bytes(std::string_view text) const noexcept = 0;
    [[nodiscard]] virtual std::unique_ptr<LongRow> long_row() const = 0;
};

/// Some whole rows of a file.
struct TextBlock {
    std::string text;
    std::uint64_t first_line = 1;
    bool shortened = false; ///< one row, which is not what it was: see TextBlocks
};

/// Cuts a file into blocks of whole rows, and hashes its content on the way. A byte order mark is left out of
/// the first block, but not of the hash. Memory is bounded by block and row size: a row longer than
/// `row_bytes_max`, perhaps because its closing quote never comes, is a block of its own, cut down as the
/// format's LongRow does it.
class TextBlocks {
public:
    static constexpr std::size_t row_bytes_max_default = 1U << 20U;

    /// `source` and `rules` must outlive the blocks.
    TextBlocks(ByteSource& source, const RowRules& rules, std::size_t block_bytes,
               std::size_t row_bytes_max = row_bytes_max_default);
    /// False at the end of the file. Throws InputError when the file cannot be read.
    bool next(TextBlock& block);
    /// Hash of all bytes; after the last block.
    [[nodiscard]] std::string content_hash() const { return hash_.digest128_text(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    void read_more(std::string& text);
    void shorten_row(std::string& text);

    ByteSource* source_;
    const RowRules* rules_;
    std::size_t block_bytes_;
    std::size_t row_bytes_max_;
    std::string carry_; ///< the row that the last block ended in
    std::uint64_t line_ = 1;
    std::uint64_t bytes_ = 0;
    bool at_end_ = false;
    StreamHash hash_;
};

} // namespace ipscore::io
