// Observations from CSV and TSV, which differ in what separates the fields.
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "observation_rows.hpp"

#include <fmt/format.h>
#include <utility>

namespace ipscore::io {

namespace {

/// Which field holds what.
struct FieldPlaces {
    std::size_t ip = 0;
    std::size_t day = 0;
    std::size_t key = 0;
    std::optional<std::size_t> hits; ///< missing: every row has 1
    std::size_t fields = 0;

    /// Throws InputError for a missing column.
    FieldPlaces(const CsvHeader& header, const ColumnNames& names)
        : ip(header.require(names.ip)),
          day(header.require(names.day)),
          key(header.require(names.key)),
          hits(names.hits ? header.require(*names.hits) : header.find(default_hits_name)),
          fields(header.columns()) {}
};

/// The rows of a block, without the header.
class RowsParser final : public ObservationParser {
public:
    RowsParser(const TextBlock& block, const FieldPlaces& places, const ObservationForm& form, char separator)
        : places_(places), form_(form), rows_(block.text, block.first_line, separator) {}

    [[nodiscard]] ObservationBatch next() override {
        constexpr std::size_t row_bytes_expected = 40;
        ObservationRows batch(form_, rows_.rest().size() / row_bytes_expected);
        CsvRow row;
        while (!batch.is_full() && rows_.next(row)) {
            std::string reason = add(row, batch);
            if (!reason.empty()) batch.reject(row.line, std::move(reason), row.text);
        }
        return batch.take_batch();
    }
    [[nodiscard]] bool done() const noexcept override { return rows_.rest().empty(); }

private:
    std::string add(const CsvRow& row, ObservationRows& batch) const {
        if (row.fault != CsvFault::none) return std::string(text_of(row.fault));
        if (row.field_count != places_.fields)
            return fmt::format("{} fields, but the header has {}", row.field_count, places_.fields);
        ObservationTexts texts{row.fields[places_.ip], row.fields[places_.day], row.fields[places_.key], {}};
        if (places_.hits) texts.hits = row.fields[*places_.hits];
        return batch.add(texts);
    }

    const FieldPlaces& places_;
    const ObservationForm& form_;
    CsvRows rows_;
};

class DelimitedFile final : public ObservationFile {
public:
    DelimitedFile(ByteSource& source, ObservationForm form, std::size_t block_bytes, char separator)
        : form_(std::move(form)),
          separator_(separator),
          blocks_(source, csv_row_rules(separator), block_bytes) {
        read_header(source.path().string());
    }

    bool next(TextBlock& block) override {
        if (!first_) return blocks_.next(block);
        block = std::move(*first_);
        first_.reset();
        return true;
    }
    [[nodiscard]] std::unique_ptr<ObservationParser> parser(const TextBlock& block) const override {
        return std::make_unique<RowsParser>(block, *places_, form_, separator_);
    }
    [[nodiscard]] std::string content_hash() const override { return blocks_.content_hash(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept override { return blocks_.bytes(); }

private:
    void read_header(const std::string& name) {
        TextBlock block;
        CsvRow row;
        while (!places_ && blocks_.next(block)) {
            CsvRows rows(block.text, block.first_line, separator_);
            if (!rows.next(row)) continue;
            places_.emplace(CsvHeader(row, name), form_.columns);
            const auto header_end = static_cast<std::size_t>(rows.rest().data() - block.text.data());
            block.text.erase(0, header_end);
            block.first_line = rows.line();
            first_ = std::move(block);
        }
        if (places_) return;
        const ColumnNames& columns = form_.columns;
        throw InputError(fmt::format("{}: is empty; a header row with {}, {} and {} is needed", name,
                                     columns.ip, columns.day, columns.key));
    }

    ObservationForm form_;
    char separator_;
    TextBlocks blocks_;
    std::optional<FieldPlaces> places_;
    std::optional<TextBlock> first_; ///< what lies behind the header in its block
};

} // namespace

std::unique_ptr<ObservationFile> open_csv(ByteSource& source, const ObservationForm& form,
                                          std::size_t block_bytes) {
    return std::make_unique<DelimitedFile>(source, form, block_bytes, ',');
}

std::unique_ptr<ObservationFile> open_tsv(ByteSource& source, const ObservationForm& form,
                                          std::size_t block_bytes) {
    return std::make_unique<DelimitedFile>(source, form, block_bytes, '\t');
}

} // namespace ipscore::io
