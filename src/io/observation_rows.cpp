#include "observation_rows.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/core/decimal.hpp"
#include "ipscore/io/csv.hpp"

#include <fmt/format.h>
#include <utility>

namespace ipscore::io {

namespace {

constexpr std::size_t key_bytes_max = 1024;

std::string bad_value(std::string_view column, std::string_view value, std::string_view reason) {
    return fmt::format("column {}: {} {}", column, quoted_for_message(value), reason);
}

ParsedDay day_of(std::string_view text, TimeForm form) {
    constexpr std::uint32_t milliseconds = 1000;
    switch (form) {
    case TimeForm::epoch_s:
        return parse_epoch(text, 1);
    case TimeForm::epoch_ms:
        return parse_epoch(text, milliseconds);
    case TimeForm::date:
        break;
    }
    return parse_date_or_timestamp(text);
}

std::string_view text_of(DayFault fault, TimeForm form) {
    if (fault == DayFault::out_of_range) return "is not between 2000-01-01 and 2099-12-31";
    switch (form) {
    case TimeForm::epoch_s:
        return "is not a number of seconds since 1970";
    case TimeForm::epoch_ms:
        return "is not a number of milliseconds since 1970";
    case TimeForm::date:
        break;
    }
    return "is not YYYY-MM-DD or an RFC 3339 timestamp";
}

} // namespace

ObservationRows::ObservationRows(const ObservationForm& form, std::size_t rows_expected) : form_(form) {
    batch_.address.reserve(rows_expected);
    batch_.key.reserve(rows_expected);
    batch_.day.reserve(rows_expected);
    batch_.hits.reserve(rows_expected);
}

std::string ObservationRows::add(const ObservationTexts& row) {
    const ColumnNames& names = form_.columns;
    const auto address = parse_address(row.ip);
    if (!address) return bad_value(names.ip, row.ip, "is not an IPv4 or IPv6 address");
    const ParsedDay day = day_of(row.day, form_.time);
    if (day.fault != DayFault::none) return bad_value(names.day, row.day, text_of(day.fault, form_.time));
    if (row.key.empty()) return bad_value(names.key, row.key, "is empty");
    if (row.key.size() > key_bytes_max) return bad_value(names.key, row.key, "is longer than 1024 bytes");
    std::uint32_t hits = 1;
    if (row.hits) {
        const auto parsed = parse_hits(*row.hits);
        if (!parsed) {
            return bad_value(names.hits ? std::string_view(*names.hits) : default_hits_name, *row.hits,
                             "is not a whole number from 1 to 4294967295");
        }
        hits = *parsed;
    }
    batch_.address.push_back(*address);
    batch_.key.push_back(keys_.insert(row.key, StringIndex::hash_of(row.key)));
    batch_.day.push_back(static_cast<std::uint16_t>(day.day));
    batch_.hits.push_back(hits);
    return {};
}

void ObservationRows::reject(std::uint64_t line, std::string reason, std::string_view text) {
    batch_.rejects.push_back({line, std::move(reason), std::string(text.substr(0, reject_text_bytes_max))});
}

ObservationBatch ObservationRows::take_batch() {
    batch_.keys = keys_.take_strings();
    batch_.key_hash = keys_.take_hashes();
    return std::move(batch_);
}

std::unique_ptr<ObservationFile> open_observations(ByteSource& source, const ObservationForm& form,
                                                   std::size_t block_bytes) {
    switch (form.format) {
    case TextFormat::tsv:
        return open_tsv(source, form, block_bytes);
    case TextFormat::jsonl:
        return open_jsonl(source, form, block_bytes);
    case TextFormat::csv:
        break;
    }
    return open_csv(source, form, block_bytes);
}

} // namespace ipscore::io
