// Verb `export`: scores, company rows or a table as CSV, or all of it as one plain HDF5 file.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

struct ExportArgs {
    std::filesystem::path input;   ///< a scores or table directory
    std::string output;            ///< file; `-` is standard output; .gz and .zst compress; .h5 packs
    bool companies = false;        ///< the company rows instead of the address rows (scores only)
    std::vector<std::string> tags; ///< only these (scores only)
    std::vector<std::string> company_names; ///< only these (scores only)
    std::vector<Network> networks;          ///< only addresses in these (a single address is a /128)
    std::optional<double> min_score;        ///< only rows at least as high, rounded to f32 (scores only)
    int threads = 0;                        ///< 0: all cores that this process may use
};

struct ExportReport {
    std::uint64_t rows = 0;  ///< written
    std::uint64_t bytes = 0; ///< of text, before compression; of the file for .h5
    double seconds = 0;
};

/// A file appears under its name when it is whole. Throws InputError for bad usage (an unknown tag or
/// company, a filter that does not fit the input) or damaged input, EnvironmentError when writing fails,
/// Interrupted when stopped.
ExportReport export_to(const ExportArgs& args, const StopFlag& stop);

} // namespace ipscore::stages
