// The kernel: observations of one address after the other in, score rows and company evidence out.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/age_set.hpp"
#include "ipscore/core/id_set.hpp"
#include "ipscore/scoring/classification.hpp"
#include "ipscore/scoring/companies.hpp"
#include "ipscore/scoring/company_evidence.hpp"
#include "ipscore/scoring/model.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace ipscore::scoring {

/// All that scoring a part depends on besides the part; shared by every worker, never changed.
struct ScoringInputs {
    TagRules rules;
    PostingLists postings; ///< by key id of the table
    NetworkMap networks;
};

/// Score rows as columns, in order of (address, tag); row values as in SPEC "Per (address, tag)".
struct ScoreBatch {
    std::vector<Address> address;        ///< addresses that have rows
    std::vector<std::uint32_t> company;  ///< per address; no_company where it has none
    std::vector<std::uint32_t> tag_rows; ///< per address: how many of the rows are its own

    std::size_t rows = 0; ///< the columns below are longer: rows counts what is filled
    std::vector<std::uint32_t> tag;
    std::vector<float> score;
    std::vector<float> surge;
    std::vector<std::uint8_t> confident;
    std::vector<std::uint64_t> hits;
    std::vector<std::uint32_t> keys;
    std::vector<std::uint8_t> days;
    std::vector<Day> first_day;
    std::vector<Day> last_day;
    std::vector<std::uint64_t> raw;
};

/// What one address adds up to for one tag; all sums saturate. A cache line each.
struct alignas(64) TagEvidence {
    std::uint64_t raw = 0;
    std::uint64_t hits = 0;
    std::uint64_t recent = 0;
    std::uint64_t base = 0;
    AgeSet days;
    std::uint32_t keys = 0;
};

/// The last rows of a batch, of which its columns hold tag, hits, keys and raw only, and what the others are
/// to be computed from.
struct UnfinishedRows {
    std::size_t rows = 0; ///< the columns are longer
    std::vector<std::uint64_t> recent;
    std::vector<std::uint64_t> base;
    std::vector<double> saturation_raw; ///< of the tag, as is base_days
    std::vector<double> base_days;
    std::vector<AgeSet> days;
};

/// Where the observations of a part went: read = excluded + outside_lookback + unclassified + classified.
struct ScoreCounts {
    std::uint64_t observations = 0;
    std::uint64_t excluded = 0;         ///< of addresses whose network has an excluded type
    std::uint64_t outside_lookback = 0; ///< of the model (a tag's own look-back may be shorter)
    std::uint64_t unclassified = 0;     ///< their key has no tag
    std::uint64_t classified = 0;
    std::uint64_t addresses = 0;
    std::uint64_t addresses_excluded = 0;
    std::uint64_t addresses_with_rows = 0;
    std::uint64_t rows = 0;
    std::uint64_t rows_below_min_score = 0;

    ScoreCounts& operator+=(const ScoreCounts& other) noexcept;
};

/// Scores the addresses of one part, in rising order. For each: begin_address, rows any number of times (in
/// order of key, then day; a run of equal keys may be split over calls), end_address.
class Scorer {
public:
    /// `batch_rows`: after how many rows wants_drain() says so; the batch has room for one more address
    /// beyond. `evidence_rows_max`: about how much company evidence is held before wants_evidence_drain()
    /// says so, sizeof(CompanyEvidence) each.
    Scorer(const ScoringInputs& inputs, std::size_t batch_rows,
           std::size_t evidence_rows_max = evidence_rows_default);
    static constexpr std::size_t evidence_rows_default = 1U << 18U;

    void begin_address(Address address);
    /// `keys_ahead`: so many keys lie behind `key` in memory, those of the rows to come; knowing them hides
    /// how long their postings take to arrive.
    void rows(std::span<const std::uint32_t> key, std::span<const std::uint16_t> day,
              std::span<const std::uint32_t> hits, std::size_t keys_ahead = 0);
    void end_address();

    /// True when the batch should be written and cleared before the next address.
    [[nodiscard]] bool wants_drain() const noexcept { return batch_.rows >= batch_rows_; }
    /// Valid until the next address begins.
    [[nodiscard]] const ScoreBatch& batch() noexcept;
    void clear_batch() noexcept;

    /// True when the company evidence should be taken before the next address.
    [[nodiscard]] bool wants_evidence_drain() const noexcept { return evidence_full_; }
    /// The evidence since the last call by (company, tag), sorted and distinct. What the calls for a part
    /// give is to be merged; without wants_evidence_drain(), one call after the last address gives all of it.
    /// Valid until the next address begins.
    [[nodiscard]] std::span<const CompanyEvidence> take_company_evidence();
    [[nodiscard]] const ScoreCounts& counts() const noexcept { return counts_; }
    /// Makes it as new, for another part, whatever was done before; keeps its memory.
    void reset();

private:
    /// The current run's sums for one profile. One (address, key, day) is one observation, so a run has at
    /// most 128 rows and none of these can overflow: hits < 2^39, decayed_hits < 2^55.
    struct RunFold {
        std::uint64_t decayed_hits = 0;
        std::uint64_t hits = 0;
    };

    /// The keys of a call and those that lie behind them.
    class KeyWindow {
    public:
        KeyWindow(std::span<const std::uint32_t> key, std::size_t keys_ahead)
            : first_(key.data()), size_(key.size() + keys_ahead) {}
        /// Nothing beyond the last.
        [[nodiscard]] const std::uint32_t* ahead(std::size_t row) const noexcept {
            return row < size_ ? first_ + row : nullptr;
        }

    private:
        const std::uint32_t* first_;
        std::size_t size_;
    };
    // As long as it takes to bring something from memory, in rows.
    static constexpr std::size_t look_ahead_rows = 12;

    void look_ahead(const KeyWindow& window, std::size_t row) const noexcept;
    [[nodiscard]] unsigned age_of(std::uint16_t day) const noexcept;
    void add_observation(std::span<const Posting> postings, std::uint16_t day, std::uint32_t hits) noexcept;
    void open_run(std::uint32_t key) noexcept;
    void fold_run(std::span<const std::uint16_t> day, std::span<const std::uint32_t> hits) noexcept;
    void close_run() noexcept;
    void add_run(const Posting& posting, const RunFold& fold, std::uint64_t recent_hits,
                 AgeSet ages) noexcept;
    void add_to_company(std::uint32_t tag, const TagEvidence& evidence) noexcept;
    void flush_company();
    void drop_taken() noexcept;
    void append_row(std::uint32_t tag, const TagEvidence& evidence) noexcept;
    void finish_rows() noexcept;

    const ScoringInputs* inputs_;
    std::size_t batch_rows_;
    std::size_t evidence_rows_max_;
    NetworkMap::Sweep sweep_;
    // What of the rules is needed for every observation, close together. By profile, but for the first.
    std::vector<std::uint32_t> tag_profile_; ///< by tag id
    std::vector<unsigned> profile_lookback_;
    std::vector<DecayTable> profile_decay_;
    std::vector<AgeSet> profile_ages_; ///< the ages below its look-back

    Address address_;
    Membership membership_;
    std::vector<TagEvidence> evidence_; ///< by tag id; all zero between addresses
    IdSet touched_;                     ///< tags that have some

    bool run_open_ = false;
    std::uint32_t run_key_ = 0;
    std::span<const Posting> run_postings_;
    std::vector<RunFold> run_; ///< by profile
    AgeSet run_ages_;
    std::uint64_t run_recent_hits_ = 0;

    std::uint32_t company_ = no_company; ///< whose evidence the next one holds
    CompanySums company_sums_;
    std::vector<CompanyEvidence> flushed_;
    bool flushed_taken_ = false;     ///< flushed_ is somebody's until the next address begins
    std::size_t flushed_sorted_ = 0; ///< flushed_ up to here is sorted and distinct
    bool evidence_full_ = false;     ///< merging flushed_ no longer helps

    ScoreBatch batch_;
    UnfinishedRows unfinished_;
    ScoreCounts counts_;
};

} // namespace ipscore::scoring
