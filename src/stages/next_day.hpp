// What of a table made before still counts for the next one, and what the store has beside it: for
// `prepare --previous`.
#pragma once

#include "ipscore/core/day_set.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/table.hpp"
#include "merge_files.hpp"

#include <nlohmann/json.hpp>
#include <vector>

namespace ipscore::stages {

/// What a table must know of its store so that a later one can be made from it: the rows that each source has
/// on each of the days, and the addresses that were forgotten. Members `sources` and `forgotten`.
[[nodiscard]] nlohmann::ordered_json store_state(const io::Manifest& manifest, const DaySet& days);

/// How a table comes out of one made before.
struct NextDay {
    DaySet carried;       ///< days whose rows the previous table has; new sources may add to them
    NetworkSet forgotten; ///< addresses of the previous table that count no more
    /// Segments with rows of sources that the previous table had not: of all days.
    std::vector<MergeFile> added;
    /// Segments with rows of sources that it had: of `again`, the days that are not carried.
    std::vector<MergeFile> repeated;
    DaySet again;
};

/// For a table of `days`. A day is carried where the previous table has it and every source that it had rows
/// of on that day has them still, but for those of addresses that were forgotten since. Throws InputError
/// where the previous table does not know its store.
[[nodiscard]] NextDay plan_next_day(const io::TableIndex& previous,
                                    const std::filesystem::path& previous_path, const io::Store& store,
                                    const io::Manifest& manifest, const DaySet& days);

} // namespace ipscore::stages
