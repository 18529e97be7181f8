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

/// What a table is merged from.
struct TableSources {
    std::vector<MergeFile> files; ///< of which all of the table's days count
    // Where it comes out of a table made before:
    DaySet carried;                  ///< days whose rows that table has; `files` may add to them
    NetworkSet forgotten;            ///< its addresses that count no more
    DaySet again;                    ///< the other days,
    std::vector<MergeFile> repeated; ///< and the files of which only those count
};

/// For a table of `days`. `files` are segments with rows of sources that the previous table had not,
/// `repeated` those with rows of sources that it had. A day is carried where the previous table has it and
/// every source that it had rows of on that day has them still, but for those of addresses that were
/// forgotten since. Throws InputError where the previous table does not know its store.
[[nodiscard]] TableSources plan_next_day(const io::TableIndex& previous,
                                         const std::filesystem::path& previous_path, const io::Store& store,
                                         const io::Manifest& manifest, const DaySet& days);

} // namespace ipscore::stages
