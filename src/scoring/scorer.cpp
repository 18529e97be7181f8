#include "ipscore/scoring/scorer.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/scoring/formula.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace ipscore::scoring {

namespace {

void insert(std::vector<std::uint64_t>& set, std::uint32_t id) noexcept {
    set[id / 64] |= std::uint64_t{1} << (id % 64);
}

/// Calls visit(id) for every member in rising order, and empties the set.
template <class Visit>
void drain(std::vector<std::uint64_t>& set, Visit visit) {
    for (std::size_t word = 0; word < set.size(); ++word) {
        for (std::uint64_t bits = set[word]; bits != 0; bits &= bits - 1) {
            visit(static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
        }
        set[word] = 0;
    }
}

// Evidence that company after company leaves behind is merged when it has grown this much since the last
// time, so that a part whose networks alternate between a few companies stays small.
constexpr std::size_t merge_flushed_at = 1U << 16U;

} // namespace

void CompanyEvidence::add(const CompanyEvidence& other) noexcept {
    addresses = add_saturating(addresses, other.addresses);
    hits = add_saturating(hits, other.hits);
    days |= other.days;
    raw = add_saturating(raw, other.raw);
    recent = add_saturating(recent, other.recent);
    base = add_saturating(base, other.base);
}

ScoreCounts& ScoreCounts::operator+=(const ScoreCounts& other) noexcept {
    observations += other.observations;
    excluded += other.excluded;
    outside_lookback += other.outside_lookback;
    unclassified += other.unclassified;
    classified += other.classified;
    addresses += other.addresses;
    addresses_excluded += other.addresses_excluded;
    addresses_with_rows += other.addresses_with_rows;
    rows += other.rows;
    rows_below_min_score += other.rows_below_min_score;
    return *this;
}

void sort_and_merge(std::vector<CompanyEvidence>& evidence) {
    std::ranges::sort(evidence, comes_before);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < evidence.size(); ++i) {
        if (kept > 0 && same_row(evidence[kept - 1], evidence[i])) {
            evidence[kept - 1].add(evidence[i]);
        } else {
            evidence[kept++] = evidence[i];
        }
    }
    evidence.resize(kept);
}

Scorer::Scorer(const ScoringInputs& inputs, std::size_t batch_rows, std::size_t evidence_rows_max)
    : inputs_(&inputs),
      batch_rows_(batch_rows),
      evidence_rows_max_(evidence_rows_max),
      sweep_(inputs.networks),
      evidence_(inputs.rules.tags.size()),
      touched_((inputs.rules.tags.size() + 63) / 64),
      run_(inputs.rules.profiles.size()),
      company_evidence_(inputs.rules.tags.size()),
      company_touched_(touched_.size()) {
    for (const Profile& profile : inputs.rules.profiles) {
        profile_ages_.push_back(AgeSet::below(profile.lookback_days));
    }
    const std::size_t room = batch_rows + inputs.rules.tags.size();
    batch_.tag.resize(room);
    batch_.score.resize(room);
    batch_.surge.resize(room);
    batch_.confident.resize(room);
    batch_.hits.resize(room);
    batch_.keys.resize(room);
    batch_.days.resize(room);
    batch_.first_day.resize(room);
    batch_.last_day.resize(room);
    batch_.raw.resize(room);
}

void Scorer::clear_batch() noexcept {
    batch_.address.clear();
    batch_.company.clear();
    batch_.tag_rows.clear();
    batch_.rows = 0;
}

void Scorer::begin_address(Address address) {
    assert(!wants_drain());
    address_ = address;
    membership_ = sweep_.at(address);
    ++counts_.addresses;
    if (membership_.excluded) ++counts_.addresses_excluded;
}

void Scorer::rows(std::span<const std::uint32_t> key, std::span<const std::uint16_t> day,
                  std::span<const std::uint32_t> hits) {
    counts_.observations += key.size();
    if (membership_.excluded) {
        counts_.excluded += key.size();
        return;
    }
    const TagRules& rules = inputs_->rules;
    const auto lookback_days = static_cast<unsigned>(rules.lookback_days);
    const auto recent_ages = static_cast<unsigned>(rules.recent_ages);
    const std::size_t profiles = run_.size();
    std::uint64_t outside = 0;
    std::uint64_t classified = 0;
    for (std::size_t i = 0; i < key.size();) {
        if (!run_open_ || key[i] != run_key_) {
            close_run();
            open_run(key[i]);
        }
        const bool has_tags = !run_postings_.empty();
        for (; i < key.size() && key[i] == run_key_; ++i) {
            // Days after as_of give a negative age, which is a huge one here.
            const auto age = static_cast<unsigned>(rules.as_of - static_cast<Day>(day[i]));
            if (age >= lookback_days) {
                ++outside;
                continue;
            }
            if (!has_tags) continue;
            ++classified;
            run_ages_.insert(age);
            run_recent_hits_ += age < recent_ages ? hits[i] : 0;
            for (std::size_t p = 0; p < profiles; ++p) {
                const Profile& profile = rules.profiles[p];
                run_[p].decayed_hits += std::uint64_t{hits[i]} * profile.decay[age];
                run_[p].hits += age < static_cast<unsigned>(profile.lookback_days) ? hits[i] : 0;
            }
        }
    }
    counts_.outside_lookback += outside;
    counts_.classified += classified;
    counts_.unclassified += key.size() - outside - classified;
}

void Scorer::open_run(std::uint32_t key) noexcept {
    run_open_ = true;
    run_key_ = key;
    run_postings_ = inputs_->postings.of(key);
    std::ranges::fill(run_, RunFold{});
    run_ages_ = {};
    run_recent_hits_ = 0;
}

void Scorer::close_run() noexcept {
    if (!run_open_) return;
    run_open_ = false;
    if (run_ages_.empty()) return;
    for (const Posting& posting : run_postings_) {
        const std::uint32_t profile = inputs_->rules.tags[posting.tag].profile;
        const RunFold& fold = run_[profile];
        if (fold.hits == 0) continue; // all before this tag's own look-back
        TagEvidence& evidence = evidence_[posting.tag];
        insert(touched_, posting.tag);
        evidence.raw = add_saturating(evidence.raw,
                                      multiply_saturating(fold.decayed_hits, std::uint64_t{posting.weight}));
        evidence.hits = add_saturating(evidence.hits, fold.hits);
        // hits < 2^39 and weight < 2^20: these products cannot overflow.
        evidence.recent = add_saturating(evidence.recent, run_recent_hits_ * posting.weight);
        evidence.base = add_saturating(evidence.base, (fold.hits - run_recent_hits_) * posting.weight);
        evidence.days |= run_ages_ & profile_ages_[profile];
        ++evidence.keys;
    }
}

void Scorer::end_address() {
    close_run();
    const std::size_t rows_before = batch_.rows;
    const bool has_company = membership_.company != no_company;
    if (has_company && membership_.company != company_) {
        flush_company();
        company_ = membership_.company;
    }
    drain(touched_, [&](std::uint32_t tag) {
        TagEvidence& evidence = evidence_[tag];
        emit_row(tag, evidence);
        if (has_company) add_to_company(tag, evidence);
        evidence = {};
    });
    const std::size_t tag_rows = batch_.rows - rows_before;
    if (tag_rows == 0) return;
    batch_.address.push_back(address_);
    batch_.company.push_back(membership_.company);
    batch_.tag_rows.push_back(static_cast<std::uint32_t>(tag_rows));
    ++counts_.addresses_with_rows;
    counts_.rows += tag_rows;
}

void Scorer::emit_row(std::uint32_t tag, const TagEvidence& evidence) noexcept {
    const TagRules& rules = inputs_->rules;
    const TagRule& rule = rules.tags[tag];
    const float score = score_of(evidence.raw, rule.saturation_raw);
    if (score < rules.min_score) {
        ++counts_.rows_below_min_score;
        return;
    }
    const auto days = static_cast<std::uint8_t>(evidence.days.size());
    const std::size_t row = batch_.rows++;
    batch_.tag[row] = tag;
    batch_.score[row] = score;
    batch_.surge[row] = surge_of(evidence.recent, evidence.base, rules.recent_days, rule.base_days);
    batch_.confident[row] = score >= rules.confident_min_score && evidence.keys >= rules.confident_min_keys &&
                            days >= rules.confident_min_days;
    batch_.hits[row] = evidence.hits;
    batch_.keys[row] = evidence.keys;
    batch_.days[row] = days;
    batch_.first_day[row] = rules.as_of - evidence.days.oldest();
    batch_.last_day[row] = rules.as_of - evidence.days.youngest();
    batch_.raw[row] = evidence.raw;
}

void Scorer::add_to_company(std::uint32_t tag, const TagEvidence& evidence) noexcept {
    insert(company_touched_, tag);
    company_evidence_[tag].add({.company = company_,
                                .tag = tag,
                                .addresses = 1,
                                .hits = evidence.hits,
                                .days = evidence.days,
                                .raw = weigh_by_confidence(evidence.raw, membership_.confidence),
                                .recent = evidence.recent,
                                .base = evidence.base});
}

void Scorer::flush_company() {
    // Once, for growing would hold it twice for a moment; what is not used is never touched.
    if (flushed_.capacity() == 0) flushed_.reserve(evidence_rows_max_ + company_evidence_.size());
    drain(company_touched_, [&](std::uint32_t tag) {
        CompanyEvidence& evidence = company_evidence_[tag];
        evidence.company = company_;
        evidence.tag = tag;
        flushed_.push_back(evidence);
        evidence = {};
    });
    const bool full = flushed_.size() >= evidence_rows_max_;
    if (full || flushed_.size() - flushed_sorted_ >= std::max(merge_flushed_at, flushed_sorted_)) {
        sort_and_merge(flushed_);
        flushed_sorted_ = flushed_.size();
        evidence_full_ = full && flushed_sorted_ > evidence_rows_max_ / 2;
    }
}

std::vector<CompanyEvidence> Scorer::take_company_evidence() {
    flush_company();
    sort_and_merge(flushed_);
    flushed_sorted_ = 0;
    evidence_full_ = false;
    return std::exchange(flushed_, {});
}

} // namespace ipscore::scoring
