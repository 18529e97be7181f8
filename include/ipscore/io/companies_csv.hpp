// The companies file: `network,company,confidence[,type]`.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/io/csv_input.hpp"
#include "ipscore/scoring/companies.hpp"

#include <cstdint>
#include <filesystem>

namespace ipscore::io {

struct CompaniesFile {
    scoring::Companies companies;
    InputFile file;
    /// What reading these companies, and a map of their networks, took at most. Where that is more than was
    /// allowed, `companies` is empty.
    std::uint64_t memory_bytes = 0;
};

/// Throws InputError that names file, line, column and value of the first bad row, or both lines of a network
/// that comes twice, and Interrupted when `stop` is requested. Beyond `memory_bytes_max` rows are only
/// counted.
[[nodiscard]] CompaniesFile read_companies(const std::filesystem::path& path, const StopFlag& stop,
                                           const ReadLimits& limits = {},
                                           std::uint64_t memory_bytes_max = ~std::uint64_t{0});

} // namespace ipscore::io
