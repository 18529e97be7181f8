// Many short byte strings in two arrays: the form in which keys, tags and companies live in memory and on
// disk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace ipscore {

/// String i is bytes [offsets[i], offsets[i + 1]); offsets has size() + 1 entries and starts at 0. Any byte
/// is allowed.
class ByteStrings {
public:
    ByteStrings() = default;
    /// The caller has checked that offsets start at 0, never fall and end at bytes.size().
    ByteStrings(std::vector<char> bytes, std::vector<std::uint64_t> offsets)
        : bytes_(std::move(bytes)), offsets_(std::move(offsets)) {}

    [[nodiscard]] std::size_t size() const noexcept { return offsets_.size() - 1; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
        return {bytes_.data() + offsets_[i], static_cast<std::size_t>(offsets_[i + 1] - offsets_[i])};
    }

    void push_back(std::string_view text) {
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        offsets_.push_back(bytes_.size());
    }

    /// Index of `text` when the strings are sorted byte by byte and distinct.
    [[nodiscard]] std::optional<std::size_t> find_sorted(std::string_view text) const noexcept {
        std::size_t low = 0;
        std::size_t high = size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if ((*this)[middle] < text) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == size() || (*this)[low] != text) return std::nullopt;
        return low;
    }

    /// Valid as long as the strings are.
    [[nodiscard]] std::vector<std::string_view> views() const {
        std::vector<std::string_view> views;
        views.reserve(size());
        for (std::size_t i = 0; i < size(); ++i) views.push_back((*this)[i]);
        return views;
    }
    [[nodiscard]] std::span<const char> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }
    friend bool operator==(const ByteStrings&, const ByteStrings&) = default;

private:
    std::vector<char> bytes_;
    std::vector<std::uint64_t> offsets_{0};
};

} // namespace ipscore
