// Observations in memory, on their way to one sorted segment.
#pragma once

#include "ipscore/core/stop.hpp"
#include "ipscore/core/string_index.hpp"
#include "ipscore/io/observations.hpp"
#include "ipscore/io/segment.hpp"
#include "row_sort.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ipscore::stages {

/// Collects batches, then sorts and writes them. Key ids are the run's own.
class ObservationRun {
public:
    /// Takes up to `bytes_max` of memory for up to `rows_max` rows, one batch at least.
    ObservationRun(std::uint64_t bytes_max, std::uint64_t rows_max);

    /// False when there is no room for the whole batch beside what is there.
    [[nodiscard]] bool has_room_for(const io::ObservationBatch& batch) const noexcept;
    /// Adds rows of the batch from row `from` on, until the run has `rows_max` rows. Returns the first row
    /// that was not added.
    std::size_t add(const io::ObservationBatch& batch, std::size_t from);
    [[nodiscard]] std::uint64_t rows() const noexcept { return ipv4_rows_.size() + other_rows_.size(); }
    [[nodiscard]] bool is_full() const noexcept { return rows() >= rows_max_; }

    /// Sorts by (address, key, day), adds up duplicates and writes a segment to `path`; the run is empty
    /// afterwards. The id of the result is left to the caller. Sorts on the TBB threads of the caller's
    /// arena. Throws Interrupted within a second or so when `stop` is requested.
    [[nodiscard]] io::SegmentInfo write(const std::filesystem::path& path, const StopFlag& stop);

private:
    void add_row(const io::ObservationBatch& batch, std::size_t row, std::uint32_t key);
    void add_some(const io::ObservationBatch& batch, std::size_t from, std::size_t end);

    std::uint64_t bytes_max_;
    std::uint64_t rows_max_;
    std::vector<Ipv4Row> ipv4_rows_;
    std::vector<ObservationRow> other_rows_;
    StringIndex keys_;
};

} // namespace ipscore::stages
