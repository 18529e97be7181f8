// The outcomes of rows by everything that they may have in common: tag, company, network, days, score.
#pragma once

#include "ipscore/comparing/attribution.hpp"
#include "ipscore/comparing/name_table.hpp"
#include "ipscore/comparing/rows.hpp"
#include "ipscore/comparing/schema.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ipscore::comparing {

/// By a number from 0 on, of names or days.
class OutcomesByNumber {
public:
    OutcomeCounts& operator[](std::size_t number) {
        if (number >= counts_.size()) counts_.resize(number + 1 + counts_.size() / 2);
        return counts_[number];
    }
    void add(const OutcomesByNumber& other);
    [[nodiscard]] const std::vector<OutcomeCounts>& counts() const noexcept { return counts_; }

private:
    std::vector<OutcomeCounts> counts_;
};

/// Where a schema keeps what has a dimension. Nothing where it has no such column.
struct DimensionColumns {
    explicit DimensionColumns(const Schema& schema);

    bool address = false;                     ///< the key begins with it
    bool key_day = false;                     ///< the key ends with it
    std::optional<std::size_t> tag_name;      ///< among the names of the key
    std::optional<std::size_t> company_name;  ///< among the names of the key
    std::optional<std::size_t> company_value; ///< among the values, as the next ones
    std::optional<std::size_t> first_day;
    std::optional<std::size_t> last_day;
    std::optional<std::size_t> score;
};

/// Rows of one address that are equal on both sides, as columns of equal length. What the schema does not
/// compare may be empty.
struct EqualRows {
    Address address;
    std::uint32_t company = 0;           ///< number of its name
    std::span<const std::uint32_t> tags; ///< ids
    std::span<const float> scores;
    std::span<const Day> first_days; ///< valid ones
    std::span<const Day> last_days;
};

/// Counts of one thread.
class Dimensions {
public:
    explicit Dimensions(const Schema& schema) : columns_(schema) {}

    /// A row that has that outcome. Keys rise within a stretch.
    void add(const RowBlock& block, std::size_t row, Outcome outcome);
    /// Many rows at a time; `tag_names`: by id.
    void add(const EqualRows& rows, const std::vector<std::uint32_t>& tag_names);
    void end_stretch();
    void add(const Dimensions& other);

    /// All counts but those of the companies, as plain data and back.
    [[nodiscard]] nlohmann::json json() const;
    void add(const nlohmann::json& json);
    [[nodiscard]] OutcomesByNumber& companies() noexcept { return companies_; }
    [[nodiscard]] const OutcomesByNumber& companies() const noexcept { return companies_; }

    /// With the names of values. Values without rows are left out.
    [[nodiscard]] std::vector<DimensionOutcomes> outcomes(const NameTable& names) const;

    /// "10 to 20" and the like.
    static constexpr std::size_t bands = 13;
    [[nodiscard]] static std::string band_text(std::size_t band);

private:
    [[nodiscard]] OutcomeCounts& first_day(Day day) { return first_days_[day_number(day)]; }
    [[nodiscard]] OutcomeCounts& last_day(Day day) { return last_days_[day_number(day)]; }
    [[nodiscard]] OutcomeCounts& band(float score) noexcept { return bands_[band_of(score)]; }
    [[nodiscard]] static std::size_t band_of(float score) noexcept;
    [[nodiscard]] static std::size_t day_number(Day day) noexcept {
        return static_cast<std::size_t>(day - first_valid_day);
    }
    void go_to(Address address);
    void flush_address();

    DimensionColumns columns_;
    OutcomesByNumber tags_;
    OutcomesByNumber companies_;
    OutcomesByNumber days_;
    OutcomesByNumber first_days_;
    OutcomesByNumber last_days_;
    std::array<OutcomeCounts, bands> bands_{};
    NetworkOutcomes networks_;
    Address address_;              ///< whose rows address_counts_ has
    OutcomeCounts address_counts_; ///< not yet in networks_
};

} // namespace ipscore::comparing
