// What the rows that differ have in common.
#pragma once

#include "ipscore/core/address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::comparing {

enum class Outcome : std::uint8_t { equal, changed, only_old, only_new };
inline constexpr std::size_t outcomes = 4;

/// Rows by what became of them; those whose key comes more than once are not among them.
struct OutcomeCounts {
    std::array<std::uint64_t, outcomes> rows{};

    [[nodiscard]] std::uint64_t of(Outcome outcome) const noexcept {
        return rows[static_cast<std::size_t>(outcome)];
    }
    [[nodiscard]] std::uint64_t all() const noexcept { return rows[0] + rows[1] + rows[2] + rows[3]; }
    [[nodiscard]] std::uint64_t different() const noexcept { return rows[1] + rows[2] + rows[3]; }
    void add(Outcome outcome, std::uint64_t count = 1) noexcept {
        rows[static_cast<std::size_t>(outcome)] += count;
    }
    void add(const OutcomeCounts& other) noexcept {
        for (std::size_t i = 0; i < outcomes; ++i) rows[i] += other.rows[i];
    }
    friend bool operator==(const OutcomeCounts&, const OutcomeCounts&) = default;
};

/// Outcomes by network, of rows whose addresses come in order, perhaps in several stretches. However many
/// networks there are, the memory is bounded: of those without an end of a stretch in them, the ones with the
/// most rows that differ are kept.
class NetworkOutcomes {
public:
    /// The prefix lengths of IPv4, /8, /16 and /24, and of IPv6, /32 and /48, as they count in 128 bits.
    static constexpr std::array<std::uint8_t, 5> prefix_lengths{104, 112, 120, 32, 48};
    static constexpr std::size_t networks_kept = 1024; ///< of each prefix length

    /// `counts`: of rows of that address, which is not below the one before it in this stretch.
    void add(Address address, const OutcomeCounts& counts);
    void end_stretch();
    /// Adds other stretches.
    void add(const NetworkOutcomes& other);

    struct Entry {
        Network network;
        OutcomeCounts counts;
    };
    /// The networks of prefix_lengths[level] with the most rows that differ, the most first. After the last
    /// end_stretch().
    [[nodiscard]] std::vector<Entry> networks(std::size_t level) const;
    /// Networks that may go on in another stretch.
    [[nodiscard]] const std::map<Network, OutcomeCounts>& edges() const noexcept { return edges_; }
    void add_edge(const Network& network, const OutcomeCounts& counts) { edges_[network].add(counts); }
    /// All others that were kept, of prefix_lengths[level].
    [[nodiscard]] const std::vector<Entry>& inner(std::size_t level) const noexcept { return inner_[level]; }
    void add_inner(std::size_t level, const Entry& entry) { keep(level, entry); }

private:
    struct Open {
        std::optional<Entry> entry;
        bool is_first = true; ///< of its stretch
    };
    void close(std::size_t level, bool is_last);
    void keep(std::size_t level, const Entry& entry);

    std::array<Open, prefix_lengths.size()> open_;
    std::array<std::vector<Entry>, prefix_lengths.size()> inner_;
    std::map<Network, OutcomeCounts> edges_;
};

/// Rows of one value of a dimension, such as the tag "finance".
struct ValueOutcomes {
    std::string value;
    OutcomeCounts counts;
};

/// All that is known of one dimension, such as the tags.
struct DimensionOutcomes {
    std::string dimension;
    std::vector<ValueOutcomes> values; ///< at least all that would be in a finding
};

/// Some values of one dimension that rows of an outcome have far more often than others.
struct Finding {
    Outcome outcome = Outcome::changed;
    std::string dimension;
    std::vector<std::string> values; ///< the one with the most rows of the outcome first
    std::uint64_t rows = 0;          ///< of the outcome, that have one of the values
    std::uint64_t rows_with_values = 0;
    std::uint64_t outcome_rows = 0; ///< in all
    std::uint64_t all_rows = 0;
    /// How much of the outcome the values explain, 0 to 1: the share of its bits that need not be told any
    /// more once it is known which of the values a row has, less what it takes to name them (Theil's
    /// uncertainty coefficient with the penalty of a minimum description length). What is explained and how
    /// pure it is are both in it.
    double strength = 0;

    /// Share of the outcome's rows that have one of the values.
    [[nodiscard]] double explained() const noexcept;
    /// Share of the rows with one of the values that are of the outcome.
    [[nodiscard]] double purity() const noexcept;
    /// Share of all other rows that are of the outcome.
    [[nodiscard]] double rest() const noexcept;
};

/// The findings of all dimensions for one outcome, the strongest first. In each dimension values are added,
/// the one that explains most of what is left first, as long as one explains more than it takes to name it:
/// at most `values_max`, each with a hundredth of the outcome's rows at least. Dimensions without such a
/// value are left out.
[[nodiscard]] std::vector<Finding> find_common(Outcome outcome,
                                               const std::vector<DimensionOutcomes>& dimensions,
                                               const OutcomeCounts& all, std::size_t values_max);

} // namespace ipscore::comparing
