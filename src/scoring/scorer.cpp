#include "ipscore/scoring/scorer.hpp"

#include "ipscore/core/saturating.hpp"
#include "ipscore/scoring/formula.hpp"
#include "row_columns.hpp"

#include <algorithm>
#include <cassert>

namespace ipscore::scoring {

namespace {

// Rows that are turned into columns at a time: what they are made of fits the first-level cache.
constexpr std::size_t unfinished_rows_wanted = 128;

// Evidence that company after company leaves behind is merged when it has grown this much since the last
// time, so that a part whose networks alternate between a few companies stays small.
constexpr std::size_t merge_flushed_at = 1U << 16U;

} // namespace

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

Scorer::Scorer(const ScoringInputs& inputs, std::size_t batch_rows, std::size_t evidence_rows_max)
    : inputs_(&inputs),
      batch_rows_(batch_rows),
      evidence_rows_max_(evidence_rows_max),
      sweep_(inputs.networks),
      evidence_(inputs.rules.tags.size()),
      touched_(inputs.rules.tags.size()),
      run_(inputs.rules.profiles.size()),
      company_sums_(inputs.rules.tags.size()) {
    for (const Profile& profile : inputs.rules.profiles) {
        profile_ages_.push_back(AgeSet::below(profile.lookback_days));
        profile_lookback_.push_back(static_cast<unsigned>(profile.lookback_days));
        profile_decay_.push_back(profile.decay);
    }
    for (const TagRule& rule : inputs.rules.tags) tag_profile_.push_back(rule.profile);
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
    const std::size_t unfinished_room = unfinished_rows_wanted + inputs.rules.tags.size();
    unfinished_.recent.resize(unfinished_room);
    unfinished_.base.resize(unfinished_room);
    unfinished_.saturation_raw.resize(unfinished_room);
    unfinished_.base_days.resize(unfinished_room);
    unfinished_.days.resize(unfinished_room);
}

void Scorer::clear_batch() noexcept {
    batch_.address.clear();
    batch_.company.clear();
    batch_.tag_rows.clear();
    batch_.rows = 0;
}

void Scorer::begin_address(Address address) {
    assert(!wants_drain());
    drop_taken();
    address_ = address;
    membership_ = sweep_.at(address);
    ++counts_.addresses;
    if (membership_.excluded) ++counts_.addresses_excluded;
}

// Inlined by force: GCC takes a function that only prefetches for one without effects, and drops the calls.
[[gnu::always_inline]] inline void Scorer::look_ahead(const KeyWindow& window,
                                                      std::size_t row) const noexcept {
    const std::uint32_t* const offsets = inputs_->postings.offsets.data();
    if (const std::uint32_t* key = window.ahead(row + 2 * look_ahead_rows))
        __builtin_prefetch(offsets + *key);
    if (const std::uint32_t* key = window.ahead(row + look_ahead_rows))
        __builtin_prefetch(inputs_->postings.postings.data() + offsets[*key]);
}

void Scorer::rows(std::span<const std::uint32_t> key, std::span<const std::uint16_t> day,
                  std::span<const std::uint32_t> hits, std::size_t keys_ahead) {
    counts_.observations += key.size();
    if (membership_.excluded) {
        counts_.excluded += key.size();
        return;
    }
    const KeyWindow window(key, keys_ahead);
    std::size_t i = 0;
    if (run_open_) { // it began in the call before
        while (i < key.size() && key[i] == run_key_) ++i;
        fold_run(day.first(i), hits.first(i));
        if (i == key.size()) return;
        close_run();
    }
    while (i < key.size()) {
        const std::uint32_t run_key = key[i];
        look_ahead(window, i);
        const std::span<const Posting> postings = inputs_->postings.of(run_key);
        if (i + 1 < key.size() && key[i + 1] != run_key) {
            add_observation(postings, day[i], hits[i]);
            ++i;
            continue;
        }
        const std::size_t begin = i;
        for (++i; i < key.size() && key[i] == run_key; ++i) look_ahead(window, i);
        open_run(run_key);
        fold_run(day.subspan(begin, i - begin), hits.subspan(begin, i - begin));
        if (i < key.size()) close_run();
    }
}

unsigned Scorer::age_of(std::uint16_t day) const noexcept {
    // Days after as_of give a negative age, which is a huge one here.
    return static_cast<unsigned>(inputs_->rules.as_of - static_cast<Day>(day));
}

void Scorer::add_observation(std::span<const Posting> postings, std::uint16_t day,
                             std::uint32_t hits) noexcept {
    const unsigned age = age_of(day);
    if (age >= static_cast<unsigned>(inputs_->rules.lookback_days)) {
        ++counts_.outside_lookback;
        return;
    }
    ++(postings.empty() ? counts_.unclassified : counts_.classified);
    const std::uint64_t recent_hits = age < static_cast<unsigned>(inputs_->rules.recent_ages) ? hits : 0;
    AgeSet ages;
    ages.insert(age);
    for (const Posting& posting : postings) {
        const std::uint32_t profile = tag_profile_[posting.tag];
        if (age >= profile_lookback_[profile]) continue;
        const std::uint64_t decayed_hits = std::uint64_t{hits} * profile_decay_[profile][age];
        add_run(posting, {decayed_hits, hits}, recent_hits, ages);
    }
}

void Scorer::open_run(std::uint32_t key) noexcept {
    run_open_ = true;
    run_key_ = key;
    run_postings_ = inputs_->postings.of(key);
    std::ranges::fill(run_, RunFold{});
    run_ages_ = {};
    run_recent_hits_ = 0;
}

void Scorer::fold_run(std::span<const std::uint16_t> day, std::span<const std::uint32_t> hits) noexcept {
    const auto lookback_days = static_cast<unsigned>(inputs_->rules.lookback_days);
    const auto recent_ages = static_cast<unsigned>(inputs_->rules.recent_ages);
    std::uint64_t outside = 0;
    for (std::size_t i = 0; i < day.size(); ++i) {
        const unsigned age = age_of(day[i]);
        if (age >= lookback_days) {
            ++outside;
            continue;
        }
        run_ages_.insert(age);
        run_recent_hits_ += age < recent_ages ? hits[i] : 0;
        for (std::size_t p = 0; p < run_.size(); ++p) {
            run_[p].decayed_hits += std::uint64_t{hits[i]} * profile_decay_[p][age];
            run_[p].hits += age < profile_lookback_[p] ? hits[i] : 0;
        }
    }
    counts_.outside_lookback += outside;
    (run_postings_.empty() ? counts_.unclassified : counts_.classified) += day.size() - outside;
}

void Scorer::close_run() noexcept {
    if (!run_open_) return;
    run_open_ = false;
    if (run_ages_.empty()) return;
    for (const Posting& posting : run_postings_) {
        const std::uint32_t profile = tag_profile_[posting.tag];
        const RunFold& fold = run_[profile];
        if (fold.hits == 0) continue; // all before this tag's own look-back
        add_run(posting, fold, run_recent_hits_, run_ages_ & profile_ages_[profile]);
    }
}

inline void Scorer::add_run(const Posting& posting, const RunFold& fold, std::uint64_t recent_hits,
                            AgeSet ages) noexcept {
    TagEvidence& evidence = evidence_[posting.tag];
    touched_.insert(posting.tag);
    evidence.raw =
        add_saturating(evidence.raw, multiply_saturating(fold.decayed_hits, std::uint64_t{posting.weight}));
    evidence.hits = add_saturating(evidence.hits, fold.hits);
    // hits < 2^39 and weight < 2^20: these products cannot overflow.
    evidence.recent = add_saturating(evidence.recent, recent_hits * posting.weight);
    evidence.base = add_saturating(evidence.base, (fold.hits - recent_hits) * posting.weight);
    evidence.days |= ages;
    ++evidence.keys;
}

void Scorer::end_address() {
    close_run();
    const bool has_company = membership_.company != no_company;
    if (has_company && membership_.company != company_) {
        flush_company();
        company_ = membership_.company;
    }
    const TagRules& rules = inputs_->rules;
    const std::size_t rows_before = batch_.rows;
    touched_.drain([&](std::uint32_t tag) {
        TagEvidence& evidence = evidence_[tag];
        if (has_company) add_to_company(tag, evidence);
        if (rules.min_score > 0 && score_of(evidence.raw, rules.tags[tag].saturation_raw) < rules.min_score) {
            ++counts_.rows_below_min_score;
        } else {
            append_row(tag, evidence);
        }
        evidence = {};
    });
    const std::size_t tag_rows = batch_.rows - rows_before;
    if (tag_rows == 0) return;
    batch_.address.push_back(address_);
    batch_.company.push_back(membership_.company);
    batch_.tag_rows.push_back(static_cast<std::uint32_t>(tag_rows));
    ++counts_.addresses_with_rows;
    counts_.rows += tag_rows;
    if (unfinished_.rows >= unfinished_rows_wanted) finish_rows();
}

inline void Scorer::append_row(std::uint32_t tag, const TagEvidence& evidence) noexcept {
    const std::size_t row = batch_.rows++;
    batch_.tag[row] = tag;
    batch_.hits[row] = evidence.hits;
    batch_.keys[row] = evidence.keys;
    batch_.raw[row] = evidence.raw;
    const std::size_t unfinished = unfinished_.rows++;
    unfinished_.recent[unfinished] = evidence.recent;
    unfinished_.base[unfinished] = evidence.base;
    unfinished_.saturation_raw[unfinished] = inputs_->rules.tags[tag].saturation_raw;
    unfinished_.base_days[unfinished] = inputs_->rules.tags[tag].base_days;
    unfinished_.days[unfinished] = evidence.days;
}

void Scorer::finish_rows() noexcept {
    finish_columns(unfinished_, inputs_->rules, batch_);
    unfinished_.rows = 0;
}

const ScoreBatch& Scorer::batch() noexcept {
    finish_rows();
    return batch_;
}

void Scorer::add_to_company(std::uint32_t tag, const TagEvidence& evidence) noexcept {
    CompanyEvidence& sums = company_sums_.of(tag);
    sums.addresses += 1; // an address is counted once for a tag, and there are fewer than 2^64 of them
    sums.hits = add_saturating(sums.hits, evidence.hits);
    sums.days |= evidence.days;
    sums.raw = add_saturating(sums.raw, weigh_by_confidence(evidence.raw, membership_.confidence));
    sums.recent = add_saturating(sums.recent, evidence.recent);
    sums.base = add_saturating(sums.base, evidence.base);
}

void Scorer::flush_company() {
    // Once, for growing would hold it twice for a moment; what is not used is never touched.
    if (flushed_.capacity() == 0) flushed_.reserve(evidence_rows_max_ + evidence_.size());
    company_sums_.drain(company_, [&](const CompanyEvidence& evidence) { flushed_.push_back(evidence); });
    const bool full = flushed_.size() >= evidence_rows_max_;
    if (full || flushed_.size() - flushed_sorted_ >= std::max(merge_flushed_at, flushed_sorted_)) {
        sort_and_merge(flushed_, company_sums_);
        flushed_sorted_ = flushed_.size();
        evidence_full_ = full && flushed_sorted_ > evidence_rows_max_ / 2;
    }
}

void Scorer::drop_taken() noexcept {
    if (!flushed_taken_) return;
    flushed_.clear();
    flushed_taken_ = false;
}

std::span<const CompanyEvidence> Scorer::take_company_evidence() {
    drop_taken();
    flush_company();
    sort_and_merge(flushed_, company_sums_);
    flushed_sorted_ = 0;
    evidence_full_ = false;
    flushed_taken_ = true;
    return flushed_;
}

void Scorer::reset() {
    // What an address or company that was not ended has left behind.
    std::ranges::fill(evidence_, TagEvidence{});
    touched_.clear();
    company_sums_.clear();
    run_open_ = false;
    company_ = no_company;
    flushed_.clear();
    flushed_taken_ = false;
    flushed_sorted_ = 0;
    evidence_full_ = false;
    unfinished_.rows = 0;
    clear_batch();
    counts_ = {};
}

} // namespace ipscore::scoring
