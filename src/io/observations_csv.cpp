#include "ipscore/io/observations_csv.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/core/decimal.hpp"
#include "ipscore/core/string_index.hpp"

#include <fmt/format.h>

namespace ipscore::io {

namespace {

constexpr std::size_t key_bytes_max = 1024;

std::string bad_value(std::string_view column, std::string_view value, std::string_view reason) {
    return fmt::format("column {}: {} {}", column, quoted_for_message(value), reason);
}

std::string_view text_of(DayFault fault) {
    return fault == DayFault::out_of_range ? "is not between 2000-01-01 and 2099-12-31"
                                           : "is not YYYY-MM-DD or an RFC 3339 timestamp";
}

/// Parses rows one by one into a batch.
class RowParser {
public:
    RowParser(const ObservationColumns& columns, ObservationBatch& batch)
        : columns_(columns), batch_(batch) {}

    /// Empty, or why the row is bad.
    [[nodiscard]] std::string add(const CsvRow& row) {
        if (row.fault != CsvFault::none) return std::string(io::text_of(row.fault));
        if (row.field_count != columns_.fields) {
            return fmt::format("{} fields, but the header has {}", row.field_count, columns_.fields);
        }
        const auto address = parse_address(row.fields[columns_.ip]);
        if (!address) return bad_value("ip", row.fields[columns_.ip], "is not an IPv4 or IPv6 address");
        const ParsedDay day = parse_date_or_timestamp(row.fields[columns_.day]);
        if (day.fault != DayFault::none)
            return bad_value("day", row.fields[columns_.day], text_of(day.fault));
        const std::string_view key = row.fields[columns_.key];
        if (key.empty()) return bad_value("key", key, "is empty");
        if (key.size() > key_bytes_max) return bad_value("key", key, "is longer than 1024 bytes");
        std::uint32_t hits = 1;
        if (columns_.hits) {
            const auto parsed = parse_hits(row.fields[*columns_.hits]);
            if (!parsed) {
                return bad_value("hits", row.fields[*columns_.hits],
                                 "is not a whole number from 1 to 4294967295");
            }
            hits = *parsed;
        }
        batch_.address.push_back(*address);
        batch_.key.push_back(keys_.insert(key, StringIndex::hash_of(key)));
        batch_.day.push_back(static_cast<std::uint16_t>(day.day));
        batch_.hits.push_back(hits);
        return {};
    }

    void finish() {
        batch_.keys = keys_.take_strings();
        batch_.key_hash = keys_.take_hashes();
    }

private:
    const ObservationColumns& columns_;
    ObservationBatch& batch_;
    StringIndex keys_;
};

} // namespace

ObservationColumns::ObservationColumns(const CsvHeader& header)
    : ip(header.require("ip")),
      day(header.require("day")),
      key(header.require("key")),
      hits(header.find("hits")),
      fields(header.columns()) {}

ObservationParser::ObservationParser(const TextBlock& block, const ObservationColumns& columns)
    : columns_(&columns), rows_(block.text, block.first_line) {}

ObservationBatch ObservationParser::next() {
    ObservationBatch batch;
    constexpr std::size_t row_bytes_expected = 40;
    const std::size_t rows_expected = rows_.rest().size() / row_bytes_expected;
    batch.address.reserve(rows_expected);
    batch.key.reserve(rows_expected);
    batch.day.reserve(rows_expected);
    batch.hits.reserve(rows_expected);
    RowParser parser(*columns_, batch);
    CsvRow row;
    while (batch.rejects.size() < batch_rejects_max && rows_.next(row)) {
        if (std::string reason = parser.add(row); !reason.empty()) {
            batch.rejects.push_back(
                {row.line, std::move(reason), std::string(row.text.substr(0, reject_text_bytes_max))});
        }
    }
    parser.finish();
    return batch;
}

} // namespace ipscore::io
