// The tags and companies of both sides, by number.
#pragma once

#include "ipscore/core/string_index.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ipscore::comparing {

/// Distinct names in order of first appearance, which threads share. What is counted by number has to be told
/// by name in the end, for the numbers depend on who came first.
class NameTable {
public:
    /// Beyond `bytes_max` of memory insert() throws InputError.
    explicit NameTable(std::uint64_t bytes_max = ~std::uint64_t{0}) : bytes_max_(bytes_max) {}

    [[nodiscard]] std::uint32_t insert(std::string_view name);
    /// Memory that it takes.
    [[nodiscard]] std::uint64_t bytes() const;
    /// How much more it may take from now on.
    void allow_more(std::uint64_t bytes);
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::string text(std::uint32_t name) const;

private:
    mutable std::mutex mutex_;
    StringIndex index_;
    std::uint64_t bytes_max_;
};

/// What one thread knows of a NameTable, so that it rarely has to ask.
class NameCache {
public:
    explicit NameCache(NameTable& table) : table_(&table) {}

    [[nodiscard]] std::uint32_t find(std::string_view name);

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return StringIndex::hash_of(text); }
    };
    static constexpr std::size_t names_max = 65536; ///< then it begins anew, which bounds its memory

    NameTable* table_;
    std::string last_text_;
    std::uint32_t last_ = 0;
    bool has_last_ = false;
    std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> known_;
};

} // namespace ipscore::comparing
