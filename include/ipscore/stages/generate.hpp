// Verb `generate`: a made-up bid stream to try the program on, and to measure it with.
#pragma once

#include "ipscore/core/day.hpp"

#include <cstdint>
#include <filesystem>

namespace ipscore::stages {

struct GenerateArgs {
    std::filesystem::path output; ///< directory, made when missing
    std::uint64_t rows = 0;       ///< lines of observations.csv without the header
    std::uint64_t piece = 1;      ///< only this one of so many pieces of them, from 1: one after the other,
    std::uint64_t pieces = 1;     ///< they are what is written in one piece
    std::uint64_t addresses = 0;  ///< distinct addresses to draw from; 0: rows / 14, at least 1
    std::uint64_t keys = 0;       ///< distinct keys to draw from; 0: rows / 42, between 100 and 1 000 000
    std::uint32_t tags = 100;     ///< tags of classification.csv
    std::uint32_t days = 90;      ///< days of observations that end with as_of; also the model's look-back
    Day as_of = 20779;            ///< 2026-11-22
    double gateway_share = 0.0;   ///< share of the rows that one address has, 0 to 1
    std::uint64_t seed = 1;
    int threads = 0; ///< 0: all cores
};

struct GenerateReport {
    std::uint64_t rows = 0; ///< of the piece
    std::uint64_t observations_bytes = 0;
    std::uint64_t classification_rows = 0;
    std::uint64_t networks = 0;
    double seconds = 0;
};

/// Writes observations.csv, classification.csv, companies.csv and model.toml into `args.output`, each under a
/// temporary name first. The bytes depend on the arguments alone, not on `threads`. Throws EnvironmentError
/// when writing fails.
GenerateReport generate(const GenerateArgs& args);

} // namespace ipscore::stages
