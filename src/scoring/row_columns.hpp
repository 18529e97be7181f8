// The columns of score rows that are computed from the sums, many rows at a time.
#pragma once

#include "ipscore/scoring/scorer.hpp"

namespace ipscore::scoring {

/// Which instructions to use: the same values come of both.
enum class Instructions { any, best };

/// Computes what the last rows of `batch` lack: score, surge and confident as of SPEC "Per (address, tag)",
/// days, first and last day. The same values on every processor.
void finish_columns(const UnfinishedRows& unfinished, const TagRules& rules, ScoreBatch& batch,
                    Instructions instructions = Instructions::best) noexcept;

} // namespace ipscore::scoring
