// The classification file: `key,tag,weight`.
#pragma once

#include "ipscore/io/csv_input.hpp"
#include "ipscore/scoring/classification.hpp"

#include <filesystem>

namespace ipscore::io {

struct ClassificationFile {
    scoring::Classification classification;
    InputFile file;
};

/// Throws InputError that names file, line, column and value of the first bad row, or both lines of a (key,
/// tag) with two weights.
[[nodiscard]] ClassificationFile read_classification(const std::filesystem::path& path);

} // namespace ipscore::io
