#include "ipscore/comparing/dimensions.hpp"

#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace ipscore::comparing {

namespace {

constexpr std::size_t band_below = 10;
constexpr std::size_t band_above = 11;
constexpr std::size_t band_nan = 12;

} // namespace

void OutcomesByNumber::add(const OutcomesByNumber& other) {
    for (std::size_t number = 0; number < other.counts_.size(); ++number) {
        if (other.counts_[number].all() > 0) (*this)[number].add(other.counts_[number]);
    }
}

DimensionColumns::DimensionColumns(const Schema& schema) {
    if (schema.key.empty()) return;
    address = schema.key.front().kind == KeyKind::address;
    key_day = schema.key.back().kind == KeyKind::day;
    std::size_t names = 0;
    for (const KeyColumn& column : schema.key) {
        if (column.kind != KeyKind::name) continue;
        if (column.name == "tag") tag_name = names;
        if (column.name == "company") company_name = names;
        ++names;
    }
    const auto value_of_kind = [&](std::string_view name, ValueKind kind) -> std::optional<std::size_t> {
        const auto column = schema.find_value(name);
        return column && schema.values[*column].kind == kind ? column : std::nullopt;
    };
    company_value = value_of_kind("company", ValueKind::name);
    first_day = value_of_kind("first_day", ValueKind::day);
    last_day = value_of_kind("last_day", ValueKind::day);
    score = value_of_kind("score", ValueKind::number);
}

std::size_t Dimensions::band_of(float score) noexcept {
    if (std::isnan(score)) return band_nan;
    if (score < 0) return band_below;
    if (score > 100) return band_above;
    const auto band = static_cast<std::size_t>(score / 10);
    return band < band_below ? band : band_below - 1; // 100 goes with the nineties
}

std::string Dimensions::band_text(std::size_t band) {
    if (band == band_below) return "below 0";
    if (band == band_above) return "above 100";
    if (band == band_nan) return "none";
    return fmt::format("{} to {}", 10 * band, 10 * (band + 1));
}

void Dimensions::add(const RowBlock& block, std::size_t row, Outcome outcome) {
    if (columns_.address) {
        go_to(address_of_key(block.key(row)));
        address_counts_.add(outcome);
    }
    const auto names = block.names(row);
    if (columns_.tag_name) tags_[names[*columns_.tag_name]].add(outcome);
    if (columns_.company_name) companies_[names[*columns_.company_name]].add(outcome);
    if (columns_.key_day) days_[day_number(day_of_key(block.key(row)))].add(outcome);
    const auto values = block.values(row);
    const std::uint64_t missing = block.missing(row);
    const auto value = [&](std::optional<std::size_t> column) -> const std::uint64_t* {
        return column && (missing >> *column & 1U) == 0 ? &values[*column] : nullptr;
    };
    if (const auto* company = value(columns_.company_value)) companies_[*company].add(outcome);
    if (const auto* day = value(columns_.first_day)) first_day(day_of(*day)).add(outcome);
    if (const auto* day = value(columns_.last_day)) last_day(day_of(*day)).add(outcome);
    if (const auto* score = value(columns_.score)) band(number_of(*score)).add(outcome);
}

void Dimensions::add(const EqualRows& rows, const std::vector<std::uint32_t>& tag_names) {
    go_to(rows.address);
    const std::size_t count = rows.tags.size();
    address_counts_.add(Outcome::equal, count);
    if (columns_.company_value) companies_[rows.company].add(Outcome::equal, count);
    for (const std::uint32_t tag : rows.tags) tags_[tag_names[tag]].add(Outcome::equal);
    if (columns_.first_day) {
        for (const Day day : rows.first_days) first_day(day).add(Outcome::equal);
    }
    if (columns_.last_day) {
        for (const Day day : rows.last_days) last_day(day).add(Outcome::equal);
    }
    if (columns_.score) {
        for (const float score : rows.scores) band(score).add(Outcome::equal);
    }
}

void Dimensions::go_to(Address address) {
    if (address == address_) return;
    flush_address();
    address_ = address;
}

void Dimensions::flush_address() {
    if (address_counts_.all() > 0) networks_.add(address_, address_counts_);
    address_counts_ = {};
}

void Dimensions::end_stretch() {
    flush_address();
    networks_.end_stretch();
}

void Dimensions::add(const Dimensions& other) {
    tags_.add(other.tags_);
    companies_.add(other.companies_);
    days_.add(other.days_);
    first_days_.add(other.first_days_);
    last_days_.add(other.last_days_);
    for (std::size_t i = 0; i < bands; ++i) bands_[i].add(other.bands_[i]);
    networks_.add(other.networks_);
}

std::vector<DimensionOutcomes> Dimensions::outcomes(const NameTable& names) const {
    std::vector<DimensionOutcomes> all;
    const auto add = [&](std::string dimension, const std::vector<OutcomeCounts>& counts, auto text_of) {
        DimensionOutcomes outcomes{std::move(dimension), {}};
        for (std::size_t i = 0; i < counts.size(); ++i) {
            if (counts[i].all() > 0) outcomes.values.push_back({text_of(i), counts[i]});
        }
        if (!outcomes.values.empty()) all.push_back(std::move(outcomes));
    };
    const auto name = [&](std::size_t number) { return names.text(static_cast<std::uint32_t>(number)); };
    const auto date = [](std::size_t number) {
        return date_text(static_cast<Day>(number) + first_valid_day);
    };
    add("tag", tags_.counts(), name);
    add("company", companies_.counts(), name);
    for (std::size_t level = 0; level < NetworkOutcomes::prefix_lengths.size(); ++level) {
        const bool ipv4 = level < 3;
        const int bits = NetworkOutcomes::prefix_lengths[level] - (ipv4 ? 96 : 0);
        DimensionOutcomes outcomes{fmt::format("{} /{}", ipv4 ? "IPv4" : "IPv6", bits), {}};
        for (const NetworkOutcomes::Entry& entry : networks_.networks(level))
            outcomes.values.push_back({to_string(entry.network), entry.counts});
        if (!outcomes.values.empty()) all.push_back(std::move(outcomes));
    }
    add("day", days_.counts(), date);
    add("first_day", first_days_.counts(), date);
    add("last_day", last_days_.counts(), date);
    add("score", {bands_.begin(), bands_.end()}, [](std::size_t band) { return band_text(band); });
    return all;
}

} // namespace ipscore::comparing
