#include "kept_evidence.hpp"

#include <utility>

namespace ipscore::stages {

using scoring::CompanyEvidence;

void KeptEvidence::keep(std::span<const CompanyEvidence> evidence) {
    {
        const std::lock_guard lock(mutex_);
        if (evidence.size_bytes() > bytes_left_) drop();
        if (!keeps_) return;
        bytes_left_ -= evidence.size_bytes();
    }
    Part part(evidence.begin(), evidence.end());
    const std::lock_guard lock(mutex_);
    if (keeps_) parts_.push_back(std::move(part));
}

void KeptEvidence::give_up() {
    const std::lock_guard lock(mutex_);
    drop();
}

/// The caller holds the mutex.
void KeptEvidence::drop() {
    keeps_ = false;
    parts_ = {};
}

} // namespace ipscore::stages
