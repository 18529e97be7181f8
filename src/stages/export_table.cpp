#include "export_parts.hpp"
#include "export_text.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/table.hpp"

#include <string>
#include <utility>

namespace ipscore::stages::exporting {

namespace {

using io::RowSpan;
using io::SortedRowsReader;
using io::TableIndex;

constexpr std::string_view table_header = "ip,day,key,hits\n";

struct TableRow {
    std::uint32_t key;
    std::uint32_t hits;
    std::uint16_t day;
};
using TableBlock = AddressBlock<TableRow>;

/// The rows of all parts that pass the filter, block by block.
class TableRows {
public:
    TableRows(const ExportArgs& args, const TableIndex& index, std::uint64_t keys, std::size_t block_rows)
        : keys_(keys),
          addresses_(args.networks),
          parts_(args.input, index.parts, io::format::table_part),
          block_rows_(block_rows) {
        parts_.keep(addresses_);
    }
    TableRows(const TableRows&) = delete;
    TableRows& operator=(const TableRows&) = delete;

    /// False at the end. A block may stay empty, as with scores.
    bool read(TableBlock& block) {
        constexpr int addresses_max = 65536;
        for (int addresses = 0; addresses < addresses_max && block.rows.size() < block_rows_; ++addresses) {
            if (part_ && address_passes_ && take(block)) continue;
            if (!part_ || !part_->reader.next_address() || addresses_.is_past(part_->reader.address())) {
                part_.reset();
                const auto path = parts_.next();
                if (!path) return !block.rows.empty();
                part_.emplace(*path, keys_);
                address_passes_ = false;
            } else {
                address_passes_ = addresses_.passes(part_->reader.address());
            }
        }
        return true;
    }

private:
    /// Moves rows of the address into the block; false when there are none left.
    bool take(TableBlock& block) {
        const RowSpan rows = part_->reader.next_rows(block_rows_ - block.rows.size());
        if (rows.empty()) return false;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (rows.day[i] < first_valid_day || rows.day[i] > last_valid_day)
                part_->file.damaged("a day is out of range");
            block.rows.push_back({.key = rows.key[i], .hits = rows.hits[i], .day = rows.day[i]});
        }
        block.runs.push_back({part_->reader.address(), 0, static_cast<std::uint32_t>(rows.size())});
        return true;
    }

    struct Part {
        Part(const std::filesystem::path& path, std::uint64_t keys)
            : file(io::H5File::open(path)), reader(file, keys) {}
        io::H5File file;
        SortedRowsReader reader;
    };

    std::uint64_t keys_;
    AddressFilter addresses_;
    PartWalk parts_;
    std::size_t block_rows_;
    std::optional<Part> part_;
    bool address_passes_ = false;
};

char* put_block(const TableBlock& block, const ByteStrings& keys, char* out) {
    const TableRow* row = block.rows.data();
    for (const TableBlock::Run& run : block.runs) {
        const char* const begin = out;
        out = put(format_address(out, run.address), ',');
        const std::string_view same(begin, static_cast<std::size_t>(out - begin));
        for (std::uint32_t i = 0; i < run.rows; ++i, ++row) {
            if (i > 0) out = put(out, same);
            out = put(format_date(out, row->day), ',');
            out = put(put(out, keys[row->key]), ',');
            out = put(put_number(out, row->hits), '\n');
        }
    }
    return out;
}

} // namespace

ExportReport export_table(const ExportArgs& args, const StopFlag& stop) {
    TableIndex index = io::read_table_index(args.input);
    const CsvFields keys(std::exchange(index.dictionary, {})); // once is enough in memory
    const std::size_t row_bytes_max =
        address_text_bytes_max + date_text_bytes + keys.bytes_max + number_bytes_max + table_header.size();
    const std::size_t block_rows = block_rows_max(row_bytes_max);
    TableRows rows(args, index, keys.fields.size(), block_rows);
    const TextJob job{args.output, table_header, block_rows * row_bytes_max, args.threads, &stop};
    return write_text<TableBlock>(
        job, [&](TableBlock& block) { return rows.read(block); },
        [&](const TableBlock& block, char* out) { return put_block(block, keys.fields, out); });
}

} // namespace ipscore::stages::exporting
