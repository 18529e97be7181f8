#include "aligned_scores.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "result_side.hpp"

#include <memory>
#include <optional>

namespace ipscore::stages::diffing {

namespace {

using comparing::RowBlock;
using comparing::Schema;
using io::ScoresPartReader;

class ScoresSide final : public Side {
public:
    ScoresSide(const std::filesystem::path& path, const io::H5File& file, bool packed, const SideArgs& with)
        : Side(path, packed ? "packed scores" : "scores"),
          pieces_(packed ? Pieces(file) : Pieces(file, path, io::format::scores_part)) {
        const io::ScoresNames names = io::read_scores_names(file);
        numbers_.tag_keys = key_forms(names.tags);
        numbers_.tag_names = numbers_of(names.tags, with.names);
        numbers_.company_names = numbers_of(names.companies, with.names);
        numbers_.no_company_name = with.names.insert("");
        names_hash_ = hash_of({&names.tags, &names.companies});
    }

    [[nodiscard]] const Schema& schema() const override { return comparing::scores_schema(); }
    [[nodiscard]] std::uint64_t held_bytes() const override {
        return numbers_.tag_keys.bytes().size() + numbers_.tag_keys.offsets().size_bytes() +
               (numbers_.tag_names.size() + numbers_.company_names.size()) * sizeof(std::uint32_t) +
               pieces_.held_bytes();
    }
    [[nodiscard]] std::unique_ptr<comparing::RowSource> open(const Schema& schema,
                                                             const Stretch& stretch) override;
    [[nodiscard]] std::vector<Address> cuts() const override { return pieces_.cuts(); }
    [[nodiscard]] std::optional<WholePart> whole_part(const Stretch& stretch) const override {
        return pieces_.whole_part(stretch);
    }
    [[nodiscard]] std::string names_hash() const override { return names_hash_; }
    [[nodiscard]] bool compare_shortly(const Side& now, const Stretch& stretch, const comparing::Terms& terms,
                                       const StopFlag& halt, comparing::Differences& found) const override;

private:
    friend class ScoresRows;
    Pieces pieces_;
    ScoresNumbers numbers_;
    std::string names_hash_;
};

class ScoresRows final : public comparing::RowSource {
public:
    ScoresRows(const ScoresSide& side, const Schema& schema, const Stretch& stretch)
        : side_(side), columns_(score_columns_of(schema)), walk_(side.pieces_, stretch) {}

    bool next(RowBlock& block) override {
        block.clear();
        while (block.size() < block_rows) {
            if (walk_.part() != nullptr) {
                const auto rows = walk_.part()->next_rows();
                if (rows.size() > 0) {
                    append(rows, block);
                    continue;
                }
            }
            if (!walk_.next_address(
                    [](const auto& path) { return std::make_unique<ScoresPartReader>(path); }))
                break;
            begin_address();
        }
        return !block.empty();
    }

private:
    [[noreturn]] void damaged(const std::string& fault) { walk_.part()->file().damaged(fault); }

    void begin_address() {
        address_key_.set(walk_.part()->address());
        last_tag_ = 0;
        if (!side_.numbers_.knows_company(walk_.part()->company())) damaged("a company is not in the index");
        company_name_ = side_.numbers_.company_name(walk_.part()->company());
    }

    void append(const ScoresPartReader::Rows& rows, RowBlock& block) {
        const auto values = block.add_values(rows.size());
        for (std::size_t column = 0; column < columns_.size(); ++column)
            fill(columns_[column], rows, values.subspan(column));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::uint32_t tag = rows.tag[i];
            if (tag >= side_.numbers_.tag_names.size()) damaged("a tag is not in the index");
            if (tag < last_tag_) damaged("the tags of an address are not in order");
            if (rows.first_day[i] < first_valid_day || rows.last_day[i] > last_valid_day ||
                rows.first_day[i] > rows.last_day[i])
                damaged("a day is out of range");
            last_tag_ = tag;
            block.add_key_bytes(address_key_.bytes());
            block.add_key_bytes(side_.numbers_.tag_keys[tag]);
            block.add_name(side_.numbers_.tag_names[tag]);
            block.end_row();
        }
    }

    /// Sets one value of every row: each columns_.size() values behind the one before.
    void fill(ScoreColumn column, const ScoresPartReader::Rows& rows, std::span<std::uint64_t> values) const {
        const std::size_t step = columns_.size();
        const auto copy = [&](const auto& from) {
            for (std::size_t i = 0; i < from.size(); ++i) values[i * step] = from[i];
        };
        const auto convert = [&](const auto& from) {
            for (std::size_t i = 0; i < from.size(); ++i) values[i * step] = comparing::value_of(from[i]);
        };
        switch (column) {
        case ScoreColumn::company:
            for (std::size_t i = 0; i < rows.size(); ++i) values[i * step] = company_name_;
            return;
        case ScoreColumn::score:
            return convert(rows.score);
        case ScoreColumn::surge:
            return convert(rows.surge);
        case ScoreColumn::confident:
            return copy(rows.confident);
        case ScoreColumn::hits:
            return copy(rows.hits);
        case ScoreColumn::keys:
            return copy(rows.keys);
        case ScoreColumn::days:
            return copy(rows.days);
        case ScoreColumn::first_day:
            return convert(rows.first_day);
        case ScoreColumn::last_day:
            return convert(rows.last_day);
        case ScoreColumn::raw:
            return copy(rows.raw);
        }
    }

    const ScoresSide& side_;
    std::vector<ScoreColumn> columns_;
    StretchWalk<ScoresPartReader> walk_;
    AddressKey address_key_;
    std::uint32_t last_tag_ = 0;
    std::uint32_t company_name_ = 0;
};

std::unique_ptr<comparing::RowSource> ScoresSide::open(const Schema& schema, const Stretch& stretch) {
    return std::make_unique<ScoresRows>(*this, schema, stretch);
}

bool ScoresSide::compare_shortly(const Side& now, const Stretch& stretch, const comparing::Terms& terms,
                                 const StopFlag& halt, comparing::Differences& found) const {
    const auto* other = dynamic_cast<const ScoresSide*>(&now);
    if (other == nullptr || names_hash_ != other->names_hash_ || !whole_part(stretch) ||
        !other->whole_part(stretch))
        return false;
    return compare_aligned(pieces_.open(pieces_.of(stretch).front()),
                           other->pieces_.open(other->pieces_.of(stretch).front()), numbers_, terms, halt,
                           found);
}

/// Those of the index, which are read as a whole.
class CompanyRowsSide final : public Side {
public:
    CompanyRowsSide(const std::filesystem::path& path, const io::H5File& file, const SideArgs& with)
        : Side(path, "company rows"), rows_(io::read_company_rows(file)) {
        const io::ScoresNames names = io::read_scores_names(file);
        for (const scoring::CompanyRow& row : rows_) {
            if (row.company >= names.companies.size() || row.tag >= names.tags.size())
                file.damaged("a company row of what is not in the index");
        }
        company_keys_ = key_forms(names.companies);
        tag_keys_ = key_forms(names.tags);
        company_names_ = numbers_of(names.companies, with.names);
        tag_names_ = numbers_of(names.tags, with.names);
    }

    [[nodiscard]] const Schema& schema() const override { return comparing::company_rows_schema(); }
    [[nodiscard]] std::uint64_t held_bytes() const override {
        return rows_.size() * sizeof(scoring::CompanyRow) + company_keys_.bytes().size() +
               company_keys_.offsets().size_bytes() + company_names_.size() * sizeof(std::uint32_t);
    }
    [[nodiscard]] std::unique_ptr<comparing::RowSource> open(const Schema& schema,
                                                             const Stretch& stretch) override;

private:
    friend class CompanyRows;
    std::vector<scoring::CompanyRow> rows_;
    ByteStrings company_keys_;
    ByteStrings tag_keys_;
    std::vector<std::uint32_t> company_names_;
    std::vector<std::uint32_t> tag_names_;
};

enum class CompanyColumn { score, surge, addresses, hits, days, raw };

class CompanyRows final : public comparing::RowSource {
public:
    CompanyRows(const CompanyRowsSide& side, const Schema& schema) : side_(side) {
        for (const comparing::ValueColumn& column : schema.values) {
            const auto found = comparing::company_rows_schema().find_value(column.name);
            columns_.push_back(static_cast<CompanyColumn>(*found));
        }
    }

    bool next(RowBlock& block) override {
        block.clear();
        for (; next_ < side_.rows_.size() && block.size() < block_rows; ++next_)
            append(side_.rows_[next_], block);
        return !block.empty();
    }

private:
    void append(const scoring::CompanyRow& row, RowBlock& block) const {
        block.add_key_bytes(side_.company_keys_[row.company]);
        block.add_key_bytes(side_.tag_keys_[row.tag]);
        block.add_name(side_.company_names_[row.company]);
        block.add_name(side_.tag_names_[row.tag]);
        for (const CompanyColumn column : columns_) block.add_value(value(column, row));
        block.end_row();
    }
    static std::uint64_t value(CompanyColumn column, const scoring::CompanyRow& row) noexcept {
        switch (column) {
        case CompanyColumn::score:
            return comparing::value_of(row.score);
        case CompanyColumn::surge:
            return comparing::value_of(row.surge);
        case CompanyColumn::addresses:
            return row.addresses;
        case CompanyColumn::hits:
            return row.hits;
        case CompanyColumn::days:
            return row.days;
        case CompanyColumn::raw:
            return row.raw;
        }
        return 0;
    }

    const CompanyRowsSide& side_;
    std::vector<CompanyColumn> columns_;
    std::size_t next_ = 0;
};

std::unique_ptr<comparing::RowSource> CompanyRowsSide::open(const Schema& schema,
                                                            const Stretch& /*stretch*/) {
    return std::make_unique<CompanyRows>(*this, schema);
}

} // namespace

std::unique_ptr<Side> open_scores(const std::filesystem::path& path, const io::H5File& file,
                                  const SideArgs& with) {
    return std::make_unique<ScoresSide>(path, file, file.path() == path, with);
}

std::unique_ptr<Side> open_company_rows(const std::filesystem::path& path, const io::H5File& file,
                                        const SideArgs& with) {
    return std::make_unique<CompanyRowsSide>(path, file, with);
}

} // namespace ipscore::stages::diffing
