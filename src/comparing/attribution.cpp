#include "ipscore/comparing/attribution.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace ipscore::comparing {

namespace {

Network network_of(Address address, std::uint8_t prefix_length) noexcept {
    Network network{address, prefix_length};
    const auto keep_upper = [](std::uint64_t word, unsigned bits) {
        return bits == 0 ? 0 : word & (~std::uint64_t{0} << (64U - bits));
    };
    if (prefix_length <= 64) {
        network.first = {keep_upper(address.hi, prefix_length), 0};
    } else {
        network.first = {address.hi, keep_upper(address.lo, prefix_length - 64U)};
    }
    return network;
}

constexpr std::size_t ipv4_levels = 3;

/// The one with more rows that differ first.
bool ranks_before(const NetworkOutcomes::Entry& a, const NetworkOutcomes::Entry& b) noexcept {
    const std::uint64_t different_a = a.counts.different();
    const std::uint64_t different_b = b.counts.different();
    return different_a != different_b ? different_a > different_b : a.network < b.network;
}

void keep_first(std::vector<NetworkOutcomes::Entry>& entries, std::size_t count) {
    if (entries.size() > count) {
        std::ranges::nth_element(entries, entries.begin() + static_cast<std::ptrdiff_t>(count), ranks_before);
        entries.resize(count);
    }
}

} // namespace

void NetworkOutcomes::add(Address address, const OutcomeCounts& counts) {
    const bool ipv4 = is_ipv4(address);
    for (std::size_t level = 0; level < prefix_lengths.size(); ++level) {
        Open& open = open_[level];
        if ((level < ipv4_levels) != ipv4) continue;
        if (open.entry && !open.entry->network.holds(address)) close(level, false);
        if (!open.entry) open.entry = {network_of(address, prefix_lengths[level]), {}};
        open.entry->counts.add(counts);
    }
}

void NetworkOutcomes::close(std::size_t level, bool is_last) {
    Open& open = open_[level];
    if (!open.entry) return;
    if (open.is_first || is_last) {
        edges_[open.entry->network].add(open.entry->counts);
    } else if (open.entry->counts.different() > 0) {
        keep(level, *open.entry);
    }
    open.entry.reset();
    open.is_first = false;
}

void NetworkOutcomes::keep(std::size_t level, const Entry& entry) {
    inner_[level].push_back(entry);
    if (inner_[level].size() >= 2 * networks_kept) keep_first(inner_[level], networks_kept);
}

void NetworkOutcomes::end_stretch() {
    for (std::size_t level = 0; level < prefix_lengths.size(); ++level) {
        close(level, true);
        open_[level].is_first = true;
    }
}

void NetworkOutcomes::add(const NetworkOutcomes& other) {
    for (std::size_t level = 0; level < prefix_lengths.size(); ++level) {
        for (const Entry& entry : other.inner_[level]) keep(level, entry);
    }
    for (const auto& [network, counts] : other.edges_) add_edge(network, counts);
}

std::vector<NetworkOutcomes::Entry> NetworkOutcomes::networks(std::size_t level) const {
    std::vector<Entry> entries = inner_[level];
    for (const auto& [network, counts] : edges_) {
        const bool ipv4 = is_ipv4(network.first);
        if (network.prefix_length == prefix_lengths[level] && ipv4 == (level < ipv4_levels) &&
            counts.different() > 0)
            entries.push_back({network, counts});
    }
    keep_first(entries, networks_kept);
    std::ranges::sort(entries, ranks_before);
    return entries;
}

namespace {

double share(std::uint64_t part, std::uint64_t whole) noexcept {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace

double Finding::explained() const noexcept { return share(rows, outcome_rows); }
double Finding::purity() const noexcept { return share(rows, rows_with_values); }
double Finding::rest() const noexcept { return share(outcome_rows - rows, all_rows - rows_with_values); }
namespace {

/// Rows of a group, and how many of them are of the outcome.
struct Group {
    std::uint64_t of_outcome = 0;
    std::uint64_t rows = 0;

    /// What it takes to tell of each row of the group whether it is of the outcome: n H(k/n).
    [[nodiscard]] double bits() const noexcept {
        const auto n_log_n = [](std::uint64_t n) {
            return n == 0 ? 0.0 : static_cast<double>(n) * std::log2(static_cast<double>(n));
        };
        return n_log_n(rows) - n_log_n(of_outcome) - n_log_n(rows - of_outcome);
    }
    [[nodiscard]] Group without(const Group& other) const noexcept {
        return {of_outcome - other.of_outcome, rows - other.rows};
    }
    /// Has a larger share of the outcome. Compared without rounding.
    [[nodiscard]] bool is_purer_than(const Group& other) const noexcept {
        using Wide = unsigned __int128;
        return Wide{of_outcome} * other.rows > Wide{other.of_outcome} * rows;
    }
};

struct Candidate {
    const ValueOutcomes* value = nullptr;
    Group group;
};

std::vector<Candidate> candidates_of(Outcome outcome, const DimensionOutcomes& dimension,
                                     std::uint64_t outcome_rows) {
    constexpr std::uint64_t least_share = 100;
    std::vector<Candidate> candidates;
    for (const ValueOutcomes& value : dimension.values) {
        const Group group{value.counts.of(outcome), value.counts.all()};
        if (group.of_outcome > 0 && group.of_outcome * least_share >= outcome_rows)
            candidates.push_back({&value, group});
    }
    // The most rows first, so that of two that explain as much the larger one is taken.
    std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
        return a.group.of_outcome != b.group.of_outcome ? a.group.of_outcome > b.group.of_outcome
                                                        : a.value->value < b.value->value;
    });
    return candidates;
}

/// The values that explain something.
Finding find_in(Outcome outcome, const DimensionOutcomes& dimension, const OutcomeCounts& all,
                std::size_t values_max) {
    Finding finding;
    finding.outcome = outcome;
    finding.dimension = dimension.dimension;
    finding.outcome_rows = all.of(outcome);
    finding.all_rows = all.all();
    auto candidates = candidates_of(outcome, dimension, finding.outcome_rows);
    // To name one of the values, and that there is one: so many more bits that chance does not do.
    constexpr double bits_of_a_claim = 8;
    const double cost_bits =
        bits_of_a_claim + std::log2(static_cast<double>(std::max<std::size_t>(1, dimension.values.size())));
    Group left{finding.outcome_rows, finding.all_rows};
    const double bits_in_all = left.bits();
    std::vector<Candidate> taken;
    while (taken.size() < values_max) {
        double most_bits = cost_bits;
        auto best = candidates.end();
        for (auto candidate = candidates.begin(); candidate != candidates.end(); ++candidate) {
            const Group others = left.without(candidate->group);
            const double gain_bits = left.bits() - candidate->group.bits() - others.bits();
            if (gain_bits > most_bits && candidate->group.is_purer_than(others)) {
                most_bits = gain_bits;
                best = candidate;
            }
        }
        if (best == candidates.end()) break;
        finding.strength += (most_bits - cost_bits) / bits_in_all;
        finding.rows += best->group.of_outcome;
        finding.rows_with_values += best->group.rows;
        left = left.without(best->group);
        taken.push_back(*best);
        candidates.erase(best);
    }
    std::ranges::stable_sort(taken, std::greater<>(),
                             [](const Candidate& candidate) { return candidate.group.of_outcome; });
    for (const Candidate& candidate : taken) finding.values.push_back(candidate.value->value);
    return finding;
}

} // namespace

std::vector<Finding> find_common(Outcome outcome, const std::vector<DimensionOutcomes>& dimensions,
                                 const OutcomeCounts& all, std::size_t values_max) {
    std::vector<Finding> findings;
    if (all.of(outcome) == 0) return findings;
    for (const DimensionOutcomes& dimension : dimensions) {
        Finding finding = find_in(outcome, dimension, all, values_max);
        if (!finding.values.empty()) findings.push_back(std::move(finding));
    }
    std::ranges::stable_sort(findings, std::greater<>(), &Finding::strength);
    return findings;
}

} // namespace ipscore::comparing
