#include "ingest_plan.hpp"

#include "ipscore/io/manifest.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/rank_work.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <bit>

namespace ipscore::stages {

namespace {

/// Rows and keys of each of several files, or they are cut into too many segments.
constexpr std::uint64_t run_bytes_at_once_min = 64 * mebibyte;

/// Divides what one file would have among as many as there is room for. The budget holds for one, so that
/// the least that would do is the same for any number of files.
void plan_files_at_once(IngestPlan& plan, std::uint64_t files) {
    const auto threads = static_cast<std::uint64_t>(plan.threads);
    const std::uint64_t block_needs = memory::text_block_bytes(plan.alone.block_bytes);
    const std::uint64_t file_needs =
        memory::text_reader_bytes + memory::row_writer_bytes + plan.alone.window_bytes;
    const std::uint64_t there = plan.alone.run_bytes + plan.alone.blocks * block_needs + file_needs;
    for (std::uint64_t at_once = std::min(files, threads); at_once > 1; --at_once) {
        const std::uint64_t blocks = threads / at_once + 1;
        const std::uint64_t needs = file_needs + blocks * block_needs;
        if (there / at_once < needs + run_bytes_at_once_min) continue;
        plan.files_at_once = at_once;
        plan.beside = plan.alone;
        plan.beside.blocks = blocks;
        plan.beside.run_bytes = there / at_once - needs;
        return;
    }
}

} // namespace

bool IngestPlan::is_read_alone(const IngestInput& input) const {
    constexpr std::uint64_t blocks_of_large_text = 64;
    return files_at_once == 1 || input.text_bytes().value_or(0) > blocks_of_large_text * alone.block_bytes;
}

IngestPlan plan_ingest(const IngestArgs& args, const std::vector<IngestInput>& inputs) {
    IngestPlan plan;
    MemoryBudget budget(args.memory_bytes > 0 ? args.memory_bytes : default_memory_bytes(1));
    budget.need("the program", memory::program_without_mpi_bytes);
    budget.need("the manifest", io::Store::manifest_bytes(args.store) * memory::manifest_factor);
    budget.need("reading and writing", memory::text_reader_bytes + memory::row_writer_bytes);
    if (std::ranges::any_of(inputs, &IngestInput::may_be_zstd)) {
        plan.alone.window_bytes = std::clamp(std::bit_floor(budget.left_bytes() / 8), plan.alone.window_bytes,
                                             io::ByteSource::zstd_window_bytes_default);
        budget.need("decompressing", plan.alone.window_bytes);
    } else {
        plan.alone.window_bytes = 0; // nobody asks for it
    }
    budget.need("rows", memory::run_bytes_min);
    // Larger blocks read no faster; smaller ones find the same keys anew more often.
    constexpr std::uint64_t large_from_bytes = 256 * mebibyte;
    plan.alone.block_bytes = budget.bytes() >= large_from_bytes ? mebibyte : mebibyte / 4;
    const std::uint64_t block_needs = memory::text_block_bytes(plan.alone.block_bytes);
    budget.need("text", block_needs); // one is read while every thread has one
    plan.threads = budget.workers(args.threads > 0 ? args.threads : default_threads(1), block_needs);
    plan.alone.blocks = static_cast<std::size_t>(plan.threads) + 1;
    plan.alone.run_bytes = memory::run_bytes_min + budget.left_bytes();
    plan_files_at_once(plan, inputs.size());
    return plan;
}

} // namespace ipscore::stages
