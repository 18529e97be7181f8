// A side that is scores or a table of this program: parts by address range, or all of it packed in one file.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/io/h5.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "side.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::stages::diffing {

/// Some consecutive addresses, and where they lie.
struct Piece {
    Address first;
    Address last;           ///< of a packed file: as far as the next piece, or to the end
    std::uint64_t part = 0; ///< number of the file; 0 of a packed one
    io::SeekPoint begin;    ///< in the file
};

/// The pieces of a directory or of a packed file, in order.
class Pieces {
public:
    /// Of a directory, whose index is `index`.
    Pieces(const io::H5File& index, std::filesystem::path directory, const char* part_format);
    /// Of a packed file: a piece for each chunk of its addresses.
    explicit Pieces(const io::H5File& packed);

    /// The pieces that can have addresses of the stretch.
    [[nodiscard]] std::vector<Piece> of(const Stretch& stretch) const;
    /// The file of a piece, once it has been made sure that it is the one that the index lists.
    [[nodiscard]] std::filesystem::path open(const Piece& piece) const;
    [[nodiscard]] std::vector<Address> cuts() const;
    [[nodiscard]] std::uint64_t held_bytes() const noexcept {
        return pieces_.size() * sizeof(Piece) + parts_.size() * sizeof(io::PartRecord);
    }
    [[nodiscard]] std::optional<WholePart> whole_part(const Stretch& stretch) const;

private:
    std::filesystem::path path_;        ///< directory, or packed file
    const char* part_format_ = nullptr; ///< nullptr: packed
    std::vector<io::PartRecord> parts_; ///< of a directory
    std::vector<Piece> pieces_;
};

/// The addresses of a stretch in order, over all pieces that have some. `Part` reads an open file: it has
/// seek(), next_address(), address() and file().
template <class Part>
class StretchWalk {
public:
    StretchWalk(const Pieces& pieces, const Stretch& stretch)
        : pieces_(&pieces), stretch_(stretch), left_(pieces.of(stretch)) {}

    /// Goes to the next address; false where there is none. `open(path)` makes a Part. Throws InputError when
    /// the addresses are not in order.
    template <class Open>
    bool next_address(Open open) {
        for (;;) {
            if (!part_) {
                if (next_ == left_.size()) return false;
                const Piece& piece = left_[next_++];
                last_ = std::min(stretch_.last, piece.last);
                part_ = open(pieces_->open(piece));
                part_->seek(piece.begin);
            }
            if (!part_->next_address() || part_->address() > last_) {
                part_.reset();
                continue;
            }
            const Address address = part_->address();
            if (address < stretch_.first) continue;
            if (has_address_ && address <= address_) part_->file().damaged("the addresses are not in order");
            has_address_ = true;
            address_ = address;
            return true;
        }
    }
    /// That the address is in; nullptr before the first and behind the last one.
    [[nodiscard]] Part* part() noexcept { return part_.get(); }

private:
    const Pieces* pieces_;
    Stretch stretch_;
    std::vector<Piece> left_;
    std::size_t next_ = 0;
    std::unique_ptr<Part> part_;
    Address last_; ///< of the piece and the stretch
    bool has_address_ = false;
    Address address_;
};

/// Strings as columns of keys (see comparing::append_key), by id.
[[nodiscard]] ByteStrings key_forms(const ByteStrings& strings);

/// Hash of what the ids of some strings stand for.
[[nodiscard]] std::string hash_of(std::initializer_list<const ByteStrings*> strings);

/// By id: the numbers of strings in the table.
[[nodiscard]] std::vector<std::uint32_t> numbers_of(const ByteStrings& strings, comparing::NameTable& names);

/// An address as the beginning of a key, made once for all of its rows.
class AddressKey {
public:
    void set(Address address) {
        bytes_.clear();
        comparing::append_key(bytes_, address);
    }
    [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }

private:
    std::vector<char> bytes_;
};

/// Rows of a block, about: enough that calls do not count, and small enough for the second-level cache.
inline constexpr std::size_t block_rows = 4096;

[[nodiscard]] std::unique_ptr<Side> open_scores(const std::filesystem::path& path, const io::H5File& file,
                                                const SideArgs& with);
[[nodiscard]] std::unique_ptr<Side> open_company_rows(const std::filesystem::path& path,
                                                      const io::H5File& file, const SideArgs& with);
[[nodiscard]] std::unique_ptr<Side> open_table(const std::filesystem::path& path, const io::H5File& file,
                                               const SideArgs& with);

} // namespace ipscore::stages::diffing
