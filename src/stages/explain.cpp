#include "ipscore/stages/explain.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/saturating.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/scoring/formula.hpp"
#include "look_for_stop.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <map>

namespace ipscore::stages {

namespace {

using scoring::Contribution;
using scoring::TagExplanation;
using scoring::TagSums;

/// The table whose hash is in the job of the scores: any other would explain other values.
std::string table_of_job(const std::filesystem::path& scores) {
    const auto path = scores / io::format::job_name;
    const auto job = nlohmann::ordered_json::parse(io::read_file(path), nullptr, false);
    if (job.is_object() && job.contains("identity") && job.at("identity").contains("table") &&
        job.at("identity").at("table").is_string())
        return job.at("identity").at("table");
    throw InputError(path.string() + ": damaged: it does not name the table");
}

struct AddressRange {
    Address first;
    Address last;
};

/// Scores with their table, as far as they are needed for one tag.
class Results {
public:
    explicit Results(const ExplainArgs& args)
        : args_(args), index_(io::read_scores_index(args.scores)), table_(io::read_table_index(args.table)) {
        is_its_table_ = table_.content_hash == table_of_job(args.scores);
        inputs_ = io::read_scoring_inputs(args.scores, index_);
        if (inputs_.postings.keys() != table_.dictionary.size()) {
            if (!is_its_table_) refuse_table();
            throw InputError(fmt::format("{}: damaged: it has not as many keys as {}", args.scores.string(),
                                         args.table.string()));
        }
        inputs_.networks = scoring::NetworkMap(index_.companies, index_.model.exclude_types);
        const auto tag = index_.tags.find_sorted(args.tag);
        if (!tag) {
            throw InputError(fmt::format("{}: there is no tag {}; ipscore inspect lists what there is",
                                         args.scores.string(), io::quoted_for_message(args.tag)));
        }
        tag_ = static_cast<std::uint32_t>(*tag);
    }

    [[nodiscard]] const io::ScoresIndex& index() const noexcept { return index_; }
    [[nodiscard]] const scoring::ScoringInputs& inputs() const noexcept { return inputs_; }
    [[nodiscard]] std::uint32_t tag() const noexcept { return tag_; }
    [[nodiscard]] std::string key(std::uint32_t key) const { return std::string(table_.dictionary[key]); }

    [[nodiscard]] ExplainedRules rules() const {
        const scoring::Profile& profile = inputs_.rules.profiles[inputs_.rules.tags[tag_].profile];
        const scoring::Model& model = index_.model;
        const auto own = model.tags.find(args_.tag);
        const bool has_own = own != model.tags.end() && own->second.half_saturation;
        return {.as_of = model.as_of,
                .lookback_days = profile.lookback_days,
                .half_life_days = profile.half_life_days,
                .half_saturation = has_own ? *own->second.half_saturation : model.half_saturation,
                .recent_days = model.recent_days,
                .min_score = model.min_score,
                .confident = model.confident};
    }

    /// The range of addresses with one longest prefix.
    [[nodiscard]] const scoring::NetworkMap::Range& range_of(Address address) const {
        const auto& ranges = inputs_.networks.ranges();
        return *(std::ranges::upper_bound(ranges, address, {}, &scoring::NetworkMap::Range::first) - 1);
    }

    /// Calls `see` with the reader at each address of the ranges, which are sorted and disjoint, and the
    /// number of its range. Parts without such addresses stay closed.
    void for_addresses(const std::vector<AddressRange>& ranges, const StopFlag& stop,
                       const std::function<void(io::SortedRowsReader&, std::size_t)>& see) const {
        for (std::size_t part = 0; part < table_.parts.size(); ++part) {
            const io::PartRecord& record = table_.parts[part];
            auto range = std::ranges::lower_bound(ranges, record.first_address, {}, &AddressRange::last);
            if (record.addresses == 0 || range == ranges.end() || record.last_address < range->first)
                continue;
            const io::H5File file = io::open_listed_part(args_.table, io::format::table_part, part, record);
            io::SortedRowsReader reader(file, table_.dictionary.size());
            while (reader.next_address()) {
                look_for_stop(stop);
                while (range != ranges.end() && range->last < reader.address()) ++range;
                if (range == ranges.end()) break;
                if (range->first <= reader.address())
                    see(reader, static_cast<std::size_t>(range - ranges.begin()));
            }
        }
    }

    [[nodiscard]] TagExplanation explain(io::SortedRowsReader& reader) const {
        TagExplanation explanation(inputs_, tag_);
        for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows())
            explanation.rows(rows.key, rows.day, rows.hits);
        return explanation;
    }

    /// The row of an address, as the scores have it.
    struct Row {
        float score = 0;
        std::uint64_t raw = 0;
    };
    [[nodiscard]] std::optional<Row> row_of(Address address) const {
        for (std::size_t part = 0; part < index_.parts.size(); ++part) {
            const io::PartRecord& record = index_.parts[part];
            if (record.addresses == 0 || address < record.first_address || record.last_address < address)
                continue;
            const auto path =
                io::open_listed_part(args_.scores, io::format::scores_part, part, record).path();
            io::ScoresPartReader reader(path);
            while (reader.next_address() && reader.address() <= address) {
                if (reader.address() != address) continue;
                for (auto rows = reader.next_rows(); rows.size() > 0; rows = reader.next_rows()) {
                    for (std::size_t i = 0; i < rows.size(); ++i) {
                        if (rows.tag[i] == tag_) return Row{rows.score[i], rows.raw[i]};
                    }
                }
            }
        }
        return std::nullopt;
    }

    /// What the table gives is to be what the scores have. A table from which addresses were forgotten has
    /// another hash, and explains all other ones as well as before: it is known by a row that agrees.
    void check(bool has_row, bool agrees, const std::string& about) const {
        if (!is_its_table_ && !(has_row && agrees)) refuse_table();
        if (agrees) return;
        throw InputError(fmt::format("{}: damaged: {} has other values than {} gives", args_.scores.string(),
                                     about, args_.table.string()));
    }

private:
    [[noreturn]] void refuse_table() const {
        throw InputError(fmt::format("{}: is not the table that {} was made from; prepare that one again, or "
                                     "score this one",
                                     args_.table.string(), args_.scores.string()));
    }

    const ExplainArgs& args_;
    io::ScoresIndex index_;
    io::TableIndex table_;
    scoring::ScoringInputs inputs_;
    bool is_its_table_ = false; ///< by its hash
    std::uint32_t tag_ = 0;
};

/// What the score would be without each group of contributions, the largest change first.
template <class GroupOf>
std::vector<Absence> absences(const std::vector<Contribution>& contributions, const Results& results,
                              std::size_t top, GroupOf group_of) {
    // By what the groups give, so that only those at the top have to be left out for a try.
    std::map<std::string, std::uint64_t> raw_of;
    for (const Contribution& contribution : contributions) {
        std::uint64_t& raw = raw_of[group_of(contribution)];
        raw = add_saturating(raw, contribution.raw);
    }
    std::vector<std::pair<std::string, std::uint64_t>> groups(raw_of.begin(), raw_of.end());
    std::ranges::stable_sort(groups, [](const auto& a, const auto& b) { return a.second > b.second; });
    groups.resize(std::min(groups.size(), top));
    std::vector<Absence> list;
    for (const auto& group : groups) {
        std::vector<Contribution> others;
        std::ranges::copy_if(
            contributions, std::back_inserter(others),
            [&](const Contribution& contribution) { return group_of(contribution) != group.first; });
        list.push_back({group.first, scoring::sum_up(others, results.inputs().rules, results.tag())});
    }
    return list;
}

std::optional<ExplainedNetwork> network_of(const Results& results, const scoring::NetworkMap::Range& range) {
    if (range.network == scoring::no_network) return std::nullopt;
    const scoring::Companies& companies = results.index().companies;
    const scoring::CompanyNetwork& network = companies.networks[range.network];
    return ExplainedNetwork{network.network, std::string(companies.names[network.company]),
                            network.confidence, network.type};
}

} // namespace

AddressExplanation explain_address(const ExplainArgs& args, const StopFlag& stop) {
    const Results results(args);
    AddressExplanation explanation;
    explanation.ip = *args.ip;
    explanation.tag = args.tag;
    explanation.rules = results.rules();
    const auto& range = results.range_of(*args.ip);
    explanation.network = network_of(results, range);
    explanation.excluded = range.membership.excluded;
    TagExplanation found(results.inputs(), results.tag());
    results.for_addresses({{*args.ip, *args.ip}}, stop,
                          [&](io::SortedRowsReader& reader, std::size_t /*range*/) {
                              explanation.in_table = true;
                              found = results.explain(reader);
                          });
    explanation.sums = found.sums();
    for (const Contribution& contribution : found.contributions())
        explanation.contributions.push_back({results.key(contribution.key), contribution});
    std::ranges::stable_sort(explanation.contributions, [](const auto& a, const auto& b) {
        return a.contribution.raw > b.contribution.raw;
    });
    for (const auto& outside : found.outside())
        explanation.outside.push_back({results.key(outside.key), outside.day, outside.hits});
    explanation.other_observations = found.other_observations();
    if (explanation.network && !explanation.excluded)
        explanation.to_company_raw =
            scoring::weigh_by_confidence(explanation.sums.raw, explanation.network->confidence);
    explanation.without_key =
        absences(found.contributions(), results, args.top,
                 [&](const Contribution& contribution) { return results.key(contribution.key); });
    explanation.without_day =
        absences(found.contributions(), results, args.top,
                 [](const Contribution& contribution) { return date_text(contribution.day); });

    const auto row = results.row_of(*args.ip);
    explanation.in_scores = row.has_value();
    const bool has_row = !explanation.excluded && !explanation.contributions.empty() &&
                         explanation.sums.score >= results.inputs().rules.min_score;
    const bool agrees = has_row == row.has_value() &&
                        (!row || (row->score == explanation.sums.score && row->raw == explanation.sums.raw));
    results.check(row.has_value(), agrees,
                  fmt::format("the row of {} and {}", to_string(*args.ip), io::quoted_for_message(args.tag)));
    return explanation;
}

CompanyExplanation explain_company(const ExplainArgs& args, const StopFlag& stop) {
    const Results results(args);
    const scoring::Companies& companies = results.index().companies;
    const auto company = companies.names.find_sorted(args.company);
    if (!company) {
        throw InputError(fmt::format("{}: there is no company {}", args.scores.string(),
                                     io::quoted_for_message(args.company)));
    }
    CompanyExplanation explanation;
    explanation.company = args.company;
    explanation.tag = args.tag;
    explanation.rules = results.rules();
    explanation.rules.half_saturation = explanation.rules.half_saturation *
                                        results.index().model.company_half_saturation /
                                        results.index().model.half_saturation;
    for (const scoring::CompanyNetwork& network : companies.networks) {
        if (network.company != *company) continue;
        ++explanation.networks;
        if (std::ranges::find(results.index().model.exclude_types, network.type) !=
            results.index().model.exclude_types.end())
            ++explanation.networks_excluded;
    }
    scoring::CompanyEvidence evidence;
    evidence.company = static_cast<std::uint32_t>(*company);
    evidence.tag = results.tag();
    const auto largest_first = [](const ExplainedAddress& a, const ExplainedAddress& b) {
        return a.company_raw != b.company_raw ? a.company_raw > b.company_raw : a.ip < b.ip;
    };
    const auto see = [&](io::SortedRowsReader& reader, const scoring::NetworkMap::Range& range) {
        const TagExplanation found = results.explain(reader);
        if (found.contributions().empty()) return;
        ExplainedAddress address{.ip = reader.address(),
                                 .network = companies.networks[range.network].network,
                                 .confidence = range.membership.confidence,
                                 .sums = found.sums()};
        address.company_raw = scoring::weigh_by_confidence(address.sums.raw, address.confidence);
        evidence.add({.company = evidence.company,
                      .tag = evidence.tag,
                      .addresses = 1,
                      .hits = address.sums.hits,
                      .days = address.sums.days,
                      .raw = address.company_raw,
                      .recent = address.sums.recent,
                      .base = address.sums.base});
        auto& list = explanation.addresses;
        list.insert(std::ranges::upper_bound(list, address, largest_first), address);
        if (list.size() > args.top) {
            ++explanation.addresses_left_out;
            explanation.addresses_left_out_raw =
                add_saturating(explanation.addresses_left_out_raw, list.back().company_raw);
            list.pop_back();
        }
    };
    const auto& ranges = results.inputs().networks.ranges();
    std::vector<AddressRange> own;
    std::vector<const scoring::NetworkMap::Range*> range_of_own;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (ranges[i].membership.company != *company || ranges[i].membership.excluded) continue;
        const bool is_last = i + 1 == ranges.size();
        own.push_back({ranges[i].first, is_last ? highest_address : address_before(ranges[i + 1].first)});
        range_of_own.push_back(&ranges[i]);
    }
    results.for_addresses(own, stop, [&](io::SortedRowsReader& reader, std::size_t range) {
        see(reader, *range_of_own[range]);
    });

    const auto row = std::ranges::find_if(results.index().company_rows, [&](const scoring::CompanyRow& one) {
        return one.company == *company && one.tag == results.tag();
    });
    if (row != results.index().company_rows.end()) explanation.row = *row;
    const scoring::CompanyRow sums = scoring::company_row(evidence, results.inputs().rules);
    const bool agrees = explanation.row
                            ? explanation.row->raw == sums.raw && explanation.row->score == sums.score &&
                                  explanation.row->addresses == sums.addresses &&
                                  explanation.row->hits == sums.hits
                            : evidence.addresses == 0;
    results.check(explanation.row.has_value(), agrees,
                  fmt::format("the row of company {} and {}", io::quoted_for_message(args.company),
                              io::quoted_for_message(args.tag)));
    return explanation;
}

} // namespace ipscore::stages
