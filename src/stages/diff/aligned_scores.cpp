#include "aligned_scores.hpp"

#include "ipscore/io/column.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"
#include "ipscore/scoring/companies.hpp"
#include "result_side.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

namespace ipscore::stages::diffing {

bool ScoresNumbers::knows_company(std::uint32_t company) const noexcept {
    return company == scoring::no_company || company < company_names.size();
}

std::uint32_t ScoresNumbers::company_name(std::uint32_t company) const noexcept {
    return company == scoring::no_company ? no_company_name : company_names[company];
}

std::vector<ScoreColumn> score_columns_of(const comparing::Schema& schema) {
    std::vector<ScoreColumn> columns;
    for (const comparing::ValueColumn& column : schema.values)
        columns.push_back(static_cast<ScoreColumn>(*comparing::scores_schema().find_value(column.name)));
    return columns;
}

namespace {

namespace format = io::format;
using comparing::RowBlock;
using io::ColumnReader;
using io::H5File;

template <class T>
bool same_chunks(const ColumnReader<T>& a, const ColumnReader<T>& b) {
    return a.size() == b.size() && a.chunk_values() == b.chunk_values() &&
           std::ranges::equal(a.chunk_checksums(), b.chunk_checksums());
}

std::uint64_t cell_of(float value) noexcept { return comparing::value_of(value); }
std::uint64_t cell_of(std::int32_t value) noexcept { return comparing::value_of(value); }
std::uint64_t cell_of(std::uint64_t value) noexcept { return value; }
std::uint64_t cell_of(std::uint32_t value) noexcept { return value; }
std::uint64_t cell_of(std::uint8_t value) noexcept { return value; }

/// One column of rows on both sides, chunk by chunk.
class ColumnPair {
public:
    ColumnPair() = default;
    ColumnPair(const ColumnPair&) = delete;
    ColumnPair& operator=(const ColumnPair&) = delete;
    virtual ~ColumnPair() = default;
    /// As many values, in such chunks, on both sides.
    [[nodiscard]] virtual bool has_shape(std::uint64_t rows, std::size_t chunk_rows) const = 0;
    /// Goes to a chunk, and marks the rows whose values have other bits; decodes nothing where the checksums
    /// are equal.
    virtual void begin_chunk(std::uint64_t chunk, std::span<std::uint8_t> differs) = 0;
    /// Of the chunk; decodes it where that was not necessary yet.
    [[nodiscard]] virtual std::uint64_t before(std::size_t row) = 0;
    [[nodiscard]] virtual std::uint64_t now(std::size_t row) = 0;
};

template <class T>
class TypedPair final : public ColumnPair {
public:
    TypedPair(const H5File& before, const H5File& now, const char* name)
        : before_(before, name), now_(now, name) {}

    [[nodiscard]] bool has_shape(std::uint64_t rows, std::size_t chunk_rows) const override {
        return std::ranges::all_of(std::array{&before_, &now_}, [&](const auto* column) {
            return column->size() == rows && column->chunk_values() == chunk_rows;
        });
    }

    void begin_chunk(std::uint64_t chunk, std::span<std::uint8_t> differs) override {
        chunk_ = chunk;
        values_before_ = values_now_ = {};
        same_ = before_.chunk_checksums()[chunk] == now_.chunk_checksums()[chunk];
        if (same_) return;
        load();
        // By their bits: whether that is a difference is decided value by value.
        for (std::size_t i = 0; i < differs.size(); ++i)
            differs[i] |= static_cast<std::uint8_t>(cell_of(values_before_[i]) != cell_of(values_now_[i]));
    }
    [[nodiscard]] std::uint64_t before(std::size_t row) override {
        load();
        return cell_of(values_before_[row]);
    }
    [[nodiscard]] std::uint64_t now(std::size_t row) override {
        load();
        return cell_of(values_now_[row]);
    }
    [[nodiscard]] std::span<const T> values_now() {
        load();
        return values_now_;
    }

private:
    void load() {
        if (!values_now_.empty()) return;
        now_.seek(chunk_ * now_.chunk_values());
        values_now_ = now_.next();
        if (same_) {
            values_before_ = values_now_;
        } else {
            before_.seek(chunk_ * before_.chunk_values());
            values_before_ = before_.next();
        }
    }

    ColumnReader<T> before_;
    ColumnReader<T> now_;
    std::uint64_t chunk_ = 0;
    bool same_ = false;
    std::span<const T> values_before_;
    std::span<const T> values_now_;
};

/// The addresses of both parts, in order.
class AddressPairs {
public:
    AddressPairs(const H5File& before, const H5File& now)
        : hi_before_(before, format::address_hi),
          lo_before_(before, format::address_lo),
          rows_before_(before, format::address_rows),
          company_before_(before, format::address_company),
          hi_(now, format::address_hi),
          lo_(now, format::address_lo),
          rows_(now, format::address_rows),
          company_(now, format::address_company),
          same_companies_(same_chunks(company_before_, company_)) {}

    /// The same addresses, with as many rows each.
    [[nodiscard]] bool aligned() const {
        const auto has_shape = [&](const auto& column) {
            return column.size() == hi_.size() && column.chunk_values() == hi_.chunk_values();
        };
        return same_chunks(hi_before_, hi_) && same_chunks(lo_before_, lo_) &&
               same_chunks(rows_before_, rows_) && has_shape(lo_) && has_shape(rows_) &&
               has_shape(company_before_) && has_shape(company_);
    }
    bool next() {
        if (at_ == hi_left_.size() && !refill()) return false;
        address_ = {hi_left_[at_], lo_left_[at_]};
        rows_now_ = rows_left_[at_];
        company_now_ = company_left_[at_];
        company_old_ = same_companies_ ? company_now_ : company_before_left_[at_];
        ++at_;
        return true;
    }
    [[nodiscard]] Address address() const noexcept { return address_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_now_; }
    [[nodiscard]] std::uint32_t company() const noexcept { return company_now_; }
    [[nodiscard]] std::uint32_t company_before() const noexcept { return company_old_; }

private:
    bool refill() {
        hi_left_ = hi_.next();
        lo_left_ = lo_.next();
        rows_left_ = rows_.next();
        company_left_ = company_.next();
        if (!same_companies_) company_before_left_ = company_before_.next();
        at_ = 0;
        return !hi_left_.empty();
    }

    ColumnReader<std::uint64_t> hi_before_, lo_before_, rows_before_;
    ColumnReader<std::uint32_t> company_before_;
    ColumnReader<std::uint64_t> hi_, lo_, rows_;
    ColumnReader<std::uint32_t> company_;
    bool same_companies_;
    std::span<const std::uint64_t> hi_left_, lo_left_, rows_left_;
    std::span<const std::uint32_t> company_left_, company_before_left_;
    std::size_t at_ = 0;
    Address address_;
    std::uint64_t rows_now_ = 0;
    std::uint32_t company_now_ = 0;
    std::uint32_t company_old_ = 0;
};

class AlignedComparison {
public:
    AlignedComparison(const std::filesystem::path& before, const std::filesystem::path& now,
                      const ScoresNumbers& numbers, const comparing::Terms& terms,
                      comparing::Differences& found)
        : numbers_(numbers),
          found_(found),
          before_(H5File::open(before)),
          now_(H5File::open(now)),
          addresses_(before_, now_),
          tag_before_(before_, format::score_tag),
          tag_(now_, format::score_tag),
          columns_(score_columns_of(terms.schema)),
          block_before_(terms.schema),
          block_now_(terms.schema) {
        for (const ScoreColumn column : columns_) {
            pairs_.push_back(make_pair(column));
            if (column == ScoreColumn::company) compares_company_ = true;
            if (column == ScoreColumn::score) score_ = static_cast<TypedPair<float>*>(pairs_.back().get());
            if (column == ScoreColumn::first_day)
                first_day_ = static_cast<TypedPair<Day>*>(pairs_.back().get());
            if (column == ScoreColumn::last_day)
                last_day_ = static_cast<TypedPair<Day>*>(pairs_.back().get());
        }
    }

    [[nodiscard]] bool aligned() const {
        return addresses_.aligned() && same_chunks(tag_before_, tag_) &&
               std::ranges::all_of(pairs_, [&](const auto& pair) {
                   return !pair || pair->has_shape(tag_.size(), tag_.chunk_values());
               });
    }

    void run(const StopFlag& halt) {
        for (std::uint64_t chunk = 0;; ++chunk) {
            const auto tags = tag_.next();
            if (halt.requested()) break;
            if (tags.empty()) {
                if (rows_left_ > 0 || addresses_.next())
                    now_.damaged("there are addresses without their rows");
                break;
            }
            if (std::ranges::max(tags) >= numbers_.tag_names.size())
                now_.damaged("a tag is not in the index");
            differs_.assign(tags.size(), 0);
            for (const auto& pair : pairs_) {
                if (pair) pair->begin_chunk(chunk, differs_);
            }
            check_days(first_day_);
            check_days(last_day_);
            compare_chunk(tags);
        }
        found_.end_stretch();
    }

private:
    [[nodiscard]] std::unique_ptr<ColumnPair> make_pair(ScoreColumn column) const {
        switch (column) {
        case ScoreColumn::company:
            return nullptr; // of addresses
        case ScoreColumn::score:
            return std::make_unique<TypedPair<float>>(before_, now_, format::score_score);
        case ScoreColumn::surge:
            return std::make_unique<TypedPair<float>>(before_, now_, format::score_surge);
        case ScoreColumn::confident:
            return std::make_unique<TypedPair<std::uint8_t>>(before_, now_, format::score_confident);
        case ScoreColumn::hits:
            return std::make_unique<TypedPair<std::uint64_t>>(before_, now_, format::score_hits);
        case ScoreColumn::keys:
            return std::make_unique<TypedPair<std::uint32_t>>(before_, now_, format::score_keys);
        case ScoreColumn::days:
            return std::make_unique<TypedPair<std::uint8_t>>(before_, now_, format::score_days);
        case ScoreColumn::first_day:
            return std::make_unique<TypedPair<Day>>(before_, now_, format::score_first_day);
        case ScoreColumn::last_day:
            return std::make_unique<TypedPair<Day>>(before_, now_, format::score_last_day);
        case ScoreColumn::raw:
            return std::make_unique<TypedPair<std::uint64_t>>(before_, now_, format::score_raw);
        }
        return nullptr;
    }

    void check_days(TypedPair<Day>* column) const {
        if (column == nullptr) return;
        const auto [first, last] = std::ranges::minmax(column->values_now());
        if (first < first_valid_day || last > last_valid_day) now_.damaged("a day is out of range");
    }

    void compare_chunk(std::span<const std::uint32_t> tags) {
        for (std::size_t row = 0; row < tags.size();) {
            while (rows_left_ == 0) {
                if (!addresses_.next()) now_.damaged("there are rows without an address");
                rows_left_ = addresses_.rows();
                if (!numbers_.knows_company(addresses_.company()) ||
                    !numbers_.knows_company(addresses_.company_before()))
                    now_.damaged("a company is not in the index");
            }
            const std::size_t count = std::min<std::uint64_t>(rows_left_, tags.size() - row);
            compare_address(tags, row, row + count);
            row += count;
            rows_left_ -= count;
        }
    }

    /// Rows from `row` to before `end`, all of one address.
    void compare_address(std::span<const std::uint32_t> tags, std::size_t row, std::size_t end) {
        const bool all_differ = compares_company_ && addresses_.company() != addresses_.company_before();
        while (row < end) {
            const auto differs = [&](std::size_t i) { return all_differ || differs_[i] != 0; };
            const std::size_t begin = row;
            while (row < end && !differs(row)) ++row;
            if (row > begin) add_equal(tags, begin, row - begin);
            for (; row < end && differs(row); ++row) compare_row(tags[row], row);
        }
    }

    void add_equal(std::span<const std::uint32_t> tags, std::size_t row, std::size_t count) {
        const auto part_of = [&](auto* column) {
            return column == nullptr ? decltype(column->values_now()){}
                                     : column->values_now().subspan(row, count);
        };
        found_.equal({.address = addresses_.address(),
                      .company = numbers_.company_name(addresses_.company()),
                      .tags = tags.subspan(row, count),
                      .scores = part_of(score_),
                      .first_days = part_of(first_day_),
                      .last_days = part_of(last_day_)},
                     numbers_.tag_names);
    }

    void compare_row(std::uint32_t tag, std::size_t row) {
        address_key_.set(addresses_.address());
        block_before_.clear();
        block_now_.clear();
        for (RowBlock* block : {&block_before_, &block_now_}) {
            block->add_key_bytes(address_key_.bytes());
            block->add_key_bytes(numbers_.tag_keys[tag]);
            block->add_name(numbers_.tag_names[tag]);
        }
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            if (columns_[column] == ScoreColumn::company) {
                block_before_.add_value(numbers_.company_name(addresses_.company_before()));
                block_now_.add_value(numbers_.company_name(addresses_.company()));
            } else {
                block_before_.add_value(pairs_[column]->before(row));
                block_now_.add_value(pairs_[column]->now(row));
            }
        }
        block_before_.end_row();
        block_now_.end_row();
        found_.pair({&block_before_, 0}, {&block_now_, 0});
    }

    const ScoresNumbers& numbers_;
    comparing::Differences& found_;
    H5File before_;
    H5File now_;
    AddressPairs addresses_;
    ColumnReader<std::uint32_t> tag_before_;
    ColumnReader<std::uint32_t> tag_;
    std::vector<ScoreColumn> columns_;
    std::vector<std::unique_ptr<ColumnPair>> pairs_; ///< by value column; nullptr for the company
    bool compares_company_ = false;
    TypedPair<float>* score_ = nullptr; ///< in pairs_, where they are compared
    TypedPair<Day>* first_day_ = nullptr;
    TypedPair<Day>* last_day_ = nullptr;
    std::uint64_t rows_left_ = 0;       ///< of the address
    std::vector<std::uint8_t> differs_; ///< by row of the chunk
    RowBlock block_before_;
    RowBlock block_now_;
    AddressKey address_key_;
};

} // namespace

bool compare_aligned(const std::filesystem::path& before, const std::filesystem::path& now,
                     const ScoresNumbers& numbers, const comparing::Terms& terms, const StopFlag& halt,
                     comparing::Differences& found) {
    AlignedComparison comparison(before, now, numbers, terms, found);
    if (!comparison.aligned()) return false;
    comparison.run(halt);
    return true;
}

} // namespace ipscore::stages::diffing
