// Rows in any order, sorted by their keys, in memory as far as they fit there.
#pragma once

#include "ipscore/comparing/rows.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/spill_file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace ipscore::stages::diffing {

/// First add() all rows, then sort(), then next(); sort() again begins again. Of rows with equal keys, those
/// that were added first come first.
class RowSorter final : public comparing::RowSource {
public:
    /// At most about `bytes` are held at a time; the rest goes to a file in `directory`.
    RowSorter(comparing::Schema schema, std::uint64_t bytes, std::filesystem::path directory,
              const StopFlag& stop);

    /// Throws EnvironmentError when the disk is full.
    void add(comparing::RowBlock block);
    void sort();
    bool next(comparing::RowBlock& block) override;

    /// What it needs at least.
    static constexpr std::uint64_t bytes_min = std::uint64_t{8} << 20U;

private:
    /// A stretch of the file that holds rows in order, in blocks.
    struct Run {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    class RunReader;
    class EntryRows;
    /// Where a row lies in blocks_; `prefix` orders most rows without a look at their keys.
    struct Entry {
        std::uint64_t prefix = 0;
        std::uint32_t block = 0;
        std::uint32_t row = 0;
    };

    [[nodiscard]] std::vector<Entry> sorted_entries() const;
    void write_run();
    Run write_rows(comparing::RowSource& rows);
    [[nodiscard]] std::unique_ptr<comparing::RowSource> merged(std::span<const Run> runs) const;

    comparing::Schema schema_;
    std::uint64_t bytes_;
    std::filesystem::path directory_;
    const StopFlag& stop_;
    std::vector<comparing::RowBlock> blocks_; ///< not yet in a run
    std::uint64_t held_bytes_ = 0;
    std::unique_ptr<io::SpillFile> file_;
    std::vector<Run> runs_;
    std::unique_ptr<comparing::RowSource> sorted_; ///< after sort()
};

} // namespace ipscore::stages::diffing
