// One JSON object as an observation.
#pragma once

#include "ipscore/io/observation_form.hpp"
#include "observation_rows.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::io {

/// Takes lines apart, one after the other. All of a line must be JSON, also what is not asked for.
class JsonRow {
public:
    /// Longer lines are bad rows: to be parsed, a line takes about seven times its length of memory.
    static constexpr std::size_t line_bytes_max = 1U << 18U;
    static constexpr int depth_max = 64; ///< of arrays and objects in one another

    /// `names` must outlive it.
    explicit JsonRow(const ColumnNames& names);
    JsonRow(const JsonRow&) = delete;
    JsonRow& operator=(const JsonRow&) = delete;
    ~JsonRow();

    /// Empty, or why the line is no observation.
    [[nodiscard]] std::string parse(std::string_view line);
    /// What parse() found, until it is called again.
    [[nodiscard]] ObservationTexts texts() const noexcept;

private:
    enum class Kind { missing, text, number, other };
    /// A column with what the line has for it.
    struct Column {
        std::string_view name;
        bool takes_numbers = false;
        bool required = true;
        Kind kind = Kind::missing;
        bool seen = false; ///< also where it is null
        std::string_view text;
    };
    enum Place : std::size_t { ip, day, key, hits };
    struct Parser; // of the library, whose header is large
    friend struct Parser;

    [[nodiscard]] std::string fault_of_columns() const;

    std::array<Column, 4> columns_;
    std::vector<char> padded_; ///< the line, with the bytes behind it that the parser may read
    std::unique_ptr<Parser> parser_;
};

} // namespace ipscore::io
