// The records of the parts that the ranks have finished, on their way to the index.
#pragma once

#include "ipscore/core/stop.hpp"
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
    explicit PartResults(std::uint64_t parts);

    /// A part that this rank has made, under its final name but perhaps not yet on the disk.
    void add_made(std::uint64_t part, io::PartRecord record, std::filesystem::path path);
    /// A part that was there already and is whole; the run that made it may have ended before its flush.
    void add_verified(std::uint64_t part, io::PartRecord record, std::filesystem::path path);

    /// A part that was there already, but is not to be kept.
    void add_damaged(std::uint64_t part);

    /// Tells every rank which parts no rank has verified. All ranks must call.
    void agree_on_missing(mpi::World& world);
    /// After agree_on_missing(), on rank 0: of all ranks, in rising order.
    [[nodiscard]] const std::vector<std::uint64_t>& damaged() const noexcept { return damaged_; }
    /// In rising order: all parts until agree_on_missing() says otherwise.
    [[nodiscard]] const std::vector<std::uint64_t>& missing() const noexcept { return missing_; }

    /// Waits until all these parts, and their names, are on the disk, or until `stop` is requested. Throws
    /// EnvironmentError.
    void flush_to_disk(const StopFlag& stop) const;
    /// All records in order of parts, on rank 0; empty elsewhere. What the parts counted is added up in
    /// counts(), and left out of the records: there may be much of it. All ranks must call. Throws
    /// AgreedError when a part is missing, or when any rank was asked to stop.
    [[nodiscard]] std::vector<io::PartRecord> gather(mpi::World& world, const StopFlag& stop);
    // On rank 0, after gather(), over all ranks:
    [[nodiscard]] std::uint64_t parts_verified() const noexcept { return parts_verified_; }
    [[nodiscard]] const nlohmann::ordered_json& counts() const noexcept { return counts_; }

private:
    void add(std::uint64_t part, io::PartRecord record, std::filesystem::path path);

    std::uint64_t parts_;
    std::vector<std::uint64_t> missing_;
    std::mutex mutex_;
    std::vector<std::uint64_t> damaged_;
    std::vector<std::pair<std::uint64_t, io::PartRecord>> records_;
    std::vector<std::filesystem::path> paths_;
    nlohmann::ordered_json counts_;
    std::uint64_t verified_here_ = 0;
    std::uint64_t parts_verified_ = 0;
};

/// Adds the numbers of `part` to those of `total`, name by name, into nested objects.
void add_counts(nlohmann::ordered_json& total, const nlohmann::ordered_json& part);

} // namespace ipscore::stages
