// A CSV file of which every row must be right: classification and companies.
#pragma once

#include "ipscore/core/decimal.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/byte_source.hpp"
#include "ipscore/io/csv.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace ipscore::io {

/// What job.json and summaries say of an input file.
struct InputFile {
    std::string path;
    std::string content_hash; ///< of the decompressed bytes
    std::uint64_t bytes = 0;  ///< decompressed
    std::uint64_t rows = 0;
};

/// Where a value stands, for messages.
class CsvPlace {
public:
    CsvPlace(const std::string& path, std::uint64_t line, bool row_is_shortened)
        : path_(&path), line_(line), row_is_shortened_(row_is_shortened) {}
    /// Throws InputError: `path:line: column name: "value" reason`.
    [[noreturn]] void bad_value(std::string_view column, std::string_view value,
                                std::string_view reason) const;
    /// Throws InputError: `path:line: reason`.
    [[noreturn]] void bad_row(std::string_view reason) const;
    /// Throws InputError for a value, of any length otherwise, that TextBlocks may have cut.
    void must_be_whole(std::string_view column, std::string_view value) const;

private:
    const std::string* path_;
    std::uint64_t line_;
    bool row_is_shortened_;
};

/// A weight or confidence: above 0, at most 1. Throws InputError.
[[nodiscard]] Millionths share_of(std::string_view column, std::string_view text, const CsvPlace& place);

/// What reading a file may take.
struct ReadLimits {
    std::uint64_t zstd_window_bytes = ByteSource::zstd_window_bytes_default;
};

/// Calls `header` with the header row, then `row` for every row that has as many fields as the header.
/// Throws InputError for an unreadable file, a missing header or a malformed row, Interrupted when `stop` is
/// requested.
InputFile read_csv(const std::filesystem::path& path, const std::function<void(const CsvHeader&)>& header,
                   const std::function<void(const CsvRow&, const CsvPlace&)>& row, const ReadLimits& limits,
                   const StopFlag& stop);

/// The rows of some block of such a file, each with as many fields as the header has.
class CsvBlockRows {
public:
    /// `path`, `header` and `text` must outlive it.
    CsvBlockRows(const std::string& path, const CsvHeader& header, CsvRows rows, bool is_shortened)
        : path_(&path), header_(&header), rows_(rows), is_shortened_(is_shortened) {}
    /// False at the end of the block. Throws InputError for a malformed row.
    bool next(CsvRow& row);
    /// Where the row stands that next() gave last.
    [[nodiscard]] const CsvPlace& place() const noexcept { return place_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return count_; } ///< given so far

private:
    const std::string* path_;
    const CsvHeader* header_;
    CsvRows rows_;
    bool is_shortened_;
    CsvPlace place_{*path_, 0, is_shortened_};
    std::uint64_t count_ = 0;
};

/// What is to be done with the rows of a block when all blocks before it are done.
using InOrder = std::function<void()>;

/// The same as read_csv() on several threads: `parse` is called for blocks of rows side by side, and what it
/// returns in the order of the file. Memory is bounded by a few blocks, of text and of what `parse` made of
/// it. Throws as read_csv() does, and of several bad rows names the first.
InputFile read_csv_in_blocks(const std::filesystem::path& path,
                             const std::function<void(const CsvHeader&)>& header,
                             const std::function<InOrder(CsvBlockRows&)>& parse, int threads,
                             const ReadLimits& limits, const StopFlag& stop);

} // namespace ipscore::io
