// Tables: the observations of a look-back, merged, in parts by address range, with one dictionary of keys.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/segment.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/io/strings.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::io {

inline constexpr std::array table_columns{
    ColumnName{"addresses/hi", ElementType::u64},   ColumnName{"addresses/lo", ElementType::u64},
    ColumnName{"addresses/rows", ElementType::u64}, ColumnName{"rows/key", ElementType::u32},
    ColumnName{"rows/day", ElementType::u16},       ColumnName{"rows/hits", ElementType::u32}};

/// That a table has rows of the keys of a classification only.
struct TableClassification {
    std::string content_hash; ///< of the classification, as InputFile has it
    std::uint64_t keys = 0;   ///< of the classification
    RowsPerDay unclassified;  ///< rows of other keys, which were left out; of the table's days

    [[nodiscard]] std::uint64_t rows_unclassified() const noexcept;
};

/// index.h5 of a table.
struct TableIndex {
    Day first_day = 0; ///< the days that the table was prepared for
    Day last_day = 0;
    RowsPerDay rows_per_day;       ///< of the days with rows
    nlohmann::ordered_json counts; ///< what prepare read, dropped and wrote
    nlohmann::ordered_json store;  ///< manifest version and segments that it came from
    ByteStrings dictionary;
    std::vector<PartRecord> parts;
    std::string content_hash;                          ///< of all values: dictionary, parts, days
    std::optional<TableClassification> classification; ///< nothing: it has the rows of all keys

    /// True when there were observations of that day, be it of keys that were left out.
    [[nodiscard]] bool has_observations_of(Day day) const;
    [[nodiscard]] std::uint64_t rows() const noexcept;
    [[nodiscard]] std::uint64_t addresses() const noexcept;
};

/// Writes the index of a table, which is not renamed: the keys one by one, in order, then all the rest.
class TableIndexWriter {
public:
    /// `classified_keys_only`: there will be an `index.classification`. Throws EnvironmentError, as all of
    /// this does.
    explicit TableIndexWriter(const std::filesystem::path& path, bool classified_keys_only = false);

    void add_key(std::string_view key) { dictionary_.append(key); }
    /// A key of the classification that is not in the dictionary; in order, too.
    void add_unseen_key(std::string_view key) { unseen_keys_->append(key); }
    [[nodiscard]] std::uint64_t keys() const noexcept { return dictionary_.size(); }
    /// Sets content_hash and closes the file; `index.dictionary` does not count.
    void finish(TableIndex& index);

private:
    H5File file_;
    StringsWriter dictionary_;
    std::optional<StringsWriter> unseen_keys_;
};

/// Throws InputError when `table` is no finished table. Without `with_dictionary` that stays empty.
[[nodiscard]] TableIndex read_table_index(const std::filesystem::path& table, bool with_dictionary = true);

/// How many keys the dictionary has. Throws InputError.
[[nodiscard]] std::uint64_t table_keys(const std::filesystem::path& table);

/// True when the index is there, lists exactly `parts`, and has a dictionary that is whole.
[[nodiscard]] bool table_index_stands(const std::filesystem::path& table,
                                      const std::vector<PartRecord>& parts);

} // namespace ipscore::io
