// Rows on their way to a comparison: keys as byte strings that order as the rows do, and values of eight
// bytes each.
#pragma once

#include "ipscore/comparing/schema.hpp"
#include "ipscore/core/address.hpp"
#include "ipscore/core/day.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::comparing {

// A key is its columns one after the other, each so coded that comparing the bytes compares the values:
// addresses and days big-endian, names and texts with an end that no text can hold.
void append_key(std::vector<char>& key, Address address);
void append_key(std::vector<char>& key, std::string_view text);
void append_key(std::vector<char>& key, Day day);

/// The address that a key begins with.
[[nodiscard]] Address address_of_key(std::string_view key) noexcept;

/// The day that a key ends with.
[[nodiscard]] Day day_of_key(std::string_view key) noexcept;

/// The columns of a key as text.
[[nodiscard]] std::vector<std::string> key_texts(std::string_view key, const Schema& schema);

// Values as they lie in a block.
[[nodiscard]] std::uint64_t value_of(float number) noexcept;
[[nodiscard]] float number_of(std::uint64_t value) noexcept;
[[nodiscard]] std::uint64_t value_of(Day day) noexcept;
[[nodiscard]] Day day_of(std::uint64_t value) noexcept;

/// Some rows in order of their keys.
class RowBlock {
public:
    RowBlock() = default;
    /// For rows of that many values and names in their keys.
    explicit RowBlock(const Schema& schema) : values_(schema.values.size()), names_(schema.key_names()) {}

    [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
    [[nodiscard]] bool empty() const noexcept { return ends_.empty(); }

    [[nodiscard]] std::string_view key(std::size_t row) const noexcept {
        const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
        return {keys_.data() + begin, ends_[row] - begin};
    }
    /// By value column of the schema. A value that is missing() is 0.
    [[nodiscard]] std::span<const std::uint64_t> values(std::size_t row) const noexcept {
        return {cells_.data() + row * values_, values_};
    }
    /// The value columns in which the row has nothing, as bits.
    [[nodiscard]] std::uint64_t missing(std::size_t row) const noexcept { return missing_[row]; }
    /// The numbers of the names in the key, in its order.
    [[nodiscard]] std::span<const std::uint32_t> names(std::size_t row) const noexcept {
        return {key_names_.data() + row * names_, names_};
    }
    /// What a value of ValueKind::text stands for.
    [[nodiscard]] std::string_view text(std::uint64_t value) const noexcept {
        return {texts_.data() + (value >> 32U), value & 0xFFFF'FFFFU};
    }

    void clear() noexcept;

    // Adding a row: its key, then its names, then all of its values, then end_row().
    template <class Part>
    void add_key(Part part) {
        append_key(keys_, part);
    }
    void add_key_bytes(std::string_view key) { keys_.insert(keys_.end(), key.begin(), key.end()); }
    void add_name(std::uint32_t name) { key_names_.push_back(name); }
    void add_value(std::uint64_t value) { cells_.push_back(value); }
    void add_text(std::string_view text);
    /// Room for the values of the next `rows` rows, row by row, in place of their add_value().
    [[nodiscard]] std::span<std::uint64_t> add_values(std::size_t rows) {
        cells_.resize(cells_.size() + rows * values_);
        return std::span(cells_).last(rows * values_);
    }
    void end_row(std::uint64_t missing = 0) {
        ends_.push_back(keys_.size());
        missing_.push_back(missing);
    }
    /// Adds a row of another block of the same schema.
    void add_row(const RowBlock& from, std::size_t row, const Schema& schema);

    /// Bytes of all rows.
    [[nodiscard]] std::uint64_t bytes() const noexcept;
    /// Calls `visit` with each vector of plain values that all rows are: to put them away and get them back.
    template <class Visit>
    void visit_columns(Visit visit) {
        visit(keys_);
        visit(ends_);
        visit(cells_);
        visit(missing_);
        visit(key_names_);
        visit(texts_);
    }

private:
    std::size_t values_ = 0;
    std::size_t names_ = 0;
    std::vector<char> keys_;
    std::vector<std::size_t> ends_;
    std::vector<std::uint64_t> cells_;
    std::vector<std::uint64_t> missing_;
    std::vector<std::uint32_t> key_names_;
    std::vector<char> texts_;
};

/// Rows in order of their keys, equal keys next to each other.
class RowSource {
public:
    RowSource() = default;
    RowSource(const RowSource&) = delete;
    RowSource& operator=(const RowSource&) = delete;
    virtual ~RowSource() = default;
    /// Replaces what the block holds by the next rows, at least one; false at the end.
    virtual bool next(RowBlock& block) = 0;
};

} // namespace ipscore::comparing
