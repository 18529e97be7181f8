// Verb `explain`: why an address, or a company, has the score that it has for one tag.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/scoring/company_scores.hpp"
#include "ipscore/scoring/explanation.hpp"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

struct ExplainArgs {
    std::filesystem::path scores;
    std::filesystem::path table; ///< that the scores were made from
    std::optional<Address> ip;   ///< this or `company`
    std::string company;
    std::string tag;
    std::size_t top =
        10; ///< keys and days whose absence is looked at, or addresses of the company; at least 1
};

/// The network that an address belongs to.
struct ExplainedNetwork {
    Network network;
    std::string company;
    Millionths confidence = 0;
    std::string type;
};

/// An observation with its key by name.
struct ExplainedObservation {
    std::string key;
    scoring::Contribution contribution;
};
struct ExplainedOutside {
    std::string key;
    Day day = 0;
    std::uint32_t hits = 0;
};

/// What the score would be without a key, or without a day.
struct Absence {
    std::string what;
    scoring::TagSums sums; ///< of all else
};

/// What a tag asks for, in the model that was used.
struct ExplainedRules {
    Day as_of = 0;
    int lookback_days = 0;
    std::optional<double> half_life_days;
    double half_saturation = 0; ///< of companies: with the ratio of the model in it
    int recent_days = 0;
    double min_score = 0;
    scoring::Confident confident;
};

struct AddressExplanation {
    Address ip;
    std::string tag;
    ExplainedRules rules;
    std::optional<ExplainedNetwork> network;
    bool excluded = false; ///< its network has an excluded type: nothing counts
    bool in_table = false; ///< there are observations of the address at all
    bool in_scores =
        false; ///< the scores have the row; otherwise it is below min_score, or there is no evidence
    scoring::TagSums sums;                           ///< of all contributions; the row, where there is one
    std::vector<ExplainedObservation> contributions; ///< the largest first; their raw adds up to sums.raw
    std::vector<ExplainedOutside> outside;           ///< observations of the tag's keys that do not count
    std::uint64_t other_observations = 0;            ///< of keys that are not classified to the tag
    std::uint64_t to_company_raw = 0;                ///< what its company gets of sums.raw
    std::vector<Absence> without_key;                ///< what would change the score most, the most first
    std::vector<Absence> without_day;
};

/// One address of a company.
struct ExplainedAddress {
    Address ip;
    Network network;
    Millionths confidence = 0;
    scoring::TagSums sums;
    std::uint64_t company_raw = 0; ///< floor(raw x confidence)
};

struct CompanyExplanation {
    std::string company;
    std::string tag;
    ExplainedRules rules;
    std::optional<scoring::CompanyRow> row; ///< nothing: the company has no evidence
    std::vector<ExplainedAddress>
        addresses; ///< that carry it, the one with the largest share first; at most `top`
    std::uint64_t addresses_left_out = 0;     ///< beyond `top`
    std::uint64_t addresses_left_out_raw = 0; ///< what those give, saturating
    std::uint64_t networks = 0;               ///< of the company
    std::uint64_t networks_excluded = 0;      ///< of an excluded type
};

/// Throws InputError when the table is not the one that the scores were made from, when there is no such tag
/// or company, and when table and scores do not give the same values.
[[nodiscard]] AddressExplanation explain_address(const ExplainArgs& args, const StopFlag& stop);
[[nodiscard]] CompanyExplanation explain_company(const ExplainArgs& args, const StopFlag& stop);

[[nodiscard]] std::string explain_text(const AddressExplanation& explanation);
[[nodiscard]] std::string explain_text(const CompanyExplanation& explanation);
[[nodiscard]] nlohmann::ordered_json explain_json(const AddressExplanation& explanation);
[[nodiscard]] nlohmann::ordered_json explain_json(const CompanyExplanation& explanation);

} // namespace ipscore::stages
