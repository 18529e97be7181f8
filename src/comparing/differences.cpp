#include "ipscore/comparing/differences.hpp"

#include "ipscore/core/decimal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace ipscore::comparing {

namespace {

std::string number_text(float number) {
    if (!(number >= 0)) return fmt::format("{}", number); // below 0, or NaN
    std::array<char, score_text_bytes_max> text{};
    return {text.data(), format_score(text.data(), number)};
}

bool is_missing(const RowPlace& row, std::size_t column) noexcept {
    return (row.block->missing(row.row) >> column & 1U) != 0;
}

Cell cell_of(ValueKind kind, const RowPlace& row, std::size_t column) noexcept {
    const std::uint64_t value = row.block->values(row.row)[column];
    return {.value = value,
            .text = kind == ValueKind::text ? row.block->text(value) : std::string_view{},
            .is_missing = is_missing(row, column)};
}

std::string text_of(ValueKind kind, const RowPlace& row, std::size_t column, const NameTable& names) {
    if (is_missing(row, column)) return {};
    const std::uint64_t value = row.block->values(row.row)[column];
    switch (kind) {
    case ValueKind::count:
    case ValueKind::flag:
        return fmt::format("{}", value);
    case ValueKind::number:
        return number_text(number_of(value));
    case ValueKind::day:
        return date_text(day_of(value));
    case ValueKind::name:
        return names.text(static_cast<std::uint32_t>(value));
    case ValueKind::text:
        return std::string(row.block->text(value));
    }
    return {};
}

} // namespace

Differences::Differences(const Terms& terms)
    : terms_(&terms),
      has_texts_(std::ranges::find(terms.schema.values, ValueKind::text, &ValueColumn::kind) !=
                 terms.schema.values.end()),
      score_(DimensionColumns(terms.schema).score),
      columns_(terms.schema.values.size()),
      column_samples_(terms.schema.values.size(), Samples(terms.samples_each)),
      only_old_samples_(terms.samples_each),
      only_new_samples_(terms.samples_each),
      duplicate_samples_(terms.samples_each),
      dimensions_(terms.schema) {}

std::vector<std::string> Differences::texts(const RowPlace& row) const {
    std::vector<std::string> texts;
    if (row.block == nullptr) return texts;
    const auto& values = terms_->schema.values;
    for (std::size_t column = 0; column < values.size(); ++column)
        texts.push_back(text_of(values[column].kind, row, column, *terms_->names));
    return texts;
}

void Differences::pair(const RowPlace& before, const RowPlace& now) {
    const auto values_before = before.block->values(before.row);
    const auto values_now = now.block->values(now.row);
    Outcome outcome = Outcome::equal;
    // Equal words are equal values, except those that are places of texts.
    if (has_texts_ || !std::ranges::equal(values_before, values_now) ||
        before.block->missing(before.row) != now.block->missing(now.row)) {
        const auto& columns = terms_->schema.values;
        row_differences_.clear();
        for (std::size_t column = 0; column < columns.size(); ++column) {
            const ValueKind kind = columns[column].kind;
            const auto difference = difference_of(kind, cell_of(kind, before, column),
                                                  cell_of(kind, now, column), terms_->tolerances[column]);
            if (!difference) continue;
            columns_[column].add(*difference);
            if (difference->within_tolerance) continue;
            outcome = Outcome::changed;
            row_differences_.emplace_back(column, *difference);
        }
        for (const auto& [column, difference] : row_differences_) {
            const double measure =
                difference.is_measured ? difference.absolute : std::numeric_limits<double>::infinity();
            column_samples_[column].offer(before.key(), measure, [&] {
                return Sample{.key_texts = key_texts(before.key(), terms_->schema),
                              .before = texts(before),
                              .now = texts(now)};
            });
        }
    }
    counts_.add(outcome);
    dimensions_.add(*now.block, now.row, outcome);
}

void Differences::add_one_sided(const RowPlace& row, Outcome outcome, Samples& samples) {
    counts_.add(outcome);
    dimensions_.add(*row.block, row.row, outcome);
    double measure = 0;
    if (score_ && !is_missing(row, *score_)) measure = number_of(row.block->values(row.row)[*score_]);
    if (std::isnan(measure)) measure = 0;
    samples.offer(row.key(), measure, [&] {
        Sample sample{.key_texts = key_texts(row.key(), terms_->schema)};
        (outcome == Outcome::only_old ? sample.before : sample.now) = texts(row);
        return sample;
    });
}

void Differences::only_old(const RowPlace& row) { add_one_sided(row, Outcome::only_old, only_old_samples_); }
void Differences::only_new(const RowPlace& row) { add_one_sided(row, Outcome::only_new, only_new_samples_); }

void Differences::duplicate(const RowPlace& before, std::size_t rows_before, const RowPlace& now,
                            std::size_t rows_now) {
    duplicates_.add({1, rows_before, rows_now});
    const std::string_view key = before.block != nullptr ? before.key() : now.key();
    duplicate_samples_.offer(key, static_cast<double>(rows_before + rows_now), [&] {
        return Sample{.key_texts = key_texts(key, terms_->schema),
                      .before = texts(before),
                      .now = texts(now),
                      .rows_before = rows_before,
                      .rows_now = rows_now};
    });
}

void Differences::add(const Differences& other) {
    counts_.add(other.counts_);
    duplicates_.add(other.duplicates_);
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        columns_[column].add(other.columns_[column]);
        column_samples_[column].add(other.column_samples_[column]);
    }
    only_old_samples_.add(other.only_old_samples_);
    only_new_samples_.add(other.only_new_samples_);
    duplicate_samples_.add(other.duplicate_samples_);
    dimensions_.add(other.dimensions_);
}

} // namespace ipscore::comparing
