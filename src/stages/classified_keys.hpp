// The keys of a classification: all that `prepare --classification` wants to know of it.
#pragma once

#include "dictionary_merge.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/csv_input.hpp"
#include "ipscore/io/spill_file.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/memory_budget.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace ipscore::stages {

/// Read and sorted once, at the beginning, when all the memory is there for it; until they are asked for,
/// after the merges that go before, they lie in a file without a name.
class ClassifiedKeys {
public:
    /// Reads all of the classification, and sets aside what that takes for as long as it takes. The caller
    /// must check the budget. Throws as io::ClassificationFile does.
    ClassifiedKeys(const std::filesystem::path& path, const std::filesystem::path& spill_directory,
                   MemoryBudget& budget, int threads, const StopFlag& stop);

    [[nodiscard]] const io::InputFile& file() const noexcept { return file_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// The next of the distinct keys, in byte order, valid until the next call; false at the end. Throws
    /// EnvironmentError.
    bool next(std::string_view& key);

private:
    io::SpillFile spill_;
    std::unique_ptr<io::SpillReader> reader_;
    io::InputFile file_;
    std::uint64_t size_ = 0;
    std::string key_;
};

/// Merges `dictionaries` into that of a table, all of it or, where there are any, what of it
/// is `classified`, of which the rest are written as unseen keys. The map from their key ids goes to
/// `map_path`. Throws as merge_dictionaries() does.
void write_table_keys(const Dictionaries& dictionaries, const std::filesystem::path& map_path,
                      ClassifiedKeys* classified, io::TableIndexWriter& index, const StopFlag& stop);

} // namespace ipscore::stages
