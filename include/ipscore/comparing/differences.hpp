// All that a comparison finds, added up row by row; what several threads and ranks found adds up to the same.
#pragma once

#include "ipscore/comparing/attribution.hpp"
#include "ipscore/comparing/column_differences.hpp"
#include "ipscore/comparing/dimensions.hpp"
#include "ipscore/comparing/rows.hpp"
#include "ipscore/comparing/samples.hpp"
#include "ipscore/comparing/schema.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ipscore::comparing {

/// What to compare, and how.
struct Terms {
    Schema schema;                     ///< of the columns that both sides have
    const NameTable* names = nullptr;  ///< of the rows
    std::vector<Tolerance> tolerances; ///< by value column
    std::size_t samples_each = 10;     ///< of the first and of the worst rows of each kind of difference
};

/// Keys that a side has more than once. Which of its rows belongs to which of the other side nobody knows, so
/// they are not compared, and never equal.
struct DuplicateCounts {
    std::uint64_t keys = 0;
    std::uint64_t rows_old = 0; ///< all rows of those keys
    std::uint64_t rows_new = 0;
    void add(const DuplicateCounts& other) noexcept {
        keys += other.keys;
        rows_old += other.rows_old;
        rows_new += other.rows_new;
    }
};

/// A row of a block.
struct RowPlace {
    const RowBlock* block = nullptr;
    std::size_t row = 0;
    [[nodiscard]] std::string_view key() const noexcept { return block->key(row); }
};

class Differences {
public:
    /// `terms` must outlive it.
    explicit Differences(const Terms& terms);

    // What became of the next key. Keys rise within a stretch.
    void pair(const RowPlace& before, const RowPlace& now);
    void only_old(const RowPlace& row);
    void only_new(const RowPlace& row);
    /// Either place may be empty: the side has no row of that key.
    void duplicate(const RowPlace& before, std::size_t rows_before, const RowPlace& now,
                   std::size_t rows_now);
    void end_stretch() { dimensions_.end_stretch(); }
    /// Many equal rows of the next address, some of whose rows may come one by one.
    void equal(const EqualRows& rows, const std::vector<std::uint32_t>& tag_names) {
        counts_.add(Outcome::equal, rows.tags.size());
        dimensions_.add(rows, tag_names);
    }
    /// Rows that are known to be equal without a look at them. They are not in the dimensions.
    void add_equal(std::uint64_t rows) noexcept { counts_.add(Outcome::equal, rows); }
    /// Adds what was found in other stretches.
    void add(const Differences& other);

    /// Everything as bytes that another process of the same program and terms reads, but for the companies:
    /// there may be millions of them.
    [[nodiscard]] std::string packed() const;
    void add_packed(const std::string& bytes);
    // The outcomes of companies by name, of as many names as are asked for.
    [[nodiscard]] std::vector<std::uint64_t> company_counts(std::size_t names) const;
    void set_company_counts(const std::vector<std::uint64_t>& counts);

    [[nodiscard]] const OutcomeCounts& counts() const noexcept { return counts_; }
    [[nodiscard]] const DuplicateCounts& duplicates() const noexcept { return duplicates_; }
    [[nodiscard]] const std::vector<ColumnDifferences>& columns() const noexcept { return columns_; }
    [[nodiscard]] const std::vector<Samples>& column_samples() const noexcept { return column_samples_; }
    [[nodiscard]] const Samples& only_old_samples() const noexcept { return only_old_samples_; }
    [[nodiscard]] const Samples& only_new_samples() const noexcept { return only_new_samples_; }
    [[nodiscard]] const Samples& duplicate_samples() const noexcept { return duplicate_samples_; }
    [[nodiscard]] const Dimensions& dimensions() const noexcept { return dimensions_; }
    [[nodiscard]] bool any() const noexcept { return counts_.different() > 0 || duplicates_.keys > 0; }

private:
    /// By value column, for people; empty where a value is missing.
    [[nodiscard]] std::vector<std::string> texts(const RowPlace& row) const;
    void add_one_sided(const RowPlace& row, Outcome outcome, Samples& samples);

    const Terms* terms_;
    bool has_texts_; ///< a value column is ValueKind::text: equal words do not mean equal values
    std::optional<std::size_t> score_;
    OutcomeCounts counts_;
    DuplicateCounts duplicates_;
    std::vector<ColumnDifferences> columns_;
    std::vector<Samples> column_samples_;
    Samples only_old_samples_;
    Samples only_new_samples_;
    Samples duplicate_samples_;
    Dimensions dimensions_;
    std::vector<std::pair<std::size_t, Difference>> row_differences_; ///< of the pair at hand
};

/// Compares two sides, row by row in order of their keys.
void compare_rows(RowSource& before, RowSource& now, const Schema& schema, Differences& found);

} // namespace ipscore::comparing
