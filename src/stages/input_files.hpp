// Reading classification and companies: what it takes of the memory, and what a job says of them.
#pragma once

#include "ipscore/io/classification_csv.hpp"
#include "ipscore/io/csv_input.hpp"
#include "ipscore/stages/memory_budget.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace ipscore::stages {

/// Sets aside what it takes to read these files, one after the other, and to sort at least.
[[nodiscard]] io::ReadLimits need_reading(MemoryBudget& budget,
                                          const std::vector<std::filesystem::path>& files);
/// What is left for the sort of a classification and for its tags.
[[nodiscard]] io::SortRoom sort_room(const MemoryBudget& budget, const std::filesystem::path& spill_directory,
                                     int threads);
/// To be called when the readers are gone.
void release_reading(MemoryBudget& budget);

/// What job.json says of such a file, for people.
[[nodiscard]] nlohmann::ordered_json describe(const io::InputFile& file);

} // namespace ipscore::stages
