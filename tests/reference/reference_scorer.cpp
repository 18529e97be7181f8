#include "reference_scorer.hpp"

#include "reference_inputs.hpp"
#include "reference_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ipscore::reference {

namespace {

/// What speaks for one (address, tag), in exact sums.
struct Evidence {
    std::set<std::string> keys;
    std::set<Day> days;
    Uint128 hits = 0;
    Uint128 raw = 0;
    Uint128 recent = 0;
    Uint128 base = 0;
};

/// What speaks for one (company, tag): sums of the addresses' saturated values.
struct CompanyEvidence {
    std::set<Address> addresses;
    std::set<Day> days;
    Uint128 hits = 0;
    Uint128 raw = 0;
    Uint128 recent = 0;
    Uint128 base = 0;
};

/// Every sum is of non-negative integers, so clamping the exact one is the same as saturating on the way.
std::uint64_t saturated(Uint128 sum) {
    constexpr Uint128 largest = std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(std::min(sum, largest));
}

std::uint32_t saturated_hits(Uint128 sum) {
    constexpr Uint128 largest = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(sum, largest));
}

std::uint64_t decay(int age, const std::optional<double>& half_life_days) {
    if (!half_life_days) return 65536;
    return static_cast<std::uint64_t>(std::floor(65536.0 * std::exp2(-age / *half_life_days) + 0.5));
}

float score_of(std::uint64_t raw, double half_saturation) {
    const double r = static_cast<double>(raw);
    const double k = (half_saturation * 65536.0) * 1e6;
    return static_cast<float>((100.0 * r) / (r + k));
}

float surge_of(std::uint64_t recent, std::uint64_t base, int recent_days, int lookback_days) {
    if (base == 0) return std::numeric_limits<float>::infinity();
    const double recent_per_day = static_cast<double>(recent) / recent_days;
    const double base_per_day = static_cast<double>(base) / (lookback_days - recent_days);
    return static_cast<float>(recent_per_day / base_per_day);
}

/// The longest prefix that holds the address, or none.
const CompanyNetwork* find_network(const std::vector<CompanyNetwork>& networks, const Address& address) {
    const CompanyNetwork* longest = nullptr;
    for (const CompanyNetwork& candidate : networks) {
        if (!contains(candidate.network, address)) continue;
        if (!longest || candidate.network.prefix_bits > longest->network.prefix_bits) longest = &candidate;
    }
    return longest;
}

/// Ages 0 to lookback_days - 1 count; a day after `as_of` has a negative age.
int age_days(const Model& model, Day day) { return static_cast<int>((model.as_of - day).count()); }

bool counts(int age, int lookback_days) { return age >= 0 && age < lookback_days; }

std::string observations_text(const Observations& observations, const Model& model) {
    std::string text = "ip,day,key,hits\n";
    for (const auto& [observation, hits] : observations) {
        const auto& [address, key, day] = observation;
        if (!counts(age_days(model, day), model.rules.lookback_days)) continue;
        text += format_address(address) + ',' + format_day(day) + ',' + csv_field(key) + ',' +
                std::to_string(saturated_hits(hits)) + '\n';
    }
    return text;
}

} // namespace

Outputs score(const Inputs& inputs) {
    const Model model = read_model(inputs.model_toml, inputs.as_of);
    const Classification classification = read_classification(inputs.classification_csv);
    const std::vector<CompanyNetwork> networks = read_companies(inputs.companies_csv);
    Outputs outputs;
    Observations observations;
    for (const std::string& csv : inputs.observations_csv) {
        outputs.bad_rows += add_observations(csv, observations);
    }
    outputs.observations_csv = observations_text(observations, model);

    std::map<std::pair<Address, std::string>, Evidence> evidence;
    for (const auto& [observation, exact_hits] : observations) {
        const auto& [address, key, day] = observation;
        const CompanyNetwork* network = find_network(networks, address);
        if (network && model.exclude_types.contains(network->type)) continue;
        const auto classified = classification.find(key);
        if (classified == classification.end()) continue;
        for (const auto& [tag, weight_millionths] : classified->second) {
            const TagRules& rules = model.rules_of(tag);
            const int age = age_days(model, day);
            if (!counts(age, rules.lookback_days)) continue;
            const Uint128 hits = saturated_hits(exact_hits);
            Evidence& found = evidence[{address, tag}];
            found.keys.insert(key);
            found.days.insert(day);
            found.hits += hits;
            found.raw += hits * decay(age, rules.half_life_days) * weight_millionths;
            (age < model.recent_days ? found.recent : found.base) += hits * weight_millionths;
        }
    }

    outputs.scores_csv = "ip,company,tag,score,surge,confident,hits,keys,days,first_day,last_day,raw\n";
    std::map<std::pair<std::string, std::string>, CompanyEvidence> company_evidence;
    for (const auto& [who, found] : evidence) {
        const auto& [address, tag] = who;
        const TagRules& rules = model.rules_of(tag);
        const CompanyNetwork* network = find_network(networks, address);
        const std::uint64_t raw = saturated(found.raw);
        const std::uint64_t recent = saturated(found.recent);
        const std::uint64_t base = saturated(found.base);
        if (network) {
            CompanyEvidence& company = company_evidence[{network->company, tag}];
            company.addresses.insert(address);
            company.days.insert(found.days.begin(), found.days.end());
            company.hits += saturated(found.hits);
            company.raw += Uint128{raw} * network->confidence_millionths / 1'000'000;
            company.recent += recent;
            company.base += base;
        }
        const float score = score_of(raw, rules.half_saturation);
        if (!(score >= model.min_score)) continue;
        const bool confident = score >= model.confident_min_score &&
                               found.keys.size() >= model.confident_min_keys &&
                               found.days.size() >= model.confident_min_days;
        const float surge = surge_of(recent, base, model.recent_days, rules.lookback_days);
        outputs.scores_csv += format_address(address) + ',' + (network ? csv_field(network->company) : "") +
                              ',' + csv_field(tag) + ',' + format_f32(score) + ',' + format_f32(surge) + ',' +
                              (confident ? "1" : "0") + ',' + std::to_string(saturated(found.hits)) + ',' +
                              std::to_string(found.keys.size()) + ',' + std::to_string(found.days.size()) +
                              ',' + format_day(*found.days.begin()) + ',' + format_day(*found.days.rbegin()) +
                              ',' + std::to_string(raw) + '\n';
    }

    outputs.companies_csv = "company,tag,score,surge,addresses,hits,days,raw\n";
    for (const auto& [who, found] : company_evidence) {
        const auto& [company, tag] = who;
        const TagRules& rules = model.rules_of(tag);
        const std::uint64_t raw = saturated(found.raw);
        const double half_saturation =
            (rules.half_saturation * model.company_half_saturation) / model.rules.half_saturation;
        const float surge =
            surge_of(saturated(found.recent), saturated(found.base), model.recent_days, rules.lookback_days);
        outputs.companies_csv += csv_field(company) + ',' + csv_field(tag) + ',' +
                                 format_f32(score_of(raw, half_saturation)) + ',' + format_f32(surge) + ',' +
                                 std::to_string(found.addresses.size()) + ',' +
                                 std::to_string(saturated(found.hits)) + ',' +
                                 std::to_string(found.days.size()) + ',' + std::to_string(raw) + '\n';
    }
    return outputs;
}

} // namespace ipscore::reference
