// One of the two sides of a diff: where its rows come from.
#pragma once

#include "ipscore/comparing/differences.hpp"
#include "ipscore/comparing/name_table.hpp"
#include "ipscore/comparing/rows.hpp"
#include "ipscore/comparing/schema.hpp"
#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/stages/diff.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::stages::diffing {

/// Addresses from `first` to `last`.
struct Stretch {
    Address first = lowest_address;
    Address last = highest_address;
};

/// A part that is all that a side has in a stretch.
struct WholePart {
    std::uint64_t checksum = 0; ///< of its values
    std::uint64_t rows = 0;
};

class Side {
public:
    Side(std::filesystem::path path, std::string kind) : path_(std::move(path)), kind_(std::move(kind)) {}
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    virtual ~Side() = default;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const std::string& kind() const noexcept { return kind_; }
    /// All columns there are.
    [[nodiscard]] virtual const comparing::Schema& schema() const = 0;
    /// Memory that it takes as long as it is open, besides names and what open() takes.
    [[nodiscard]] virtual std::uint64_t held_bytes() const { return 0; }

    /// The rows of a stretch, with the values of `schema`, all of which the side has. Several may be open at
    /// a time, on different threads. Throws InputError, also while they are read.
    [[nodiscard]] virtual std::unique_ptr<comparing::RowSource> open(const comparing::Schema& schema,
                                                                     const Stretch& stretch) = 0;

    /// The rows of a text as they lie there, in any order.
    [[nodiscard]] virtual std::unique_ptr<comparing::RowSource>
    open_unsorted(const comparing::Schema& /*schema*/) {
        return nullptr;
    }

    /// The first addresses of its parts, in order; empty for what can only be read front to back.
    [[nodiscard]] virtual std::vector<Address> cuts() const { return {}; }
    /// Nothing where there is no such part, or several.
    [[nodiscard]] virtual std::optional<WholePart> whole_part(const Stretch& /*stretch*/) const {
        return std::nullopt;
    }
    /// Compares a stretch with the other side, in order, where there is a shorter way than row by row. False
    /// where there is none; then nothing was found yet. As open() otherwise.
    [[nodiscard]] virtual bool compare_shortly(const Side& /*now*/, const Stretch& /*stretch*/,
                                               const comparing::Terms& /*terms*/, const StopFlag& /*halt*/,
                                               comparing::Differences& /*found*/) const {
        return false;
    }
    /// Hash of the names that the ids in its parts stand for: equal checksums of parts mean equal rows only
    /// where these are equal too.
    [[nodiscard]] virtual std::string names_hash() const { return {}; }

private:
    std::filesystem::path path_;
    std::string kind_;
};

/// What a side is to be opened with.
struct SideArgs {
    const DiffArgs& args;
    comparing::NameTable& names;
    const StopFlag& stop;
    std::size_t blocks = 1; ///< of each text, that are worked on at a time; may change until the side is read
};

/// True for a file of text.
[[nodiscard]] bool is_text(const std::filesystem::path& path);

/// Finished scores or a finished table, also packed. Throws InputError when `path` is none of these.
[[nodiscard]] std::unique_ptr<Side> open_result(const std::filesystem::path& path, const SideArgs& with);

/// A block of text, and the memory that it takes at most with its rows, which are far longer than their text
/// where that is short.
inline constexpr std::size_t text_block_bytes = std::size_t{256} << 10U;
inline constexpr std::uint64_t text_block_memory_bytes = 20 * text_block_bytes;
/// Blocks that a comparison holds besides those that are worked on.
inline constexpr std::size_t text_blocks_compared = 2;

/// CSV or TSV. `other`: the side that says what its rows are; nullptr where the file itself does, or --key.
/// `with` must outlive the side.
[[nodiscard]] std::unique_ptr<Side> open_text(const std::filesystem::path& path, const Side* other,
                                              const SideArgs& with);

/// Thrown by the rows of a text when they are not in order; the caller sorts them and begins again.
struct NotInOrder {
    const Side* side = nullptr;
};

} // namespace ipscore::stages::diffing
