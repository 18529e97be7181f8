// Observations from CSV: `ip,day,key,hits`. Bad rows are set aside, not fatal.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/csv.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::io {

/// Which field holds what.
struct ObservationColumns {
    std::size_t ip = 0;
    std::size_t day = 0;
    std::size_t key = 0;
    std::optional<std::size_t> hits; ///< missing: every row has 1
    std::size_t fields = 0;

    ObservationColumns() = default;
    /// Throws InputError for a missing column.
    explicit ObservationColumns(const CsvHeader& header);
};

/// A bad row of observations.
struct Reject {
    std::uint64_t line = 0;
    std::string reason;
    std::string text; ///< the row, at most reject_text_bytes_max of it
};
inline constexpr std::size_t reject_text_bytes_max = 1U << 16U;

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

/// Parses a block of whole rows without the header. Never throws for what the rows hold.
class ObservationParser {
public:
    /// More bad rows than these end a batch: a bad row of two bytes takes a hundred to report.
    static constexpr std::size_t batch_rejects_max = 1024;

    /// Both must outlive the parser.
    ObservationParser(const TextBlock& block, const ObservationColumns& columns);

    /// The next rows: all of the block in one batch, unless too many of them are bad.
    [[nodiscard]] ObservationBatch next();
    /// No rows are left.
    [[nodiscard]] bool done() const noexcept { return rows_.rest().empty(); }

private:
    const ObservationColumns* columns_;
    CsvRows rows_;
};

} // namespace ipscore::io
