// Which ids the keys of some dictionaries have in the one that they were merged into.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ipscore::io {

/// In place of an id, for a key that was left out.
inline constexpr std::uint32_t no_key = 0xffff'ffff;

/// Writes the map of `keys.size()` dictionaries, of so many keys each, to a scratch file: the ids of the
/// first dictionary's keys in order, then those of the second, and so on.
class KeyMapWriter {
public:
    /// Throws EnvironmentError.
    KeyMapWriter(const std::filesystem::path& path, const std::vector<std::uint64_t>& keys);
    KeyMapWriter(const KeyMapWriter&) = delete;
    KeyMapWriter& operator=(const KeyMapWriter&) = delete;
    ~KeyMapWriter();

    /// The id of the next key of that dictionary. Throws EnvironmentError, for example when the disk is full.
    void append(std::size_t dictionary, std::uint32_t id);
    void finish();

private:
    struct Region {
        std::uint64_t at = 0; ///< where the buffer goes, in ids
        std::vector<std::uint32_t> buffer;
    };
    void write(Region& region);

    std::string path_;
    int fd_;
    std::vector<Region> regions_;
};

/// Such a file, mapped: its pages are the system's to drop and to read again, and the processes of a node
/// share them, so that the map takes no memory of its own however many keys there are.
class KeyMap {
public:
    /// `keys` as it was written. Throws EnvironmentError.
    KeyMap(const std::filesystem::path& path, const std::vector<std::uint64_t>& keys);
    KeyMap(const KeyMap&) = delete;
    KeyMap& operator=(const KeyMap&) = delete;
    ~KeyMap();

    /// By key id of that dictionary; rising, but for no_key.
    [[nodiscard]] std::span<const std::uint32_t> of(std::size_t dictionary) const noexcept {
        return {ids_ + begins_[dictionary], ids_ + begins_[dictionary + 1]};
    }

private:
    std::vector<std::uint64_t> begins_; ///< and the end of the last
    const std::uint32_t* ids_ = nullptr;
};

} // namespace ipscore::io
