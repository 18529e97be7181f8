// Company evidence of the parts that this process made, kept in memory while there is room for all of it.
#pragma once

#include "evidence_sum.hpp"
#include "ipscore/scoring/scorer.hpp"

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace ipscore::stages {

/// Reading it back from the parts, a hundred small columns a megabyte, takes longer than adding it up.
class KeptEvidence {
public:
    /// As many bytes at most; 0 keeps nothing.
    explicit KeptEvidence(std::uint64_t bytes_max) : bytes_left_(bytes_max), keeps_(bytes_max > 0) {}

    /// Copies the evidence of one part, in order of (company, tag), each of these once. Where there is no
    /// room for it, gives up. Any thread may call.
    void keep(std::span<const scoring::CompanyEvidence> evidence);
    /// Drops everything, and keeps nothing more: of a part that is not here, the rest is of no use.
    void give_up();
    /// True when the evidence of all parts is here that the process made.
    [[nodiscard]] bool has_all() const noexcept { return keeps_; }

    /// That of each part; not while others keep more.
    [[nodiscard]] std::vector<EvidenceRun> runs() const { return {parts_.begin(), parts_.end()}; }

private:
    using Part = std::vector<scoring::CompanyEvidence>;
    void drop();

    std::mutex mutex_;
    std::uint64_t bytes_left_;
    bool keeps_;
    std::vector<Part> parts_; ///< in any order, which does not matter to a sum
};

} // namespace ipscore::stages
