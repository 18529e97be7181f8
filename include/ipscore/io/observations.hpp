// Observations from text of any format that is known. Bad rows are set aside, not fatal.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/observation_form.hpp"
#include "ipscore/io/text_blocks.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ipscore::io {

/// A bad row of observations.
struct Reject {
    std::uint64_t line = 0;
    std::string reason;
    std::string text; ///< the row, at most reject_text_bytes_max of it
};
inline constexpr std::size_t reject_text_bytes_max = 1U << 16U;
/// How a file of rejects begins.
inline constexpr const char* rejects_header = "file,line,reason,row\n";

/// Some rows, as columns. Key ids index `keys`, which are distinct and in order of appearance.
struct ObservationBatch {
    std::vector<Address> address;
    std::vector<std::uint32_t> key;
    std::vector<std::uint16_t> day; ///< days since 1970-01-01
    std::vector<std::uint32_t> hits;
    ByteStrings keys;
    std::vector<std::uint64_t> key_hash; ///< XXH3-64 of each of `keys`
    std::vector<Reject> rejects;
};

/// Parses a block of whole rows. Never throws for what the rows hold.
class ObservationParser {
public:
    /// More bad rows than these end a batch: a bad row of two bytes takes a hundred to report.
    static constexpr std::size_t batch_rejects_max = 1024;

    ObservationParser() = default;
    ObservationParser(const ObservationParser&) = delete;
    ObservationParser& operator=(const ObservationParser&) = delete;
    virtual ~ObservationParser() = default;
    /// The next rows: all of the block in one batch, unless too many of them are bad.
    [[nodiscard]] virtual ObservationBatch next() = 0;
    /// No rows are left.
    [[nodiscard]] virtual bool done() const noexcept = 0;
};

/// A file of observations that is read front to back.
class ObservationFile {
public:
    ObservationFile() = default;
    ObservationFile(const ObservationFile&) = delete;
    ObservationFile& operator=(const ObservationFile&) = delete;
    virtual ~ObservationFile() = default;
    /// The next rows; false at the end of the file. Throws InputError when the file cannot be read.
    virtual bool next(TextBlock& block) = 0;
    /// Of a block of next(), in any thread. Block and file must outlive the parser.
    [[nodiscard]] virtual std::unique_ptr<ObservationParser> parser(const TextBlock& block) const = 0;
    /// Of all decompressed bytes; behind the last block.
    [[nodiscard]] virtual std::string content_hash() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
};

/// Begins to read: the one entry for all formats. `source` must outlive the file; its path is what messages
/// name. Throws InputError when the file cannot be read, or its header lacks a column that `form` asks for.
[[nodiscard]] std::unique_ptr<ObservationFile>
open_observations(ByteSource& source, const ObservationForm& form, std::size_t block_bytes);

} // namespace ipscore::io
