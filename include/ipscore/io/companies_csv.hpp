// The companies file: `network,company,confidence[,type]`.
#pragma once

#include "ipscore/io/csv_input.hpp"
#include "ipscore/scoring/companies.hpp"

#include <filesystem>

namespace ipscore::io {

struct CompaniesFile {
    scoring::Companies companies;
    InputFile file;
};

/// Throws InputError that names file, line, column and value of the first bad row, or both lines of a network
/// that comes twice.
[[nodiscard]] CompaniesFile read_companies(const std::filesystem::path& path);

} // namespace ipscore::io
