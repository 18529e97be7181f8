#include "ipscore/io/csv_input.hpp"

#include "ipscore/core/error.hpp"

#include <fmt/format.h>
#include <optional>

namespace ipscore::io {

namespace {
constexpr std::size_t block_bytes = 1U << 20U;
} // namespace

void CsvPlace::bad_value(std::string_view column, std::string_view value, std::string_view reason) const {
    throw InputError(
        fmt::format("{}:{}: column {}: {} {}", *path_, line_, column, quoted_for_message(value), reason));
}

void CsvPlace::bad_row(std::string_view reason) const {
    throw InputError(fmt::format("{}:{}: {}", *path_, line_, reason));
}

void CsvPlace::must_be_whole(std::string_view column, std::string_view value) const {
    constexpr std::size_t whole_bytes_max = 1024;
    if (row_is_shortened_ && value.size() > whole_bytes_max)
        bad_value(column, value, "is longer than 1024 bytes in a row of more than 1 MiB");
}

Millionths share_of(std::string_view column, std::string_view text, const CsvPlace& place) {
    const ParsedMillionths share = parse_millionths(text);
    switch (share.fault) {
    case DecimalFault::none:
        break;
    case DecimalFault::not_a_decimal:
        place.bad_value(column, text, "is not a decimal such as 0.25");
    case DecimalFault::too_many_decimals:
        place.bad_value(column, text, "has more than 6 decimals");
    case DecimalFault::out_of_range:
        place.bad_value(column, text, "is not above 0 and at most 1");
    }
    return share.value;
}

InputFile read_csv(const std::filesystem::path& path, const std::function<void(const CsvHeader&)>& on_header,
                   const std::function<void(const CsvRow&, const CsvPlace&)>& on_row,
                   const ReadLimits& limits, const StopFlag& stop) {
    InputFile file;
    file.path = path.string();
    ByteSource source(path, limits.zstd_window_bytes);
    TextBlocks blocks(source, csv_row_rules(), block_bytes);
    std::optional<CsvHeader> header;
    TextBlock block;
    CsvRow row;
    while (blocks.next(block)) {
        if (stop.requested()) throw Interrupted("stopped on request");
        CsvRows rows(block.text, block.first_line);
        while (rows.next(row)) {
            if (!header) {
                header.emplace(row, file.path);
                on_header(*header);
                continue;
            }
            const CsvPlace place(file.path, row.line, block.shortened);
            if (row.fault != CsvFault::none) place.bad_row(text_of(row.fault));
            if (row.field_count != header->columns()) {
                place.bad_row(
                    fmt::format("{} fields, but the header has {}", row.field_count, header->columns()));
            }
            ++file.rows;
            on_row(row, place);
        }
    }
    if (!header) throw InputError(file.path + ": is empty; a header row is needed");
    file.content_hash = blocks.content_hash();
    file.bytes = blocks.bytes();
    return file;
}

} // namespace ipscore::io
