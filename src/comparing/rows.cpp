#include "ipscore/comparing/rows.hpp"

#include <bit>
#include <cstring>

namespace ipscore::comparing {

namespace {

constexpr std::size_t address_bytes = 16;
constexpr std::size_t day_bytes = 4;

// A zero byte of a text is followed by this, and its end, two zero bytes, comes before that.
constexpr char escaped_zero = '\x01';

void append_big_endian(std::vector<char>& key, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) key.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

std::uint64_t big_endian(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
    return value;
}

/// Takes a text off the front of the key.
std::string take_text(std::string_view& key) {
    std::string text;
    for (;;) {
        const std::size_t zero = key.find('\0');
        text += key.substr(0, zero);
        const bool ends = key[zero + 1] != escaped_zero;
        key.remove_prefix(zero + 2);
        if (ends) return text;
        text += '\0';
    }
}

} // namespace

void append_key(std::vector<char>& key, Address address) {
    append_big_endian(key, address.hi, sizeof address.hi);
    append_big_endian(key, address.lo, sizeof address.lo);
}

void append_key(std::vector<char>& key, std::string_view text) {
    for (;;) {
        const std::size_t zero = text.find('\0');
        const std::string_view before = text.substr(0, zero);
        key.insert(key.end(), before.begin(), before.end());
        key.push_back('\0');
        if (zero == std::string_view::npos) break;
        key.push_back(escaped_zero);
        text.remove_prefix(zero + 1);
    }
    key.push_back('\0');
}

void append_key(std::vector<char>& key, Day day) {
    // The sign turned, so that days before 1970 come first.
    append_big_endian(key, static_cast<std::uint32_t>(day) ^ 0x8000'0000U, day_bytes);
}

Address address_of_key(std::string_view key) noexcept {
    return {big_endian(key.substr(0, 8)), big_endian(key.substr(8, 8))};
}

Day day_of_key(std::string_view key) noexcept {
    return static_cast<Day>(static_cast<std::uint32_t>(big_endian(key.substr(key.size() - day_bytes))) ^
                            0x8000'0000U);
}

std::vector<std::string> key_texts(std::string_view key, const Schema& schema) {
    std::vector<std::string> texts;
    for (const KeyColumn& column : schema.key) {
        switch (column.kind) {
        case KeyKind::address:
            texts.push_back(to_string(address_of_key(key)));
            key.remove_prefix(address_bytes);
            break;
        case KeyKind::day:
            texts.push_back(date_text(day_of_key(key.substr(0, day_bytes))));
            key.remove_prefix(day_bytes);
            break;
        case KeyKind::name:
        case KeyKind::text:
            texts.push_back(take_text(key));
            break;
        }
    }
    return texts;
}

std::uint64_t value_of(float number) noexcept { return std::bit_cast<std::uint32_t>(number); }
float number_of(std::uint64_t value) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}
std::uint64_t value_of(Day day) noexcept { return static_cast<std::uint32_t>(day); }
Day day_of(std::uint64_t value) noexcept { return static_cast<Day>(static_cast<std::uint32_t>(value)); }

void RowBlock::clear() noexcept {
    keys_.clear();
    ends_.clear();
    cells_.clear();
    missing_.clear();
    key_names_.clear();
    texts_.clear();
}

void RowBlock::add_text(std::string_view text) {
    add_value(static_cast<std::uint64_t>(texts_.size()) << 32U | text.size());
    texts_.insert(texts_.end(), text.begin(), text.end());
}

void RowBlock::add_row(const RowBlock& from, std::size_t row, const Schema& schema) {
    add_key_bytes(from.key(row));
    for (const std::uint32_t name : from.names(row)) add_name(name);
    const std::uint64_t missing = from.missing(row);
    const auto values = from.values(row);
    for (std::size_t column = 0; column < values.size(); ++column) {
        if (schema.values[column].kind == ValueKind::text) {
            add_text(from.text(values[column]));
        } else {
            add_value(values[column]);
        }
    }
    end_row(missing);
}

std::uint64_t RowBlock::bytes() const noexcept {
    return keys_.size() + texts_.size() + key_names_.size() * sizeof key_names_[0] +
           (ends_.size() + cells_.size() + missing_.size()) * sizeof(std::uint64_t);
}

} // namespace ipscore::comparing
