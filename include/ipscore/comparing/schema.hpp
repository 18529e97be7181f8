// What two sides that are compared have in common: the columns that say which row is which, and those whose
// values are compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::comparing {

enum class KeyKind : std::uint8_t {
    address, ///< in order of its 128-bit number
    name,    ///< a tag or company: bytes, with a number in the NameTable
    text,    ///< any bytes
    day,
};

struct KeyColumn {
    std::string name;
    KeyKind kind = KeyKind::text;
};

enum class ValueKind : std::uint8_t {
    count,  ///< u64
    number, ///< f32
    day,    ///< days since 1970-01-01
    flag,   ///< 0 or 1
    name,   ///< a company: its number in the NameTable
    text,   ///< of a column that nobody knows: bytes; two numbers differ as numbers do
};

/// True when a difference of two such values has a size.
[[nodiscard]] bool is_measured(ValueKind kind) noexcept;

struct ValueColumn {
    std::string name;
    ValueKind kind = ValueKind::text;
};

/// The columns of a row. Rows are matched by all key columns, and ordered by them, the first one first.
struct Schema {
    static constexpr std::size_t values_max = 64; ///< a set of columns is one word

    std::vector<KeyColumn> key;
    std::vector<ValueColumn> values;

    [[nodiscard]] std::optional<std::size_t> find_key(std::string_view name) const noexcept;
    [[nodiscard]] std::optional<std::size_t> find_value(std::string_view name) const noexcept;
    /// How many of the key columns are names.
    [[nodiscard]] std::size_t key_names() const noexcept;
};

/// The rows of `export`: of scores, of company rows, and of a table.
[[nodiscard]] const Schema& scores_schema();
[[nodiscard]] const Schema& company_rows_schema();
[[nodiscard]] const Schema& table_schema();

} // namespace ipscore::comparing
