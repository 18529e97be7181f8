#include "ipscore/core/string_index.hpp"

#include "ipscore/core/memory.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <xxhash.h>

namespace ipscore {

namespace {

constexpr std::size_t slots_at_first = 1024;

std::uint32_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32U); }

} // namespace

StringIndex::StringIndex() : slots_(slots_at_first) {}

std::uint64_t StringIndex::hash_of(std::string_view text) noexcept {
    return XXH3_64bits(text.data(), text.size());
}

std::uint32_t StringIndex::insert(std::string_view text, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at].id_plus_1 != 0; at = (at + 1) & mask) {
        if (slots_[at].tag == tag_of(hash) && strings_[slots_[at].id_plus_1 - 1] == text) {
            return slots_[at].id_plus_1 - 1;
        }
    }
    if (strings_.size() >= std::numeric_limits<std::uint32_t>::max() - 1) {
        throw std::length_error("more than 4294967294 distinct strings");
    }
    strings_.push_back(text);
    hashes_.push_back(hash);
    const auto id_plus_1 = static_cast<std::uint32_t>(strings_.size());
    slots_[at] = {tag_of(hash), id_plus_1};
    if (strings_.size() * 2 > slots_.size()) grow();
    return id_plus_1 - 1;
}

std::vector<std::uint32_t> StringIndex::insert(const ByteStrings& texts,
                                               std::span<const std::uint64_t> hashes) {
    // Slot, place of the string, string: each is fetched while others are looked up.
    constexpr std::size_t ahead = 8;
    std::vector<std::uint32_t> ids;
    ids.reserve(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i + 3 * ahead < texts.size())
            __builtin_prefetch(&slots_[hashes[i + 3 * ahead] & (slots_.size() - 1)]);
        if (i + 2 * ahead < texts.size()) {
            const Slot slot = slots_[hashes[i + 2 * ahead] & (slots_.size() - 1)];
            if (slot.id_plus_1 != 0) __builtin_prefetch(&strings_.offsets()[slot.id_plus_1 - 1]);
        }
        if (i + ahead < texts.size()) {
            const Slot slot = slots_[hashes[i + ahead] & (slots_.size() - 1)];
            if (slot.id_plus_1 != 0) __builtin_prefetch(strings_[slot.id_plus_1 - 1].data());
        }
        ids.push_back(insert(texts[i], hashes[i]));
    }
    return ids;
}

std::uint64_t StringIndex::bytes_with(std::uint64_t more_strings, std::uint64_t more_bytes) const noexcept {
    const std::uint64_t text_bytes = strings_.bytes().size() + more_bytes;
    const std::uint64_t strings = strings_.size() + more_strings + 1;
    std::uint64_t slots = slots_.size();
    while (slots < 2 * strings) slots *= 2;
    const std::uint64_t list_bytes = strings * sizeof(std::uint64_t); // offsets, and as much of hashes
    const std::uint64_t slot_bytes = slots * sizeof(Slot);
    // One array at a time is there twice, in its old and in its new place.
    return text_bytes + 2 * list_bytes + slot_bytes + std::max({text_bytes, list_bytes, slot_bytes / 2});
}

void StringIndex::grow() {
    std::vector<Slot> slots;
    slots.reserve(slots_.size() * 2);
    use_large_pages(slots);
    slots.resize(slots_.size() * 2);
    const std::size_t mask = slots.size() - 1;
    for (std::uint32_t id = 0; id < hashes_.size(); ++id) {
        std::size_t at = hashes_[id] & mask;
        while (slots[at].id_plus_1 != 0) at = (at + 1) & mask;
        slots[at] = {tag_of(hashes_[id]), id + 1};
    }
    slots_ = std::move(slots);
}

} // namespace ipscore
