// What the buffers of the stages take, in bytes: measured on columns that do not compress, and rounded up.
// tests/cli/memory_test.py holds the stages to it: it runs them with the least budget that this makes, and
// prints what each run took at most, anonymous and shared. With tiny inputs that is the program itself: 4 to
// 5 MiB, and under mpirun 8 MiB whatever the number of ranks; other transports than ours take more.
#pragma once

#include "ipscore/stages/memory_budget.hpp"

#include <algorithm>
#include <cstdint>

namespace ipscore::stages::memory {

/// The program itself with its libraries, MPI among them, and all that does not grow with the data.
inline constexpr std::uint64_t program_bytes = 16 * mebibyte;
inline constexpr std::uint64_t program_without_mpi_bytes = 8 * mebibyte;
/// The file of a manifest as it is in memory: text, JSON, structs. Most of it is needed for a moment only.
inline constexpr std::uint64_t manifest_factor = 9;

/// An open segment, its places to start at included.
inline constexpr std::uint64_t seek_points_kept = 1U << 14U;
inline constexpr std::uint64_t segment_file_bytes = mebibyte;
/// One chunk, decoded and coded, of each column of sorted rows, and a copy of what of it counts.
inline constexpr std::uint64_t row_cursor_bytes = 5 * mebibyte / 2;
/// The same of a writer, and the rows of an address that are sorted in memory.
inline constexpr std::uint64_t row_writer_bytes = 6 * mebibyte;

/// What reads text: a block and what is carried over to the next one, compressed data.
inline constexpr std::uint64_t text_reader_bytes = 4 * mebibyte;
/// A block of text with its rows as columns, however short they are, or with one row that is longer than a
/// block; of JSON Lines, what parses a line is part of it.
constexpr std::uint64_t text_block_bytes(std::uint64_t block_bytes) {
    constexpr std::uint64_t long_row_bytes = 6 * mebibyte;
    constexpr std::uint64_t with_columns = 9;
    return std::max(with_columns * block_bytes, long_row_bytes);
}
/// The fewest observations that are worth a segment.
inline constexpr std::uint64_t run_bytes_min = 8 * mebibyte;

/// What reads the files that score reads before the parts.
inline constexpr std::uint64_t csv_reader_bytes = 8 * mebibyte;
inline constexpr std::uint64_t sort_bytes_min = mebibyte;
/// Tags that are counted even where there is no room for them, to say how much room they would take.
inline constexpr std::uint64_t tags_counted = 1U << 16U;
/// A worker of score: a reader of the table, one chunk of each column of a part of scores, decoded and coded,
/// and a batch of rows; without what depends on the tags, and without company evidence.
inline constexpr std::uint64_t score_worker_bytes = 10 * mebibyte;
/// Sums and batch columns of one tag.
inline constexpr std::uint64_t score_worker_tag_bytes = 256;
inline constexpr std::uint64_t evidence_rows_min = 1U << 14U;
/// A part of scores, open to read its company evidence.
inline constexpr std::uint64_t evidence_part_bytes = mebibyte;

} // namespace ipscore::stages::memory
