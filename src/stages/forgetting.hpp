// What it takes to forget addresses, in each kind of file that may name them.
#pragma once

#include "ipscore/core/network_set.hpp"
#include "ipscore/io/observations.hpp"
#include "ipscore/io/segment.hpp"

#include <cstdint>
#include <filesystem>

namespace ipscore::stages {

/// Makes the rows of these addresses count no more in `info`, which is what a manifest says of the segment at
/// `path`. Leaves it as it is where no row of theirs counts. Returns how many rows stop to count. Throws
/// InputError on what is damaged.
std::uint64_t forget_in_segment(const std::filesystem::path& path, const NetworkSet& addresses,
                                io::SegmentInfo& info);

/// How many of these addresses a segment, a part of a table or of scores has; of an index, how often parts
/// begin or end with one. Throws InputError.
[[nodiscard]] std::uint64_t count_addresses(const std::filesystem::path& path, const NetworkSet& addresses);

/// Takes out of a bad row what it says, where that names one of these addresses.
void redact(io::Reject& reject, const NetworkSet& addresses);

/// How many rows of a file of rejects name any of them. Throws InputError.
[[nodiscard]] std::uint64_t count_in_rejects(const std::filesystem::path& path, const NetworkSet& addresses);

/// Rewrites a file of rejects with these rows redacted, where it has any; returns how many. Throws InputError
/// and EnvironmentError.
std::uint64_t forget_in_rejects(const std::filesystem::path& path, const NetworkSet& addresses);

} // namespace ipscore::stages
