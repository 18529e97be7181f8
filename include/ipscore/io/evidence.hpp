// Company evidence as columns: in parts of scores, and on the way there.
#pragma once

#include "ipscore/io/column.hpp"
#include "ipscore/scoring/scorer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ipscore::io {

/// Values a chunk in parts of scores: many parts are read at a time.
inline constexpr std::size_t evidence_chunk_values = 4096;

/// Writes evidence in order of (company, tag).
class EvidenceWriter {
public:
    EvidenceWriter(H5File& file, std::size_t chunk_values);

    void append(const scoring::CompanyEvidence& evidence);
    /// Returns the checksums of the columns. To be called once, before the file is closed.
    [[nodiscard]] std::vector<std::uint64_t> finish();
    [[nodiscard]] std::uint64_t size() const noexcept { return company_.size(); }

private:
    ColumnWriter<std::uint32_t> company_, tag_;
    ColumnWriter<std::uint64_t> addresses_, hits_, ages_lo_, ages_hi_, raw_, recent_, base_;
};

/// Reads it front to back. Throws InputError on what is damaged.
class EvidenceReader {
public:
    explicit EvidenceReader(H5File file);

    /// The next rows, some hundreds at most; empty at the end. Valid until the next call.
    [[nodiscard]] std::span<const scoring::CompanyEvidence> next();
    [[nodiscard]] std::uint64_t size() const noexcept { return company_.size(); }

private:
    std::unique_ptr<H5File> file_; ///< where the columns can point to it
    ColumnReader<std::uint32_t> company_, tag_;
    ColumnReader<std::uint64_t> addresses_, hits_, ages_lo_, ages_hi_, raw_, recent_, base_;
    std::vector<scoring::CompanyEvidence> rows_;
};

} // namespace ipscore::io
