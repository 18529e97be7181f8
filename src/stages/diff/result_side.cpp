#include "result_side.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fstream>
#include <utility>

namespace ipscore::stages::diffing {

Pieces::Pieces(const io::H5File& index, std::filesystem::path directory, const char* part_format)
    : path_(std::move(directory)), part_format_(part_format), parts_(io::read_part_list(index)) {
    for (std::size_t part = 0; part < parts_.size(); ++part) {
        const io::PartRecord& record = parts_[part];
        if (record.addresses == 0) continue;
        pieces_.push_back({record.first_address, record.last_address, part, {record.first_address, 0, 0}});
    }
}

Pieces::Pieces(const io::H5File& packed) : path_(packed.path()) {
    io::ColumnReader<std::uint64_t> hi(packed, io::format::address_hi);
    io::ColumnReader<std::uint64_t> lo(packed, io::format::address_lo);
    io::ColumnReader<std::uint64_t> rows(packed, io::format::address_rows);
    if (lo.size() != hi.size() || rows.size() != hi.size())
        packed.damaged("the columns of addresses differ in length");
    std::uint64_t row = 0;
    for (std::uint64_t address = 0; address < hi.size();) {
        hi.seek(address);
        lo.seek(address);
        const Address first{hi.next(1).front(), lo.next(1).front()};
        if (!pieces_.empty()) pieces_.back().last = address_before(first);
        pieces_.push_back({first, highest_address, 0, {first, address, row}});
        const auto chunk = rows.next();
        for (const std::uint64_t count : chunk) row += count;
        address += chunk.size();
    }
}

std::vector<Piece> Pieces::of(const Stretch& stretch) const {
    std::vector<Piece> pieces;
    for (const Piece& piece : pieces_) {
        if (piece.first <= stretch.last && stretch.first <= piece.last) pieces.push_back(piece);
    }
    return pieces;
}

std::filesystem::path Pieces::open(const Piece& piece) const {
    if (part_format_ == nullptr) return path_;
    return io::open_listed_part(path_, part_format_, piece.part, parts_[piece.part]).path();
}

std::vector<Address> Pieces::cuts() const {
    std::vector<Address> cuts;
    for (const Piece& piece : pieces_) cuts.push_back(piece.first);
    return cuts;
}

std::optional<WholePart> Pieces::whole_part(const Stretch& stretch) const {
    if (part_format_ == nullptr) return std::nullopt;
    const auto pieces = of(stretch);
    if (pieces.size() != 1 || pieces[0].first < stretch.first || stretch.last < pieces[0].last)
        return std::nullopt;
    const io::PartRecord& record = parts_[pieces[0].part];
    return WholePart{record.checksum, record.rows};
}

ByteStrings key_forms(const ByteStrings& strings) {
    std::vector<char> bytes;
    std::vector<std::uint64_t> offsets{0};
    bytes.reserve(strings.bytes().size() + 2 * strings.size());
    offsets.reserve(strings.size() + 1);
    for (std::size_t i = 0; i < strings.size(); ++i) {
        comparing::append_key(bytes, strings[i]);
        offsets.push_back(bytes.size());
    }
    return {std::move(bytes), std::move(offsets)};
}

std::string hash_of(std::initializer_list<const ByteStrings*> strings) {
    StreamHash hash;
    for (const ByteStrings* some : strings) {
        hash.update_values(some->offsets());
        hash.update_values(some->bytes());
    }
    return hash.digest128_text();
}

std::vector<std::uint32_t> numbers_of(const ByteStrings& strings, comparing::NameTable& names) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(strings.size());
    for (std::size_t i = 0; i < strings.size(); ++i) numbers.push_back(names.insert(strings[i]));
    return numbers;
}

bool is_text(const std::filesystem::path& path) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(path, none)) return !std::filesystem::is_directory(path, none);
    std::ifstream file(path, std::ios::binary);
    std::array<char, 8> begin{};
    file.read(begin.data(), begin.size());
    constexpr std::string_view hdf5("\x89HDF\r\n\x1a\n", 8);
    return std::string_view(begin.data(), static_cast<std::size_t>(file.gcount())) != hdf5;
}

std::unique_ptr<Side> open_result(const std::filesystem::path& path, const SideArgs& with) {
    namespace format = io::format;
    std::error_code none;
    const bool is_directory = std::filesystem::is_directory(path, none);
    if (is_directory && !std::filesystem::exists(path / format::index_name, none)) {
        throw InputError(
            fmt::format("{}: is neither finished scores nor a finished table (there is no {}); run "
                        "ipscore score or prepare to its end, or compare two directories of "
                        "such with --series",
                        path.string(), (path / format::index_name).string()));
    }
    const io::H5File file = io::H5File::open(is_directory ? path / format::index_name : path);
    const std::string what = file.has_attribute("/", format::attribute_format)
                                 ? file.read_text("/", format::attribute_format)
                                 : "no file of ipscore";
    io::check_format(file, what.c_str()); // for its version
    if (what == (is_directory ? format::scores_index : format::packed_scores))
        return with.args.companies ? open_company_rows(path, file, with) : open_scores(path, file, with);
    if (what == (is_directory ? format::table_index : format::packed_table)) {
        if (with.args.companies)
            throw InputError(fmt::format("{}: is a table, which has no company rows; leave out --companies",
                                         path.string()));
        return open_table(path, file, with);
    }
    throw InputError(fmt::format("{}: is {}; diff compares scores, tables, what export packed of these, and "
                                 "CSV",
                                 file.path().string(), io::quoted_for_message(what)));
}

} // namespace ipscore::stages::diffing
