// The classification file: `key,tag,weight`.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/csv_input.hpp"
#include "ipscore/scoring/classification.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace ipscore::io {

/// How much memory a sort may take, where it puts what does not fit, and on how many threads it works.
struct SortRoom {
    std::uint64_t bytes = sort_bytes_max;
    std::filesystem::path spill_directory = "."; ///< see SpillFile
    std::uint64_t tags_max = ~std::uint64_t{0};  ///< held in memory
    int threads = 1;

    /// More saves nothing: writing and reading a run costs less than sorting it.
    static constexpr std::uint64_t sort_bytes_max = 1U << 28U;
};

/// The classification key by key, in byte order. Memory is bounded by the room for the sort and by the tags,
/// however large the file is.
class ClassificationFile {
public:
    /// Reads and sorts. Throws InputError that names file, line, column and value of the first bad row, or of
    /// the first tag for which there is no room, Interrupted when `stop` is requested, and EnvironmentError.
    ClassificationFile(const std::filesystem::path& path, const SortRoom& room, const StopFlag& stop,
                       const ReadLimits& limits = {});
    ClassificationFile(ClassificationFile&&) noexcept;
    ClassificationFile& operator=(ClassificationFile&&) noexcept;
    ~ClassificationFile();

    /// Sorted byte by byte and distinct; their indexes are the tag ids.
    [[nodiscard]] const ByteStrings& tags() const noexcept;
    [[nodiscard]] const InputFile& file() const noexcept;
    /// Runs that were written because the sort did not fit.
    [[nodiscard]] std::uint64_t spilled_runs() const noexcept;

    /// The next key with its postings, sorted by tag; false at the end. Valid until the next call. Throws
    /// InputError that names both lines of a (key, tag) with two weights.
    bool next(scoring::ClassifiedKey& key);
    /// Where the file first names the key that next() gave last.
    [[nodiscard]] std::uint64_t line_of_key() const noexcept;

private:
    class Sort;
    std::unique_ptr<Sort> sort_;
};

} // namespace ipscore::io
