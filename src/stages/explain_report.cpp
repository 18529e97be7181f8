// What `explain` found, for people and for programs. docs/format.md names the fields of the latter.
#include "ipscore/core/decimal.hpp"
#include "ipscore/stages/explain.hpp"
#include "ipscore/stages/summary.hpp"
#include "text_table.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;
using scoring::Contribution;
using scoring::TagSums;

constexpr double decay_one = 65536;

std::string score_text(float score) {
    std::array<char, score_text_bytes_max> text{};
    return {text.data(), format_score(text.data(), score)};
}

std::string millionths_text(Millionths share) { return fmt::format("{}", share / 1e6); }

double share_of(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string rules_text(const ExplainedRules& rules) {
    return fmt::format("model    as of {}, look-back {} days, {}, half saturation {}, recent days {}\n",
                       date_text(rules.as_of), rules.lookback_days,
                       rules.half_life_days ? fmt::format("half-life {} days", *rules.half_life_days)
                                            : "no decay",
                       rules.half_saturation, rules.recent_days);
}

std::string sums_text(const TagSums& sums) {
    return fmt::format("{} hits of {} keys on {} days; raw {}", count_text(sums.hits), sums.keys,
                       sums.days.size(), sums.raw);
}

std::string network_text(const AddressExplanation& explanation) {
    if (!explanation.network) return "company  none: no network of the companies file holds the address\n";
    const ExplainedNetwork& network = *explanation.network;
    return fmt::format("company  {}, by its network {} with confidence {}{}{}\n", printable(network.company),
                       to_string(network.network), millionths_text(network.confidence),
                       network.type.empty() ? "" : fmt::format(", type {}", printable(network.type)),
                       explanation.excluded ? ": excluded, so that nothing counts" : "");
}

std::string verdict_text(const AddressExplanation& explanation) {
    const std::string who = fmt::format("{}, {}", to_string(explanation.ip), printable(explanation.tag));
    if (explanation.excluded) return who + ": no score, for the type of its network is excluded\n";
    if (!explanation.in_table) return who + ": no score, for the table has no observations of the address\n";
    if (explanation.contributions.empty()) return who + ": no score, for no observation counts\n";
    const TagSums& sums = explanation.sums;
    return fmt::format("{}: score {}, surge {}, {}{}\n", who, score_text(sums.score), score_text(sums.surge),
                       sums.confident ? "confident" : "not confident",
                       explanation.in_scores
                           ? ""
                           : fmt::format("; not written, for min_score is {}", explanation.rules.min_score));
}

std::string contributions_text(const AddressExplanation& explanation) {
    if (explanation.contributions.empty()) return {};
    TextTable table({"day", "age", "hits", "decay", "weight", "gives to raw", "share", "key"}, {0, 7});
    for (const ExplainedObservation& observation : explanation.contributions) {
        const Contribution& one = observation.contribution;
        table.add({date_text(one.day), fmt::format("{}", one.age), count_text(one.hits),
                   fmt::format("{}/65536", one.decay), millionths_text(one.weight),
                   fmt::format("{}", one.raw),
                   fmt::format("{:.1f} %", 100 * share_of(one.raw, explanation.sums.raw)),
                   printable(observation.key)});
    }
    return fmt::format("\nwhat counts: {}\n", sums_text(explanation.sums)) + table.text() +
           "  raw is the sum of hits x decay x weight in millionths; score is 100 raw / (raw + half "
           "saturation x 65536 x 10^6)\n";
}

std::string outside_text(const AddressExplanation& explanation) {
    std::string text;
    if (!explanation.outside.empty()) {
        TextTable table({"day", "hits", "why", "key"}, {0, 2, 3});
        for (const ExplainedOutside& outside : explanation.outside) {
            table.add({date_text(outside.day), count_text(outside.hits),
                       outside.day > explanation.rules.as_of ? "after as_of" : "before the look-back",
                       printable(outside.key)});
        }
        text += "\nobservations of the tag's keys that do not count\n" + table.text();
    }
    if (explanation.other_observations > 0)
        text += fmt::format("\n{} more observations are of keys without this tag\n",
                            count_text(explanation.other_observations));
    return text;
}

std::string absences_text(std::string_view what, const std::vector<Absence>& list, const TagSums& sums) {
    if (list.empty()) return {};
    TextTable table({"score", "less by", what.data()}, {2});
    for (const Absence& absence : list)
        table.add({score_text(absence.sums.score),
                   fmt::format("{:.4g}", static_cast<double>(sums.score) - absence.sums.score),
                   printable(absence.what)});
    return table.text();
}

std::string change_text(const AddressExplanation& explanation) {
    if (explanation.without_key.empty()) return {};
    return "\nwhat it hangs on: the score without\n" +
           absences_text("the key", explanation.without_key, explanation.sums) + "\n" +
           absences_text("the day", explanation.without_day, explanation.sums);
}

Json rules_json(const ExplainedRules& rules) {
    return {{"as_of", date_text(rules.as_of)},
            {"lookback_days", rules.lookback_days},
            {"half_life_days", rules.half_life_days ? Json(*rules.half_life_days) : Json()},
            {"half_saturation", rules.half_saturation},
            {"recent_days", rules.recent_days},
            {"min_score", rules.min_score},
            {"confident",
             {{"min_score", rules.confident.min_score},
              {"min_keys", rules.confident.min_keys},
              {"min_days", rules.confident.min_days}}}};
}

/// JSON has no infinity.
Json score_json(float score) { return std::isinf(score) ? Json("inf") : Json(score); }

Json sums_json(const TagSums& sums, Day as_of) {
    const auto day = [&](bool oldest) {
        return sums.days.empty()
                   ? Json()
                   : Json(date_text(as_of - (oldest ? sums.days.oldest() : sums.days.youngest())));
    };
    return {{"score", score_json(sums.score)},
            {"surge", score_json(sums.surge)},
            {"confident", sums.confident},
            {"hits", sums.hits},
            {"keys", sums.keys},
            {"days", sums.days.size()},
            {"first_day", day(true)},
            {"last_day", day(false)},
            {"raw", sums.raw},
            {"recent", sums.recent},
            {"base", sums.base}};
}

Json absences_json(const std::vector<Absence>& list) {
    Json json = Json::array();
    for (const Absence& absence : list)
        json.push_back({{"without", absence.what},
                        {"score", score_json(absence.sums.score)},
                        {"raw", absence.sums.raw}});
    return json;
}

} // namespace

std::string explain_text(const AddressExplanation& explanation) {
    return verdict_text(explanation) + "\n" + network_text(explanation) + rules_text(explanation.rules) +
           contributions_text(explanation) + outside_text(explanation) + change_text(explanation);
}

std::string explain_text(const CompanyExplanation& explanation) {
    std::string text = fmt::format("{}, {}: ", printable(explanation.company), printable(explanation.tag));
    if (explanation.row) {
        text += fmt::format("score {}, surge {}\n", score_text(explanation.row->score),
                            score_text(explanation.row->surge));
    } else {
        text += "no score, for no observation counts\n";
    }
    text += fmt::format("\ncompany  {} networks{}\n", explanation.networks,
                        explanation.networks_excluded == 0
                            ? ""
                            : fmt::format(", {} of them of an excluded type", explanation.networks_excluded));
    text += rules_text(explanation.rules);
    if (!explanation.row) return text;
    TextTable table({"raw", "confidence", "gives to raw", "share", "score", "hits", "days", "address"}, {7});
    for (const ExplainedAddress& address : explanation.addresses) {
        table.add({fmt::format("{}", address.sums.raw), millionths_text(address.confidence),
                   fmt::format("{}", address.company_raw),
                   fmt::format("{:.1f} %", 100 * share_of(address.company_raw, explanation.row->raw)),
                   score_text(address.sums.score), count_text(address.sums.hits),
                   fmt::format("{}", address.sums.days.size()),
                   fmt::format("{} ({})", to_string(address.ip), to_string(address.network))});
    }
    text += fmt::format("\nthe addresses that carry it: {} with {} hits on {} days; raw {}\n",
                        count_text(explanation.row->addresses), count_text(explanation.row->hits),
                        explanation.row->days, explanation.row->raw);
    text += table.text();
    if (explanation.addresses_left_out > 0) {
        text += fmt::format("  {} more give {}; --top shows more of them\n",
                            count_text(explanation.addresses_left_out), explanation.addresses_left_out_raw);
    }
    return text;
}

Json explain_json(const AddressExplanation& explanation) {
    Json contributions = Json::array();
    for (const ExplainedObservation& observation : explanation.contributions) {
        const Contribution& one = observation.contribution;
        contributions.push_back({{"key", observation.key},
                                 {"day", date_text(one.day)},
                                 {"age", one.age},
                                 {"hits", one.hits},
                                 {"decay", one.decay / decay_one},
                                 {"decay_65536ths", one.decay},
                                 {"weight_millionths", one.weight},
                                 {"raw", one.raw},
                                 {"share", share_of(one.raw, explanation.sums.raw)},
                                 {"recent", one.recent}});
    }
    Json outside = Json::array();
    for (const ExplainedOutside& one : explanation.outside)
        outside.push_back({{"key", one.key}, {"day", date_text(one.day)}, {"hits", one.hits}});
    Json network;
    if (explanation.network) {
        network = {{"network", to_string(explanation.network->network)},
                   {"company", explanation.network->company},
                   {"confidence_millionths", explanation.network->confidence},
                   {"type", explanation.network->type}};
    }
    return {{"ip", to_string(explanation.ip)},
            {"tag", explanation.tag},
            {"model", rules_json(explanation.rules)},
            {"network", network},
            {"excluded", explanation.excluded},
            {"in_table", explanation.in_table},
            {"in_scores", explanation.in_scores},
            {"sums", sums_json(explanation.sums, explanation.rules.as_of)},
            {"contributions", contributions},
            {"outside_lookback", outside},
            {"other_observations", explanation.other_observations},
            {"to_company_raw", explanation.to_company_raw},
            {"without_key", absences_json(explanation.without_key)},
            {"without_day", absences_json(explanation.without_day)}};
}

Json explain_json(const CompanyExplanation& explanation) {
    Json addresses = Json::array();
    for (const ExplainedAddress& address : explanation.addresses) {
        addresses.push_back({{"ip", to_string(address.ip)},
                             {"network", to_string(address.network)},
                             {"confidence_millionths", address.confidence},
                             {"sums", sums_json(address.sums, explanation.rules.as_of)},
                             {"company_raw", address.company_raw}});
    }
    Json row;
    if (explanation.row) {
        row = {{"score", score_json(explanation.row->score)},
               {"surge", score_json(explanation.row->surge)},
               {"addresses", explanation.row->addresses},
               {"hits", explanation.row->hits},
               {"days", explanation.row->days},
               {"raw", explanation.row->raw}};
    }
    return {{"company", explanation.company},
            {"tag", explanation.tag},
            {"model", rules_json(explanation.rules)},
            {"row", row},
            {"networks", explanation.networks},
            {"networks_excluded", explanation.networks_excluded},
            {"addresses", addresses},
            {"addresses_left_out", explanation.addresses_left_out},
            {"addresses_left_out_raw", explanation.addresses_left_out_raw}};
}

} // namespace ipscore::stages
