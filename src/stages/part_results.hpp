// The records of the parts that the ranks have finished, on their way to the index.
#pragma once

#include "ipscore/io/part.hpp"
#include "ipscore/mpi/world.hpp"

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace ipscore::stages {

/// Filled by the workers of a rank, gathered on rank 0.
class PartResults {
public:
    /// A part that this rank has made, under its final name but perhaps not yet on the disk.
    void add_made(std::uint64_t part, io::PartRecord record, std::filesystem::path path);
    /// A part that was there already and is whole; the run that made it may have ended before its flush.
    void add_verified(std::uint64_t part, io::PartRecord record, std::filesystem::path path);

    /// Waits until all these parts, and their names, are on the disk. Throws EnvironmentError.
    void flush_to_disk() const;
    /// All records in order of parts, on rank 0; empty elsewhere. All ranks must call.
    /// Throws AgreedError when a part is missing.
    [[nodiscard]] std::vector<io::PartRecord> gather(mpi::World& world, std::uint64_t parts);
    /// Over all ranks, on rank 0, after gather().
    [[nodiscard]] std::uint64_t parts_verified() const noexcept { return parts_verified_; }

private:
    std::mutex mutex_;
    std::vector<std::pair<std::uint64_t, io::PartRecord>> records_;
    std::vector<std::filesystem::path> paths_;
    std::uint64_t verified_here_ = 0;
    std::uint64_t parts_verified_ = 0;
};

/// Adds the numbers of `part` to those of `total`, name by name, into nested objects.
void add_counts(nlohmann::ordered_json& total, const nlohmann::ordered_json& part);

} // namespace ipscore::stages
