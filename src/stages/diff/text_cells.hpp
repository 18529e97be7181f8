// Fields of CSV as keys and values.
#pragma once

#include "ipscore/comparing/name_table.hpp"
#include "ipscore/comparing/rows.hpp"
#include "ipscore/comparing/schema.hpp"
#include "ipscore/io/csv.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::stages::diffing {

/// Which fields of a row are its key and its values.
struct TextFields {
    std::vector<std::size_t> key;
    std::vector<std::size_t> values;
    std::size_t count = 0; ///< that a row must have
};

// How an older system may write what ours writes in one way. An empty field is a missing value, which these
// are not asked for. Nothing: it is none.

/// `12`, and also `12.0` or `1.2e1`.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;
/// The nearest f32 of a decimal with or without exponent; `inf`, `-inf` and `nan`, also `infinity`, in any
/// case.
[[nodiscard]] std::optional<float> parse_number(std::string_view text) noexcept;
/// 1, 0, true, false, t, f, in any case.
[[nodiscard]] std::optional<std::uint64_t> parse_flag(std::string_view text) noexcept;

/// Adds rows of one file to blocks; for one thread.
class TextCells {
public:
    TextCells(std::string path, const comparing::Schema& schema, const TextFields& fields,
              comparing::NameTable& names)
        : path_(std::move(path)), schema_(schema), fields_(fields), names_(names) {}

    /// Throws InputError: `path:line: column name: "value" reason`.
    void append(const io::CsvRow& row, bool row_is_shortened, comparing::RowBlock& block);

private:
    void append_key(const io::CsvRow& row, std::size_t column, comparing::RowBlock& block);
    /// Returns false for a missing value.
    bool append_value(const io::CsvRow& row, std::size_t column, comparing::RowBlock& block);
    [[noreturn]] void bad_value(const io::CsvRow& row, std::string_view column, std::string_view value,
                                std::string_view reason) const;

    std::string path_;
    const comparing::Schema& schema_;
    const TextFields& fields_;
    comparing::NameCache names_;
};

} // namespace ipscore::stages::diffing
