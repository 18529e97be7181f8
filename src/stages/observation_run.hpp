// Observations in memory, on their way to one sorted segment.
#pragma once

#include "ipscore/core/string_index.hpp"
#include "ipscore/io/observations_csv.hpp"
#include "ipscore/io/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages {

/// Collects batches, then sorts and writes them. Key ids are the run's own.
class ObservationRun {
public:
    /// Adds rows of the batch from row `from` on, until the run has `rows_max` rows. Returns the first row
    /// that was not added.
    std::size_t add(const io::ObservationBatch& batch, std::size_t from, std::uint64_t rows_max);
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_.size(); }

    /// Sorts by (address, key, day), adds up duplicates and writes a segment to `path`; the run is empty
    /// afterwards. The id of the result is left to the caller. Sorts on the TBB threads of the caller's
    /// arena.
    [[nodiscard]] io::SegmentInfo write(const std::filesystem::path& path);

private:
    struct Row {
        Address address;
        std::uint32_t key = 0;
        std::uint32_t hits = 0;
        std::uint16_t day = 0;
    };
    std::vector<Row> rows_;
    StringIndex keys_;
};

} // namespace ipscore::stages
