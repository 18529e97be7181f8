// How the memory and the threads of an ingest are divided.
#pragma once

#include "ingest_file.hpp"
#include "ingest_inputs.hpp"
#include "ipscore/stages/ingest.hpp"

#include <cstddef>
#include <vector>

namespace ipscore::stages {

struct IngestPlan {
    int threads = 1;
    FileLimits alone;              ///< of a file that all threads read together
    std::size_t files_at_once = 1; ///< of those that are read side by side
    FileLimits beside;             ///< of each of these

    /// A large text keeps all threads busy by itself. A smaller one does not, nor does one that is
    /// decompressed, which one thread does.
    [[nodiscard]] bool is_read_alone(const IngestInput& input) const;
};

/// Throws InputError for too little memory.
[[nodiscard]] IngestPlan plan_ingest(const IngestArgs& args, const std::vector<IngestInput>& inputs);

} // namespace ipscore::stages
