// Two parts of scores whose rows are of the same addresses and tags: what their checksums say is equal is not
// decoded, and what is left is compared column by column.
#pragma once

#include "ipscore/comparing/differences.hpp"
#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/stop.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages::diffing {

/// What the ids in scores are here.
struct ScoresNumbers {
    ByteStrings tag_keys;                     ///< by id: as columns of keys
    std::vector<std::uint32_t> tag_names;     ///< by id: numbers in the NameTable
    std::vector<std::uint32_t> company_names; ///< by id
    std::uint32_t no_company_name = 0;

    /// The number of a company of a part; nothing where it is not in the index.
    [[nodiscard]] bool knows_company(std::uint32_t company) const noexcept;
    [[nodiscard]] std::uint32_t company_name(std::uint32_t company) const noexcept;
};

/// The value columns of scores_schema().
enum class ScoreColumn { company, score, surge, confident, hits, keys, days, first_day, last_day, raw };

/// By value column of `schema`, whose columns are some of scores_schema().
[[nodiscard]] std::vector<ScoreColumn> score_columns_of(const comparing::Schema& schema);

/// Compares all rows of two parts whose ids mean the same. False, with nothing found, when their addresses
/// and tags are not the same. Ends early when `halt` is requested. Throws InputError for what is damaged.
[[nodiscard]] bool compare_aligned(const std::filesystem::path& before, const std::filesystem::path& now,
                                   const ScoresNumbers& numbers, const comparing::Terms& terms,
                                   const StopFlag& halt, comparing::Differences& found);

} // namespace ipscore::stages::diffing
