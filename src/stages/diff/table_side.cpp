#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"
#include "ipscore/io/table.hpp"
#include "result_side.hpp"

#include <memory>
#include <optional>

namespace ipscore::stages::diffing {

namespace {

using comparing::RowBlock;
using comparing::Schema;

class TableSide final : public Side {
public:
    TableSide(const std::filesystem::path& path, const io::H5File& file, bool packed)
        : Side(path, packed ? "packed table" : "table"),
          pieces_(packed ? Pieces(file) : Pieces(file, path, io::format::table_part)) {
        const ByteStrings keys = io::read_strings(file, io::format::dictionary);
        names_hash_ = hash_of({&keys});
        keys_ = key_forms(keys);
    }

    [[nodiscard]] const Schema& schema() const override { return comparing::table_schema(); }
    [[nodiscard]] std::uint64_t held_bytes() const override {
        return keys_.bytes().size() + keys_.offsets().size_bytes() + pieces_.held_bytes();
    }
    [[nodiscard]] std::unique_ptr<comparing::RowSource> open(const Schema& schema,
                                                             const Stretch& stretch) override;
    [[nodiscard]] std::vector<Address> cuts() const override { return pieces_.cuts(); }
    [[nodiscard]] std::optional<WholePart> whole_part(const Stretch& stretch) const override {
        return pieces_.whole_part(stretch);
    }
    [[nodiscard]] std::string names_hash() const override { return names_hash_; }

private:
    friend class TableRows;
    Pieces pieces_;
    ByteStrings keys_; ///< as columns of keys, by id
    std::string names_hash_;
};

/// A part with the file that its columns are in.
class TablePart {
public:
    TablePart(const std::filesystem::path& path, std::uint64_t keys)
        : file_(io::H5File::open(path)), reader_(file_, keys) {}
    void seek(const io::SeekPoint& point) { reader_.seek(point); }
    bool next_address() { return reader_.next_address(); }
    [[nodiscard]] Address address() const noexcept { return reader_.address(); }
    [[nodiscard]] io::RowSpan next_rows() { return reader_.next_rows(); }
    [[nodiscard]] const io::H5File& file() const noexcept { return file_; }

private:
    io::H5File file_;
    io::SortedRowsReader reader_;
};

class TableRows final : public comparing::RowSource {
public:
    TableRows(const TableSide& side, const Schema& schema, const Stretch& stretch)
        : side_(side), with_hits_(schema.find_value("hits").has_value()), walk_(side.pieces_, stretch) {}

    bool next(RowBlock& block) override {
        block.clear();
        while (block.size() < block_rows) {
            if (walk_.part() != nullptr) {
                const io::RowSpan rows = walk_.part()->next_rows();
                if (!rows.empty()) {
                    append(rows, block);
                    continue;
                }
            }
            const auto open = [&](const auto& path) {
                return std::make_unique<TablePart>(path, side_.keys_.size());
            };
            if (!walk_.next_address(open)) break;
            address_key_.set(walk_.part()->address());
            last_key_ = 0;
            last_day_ = 0;
        }
        return !block.empty();
    }

private:
    void append(const io::RowSpan& rows, RowBlock& block) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::uint32_t key = rows.key[i];
            const Day day = rows.day[i];
            if (key < last_key_ || (key == last_key_ && day < last_day_))
                walk_.part()->file().damaged("the rows of an address are not in order");
            if (day < first_valid_day || day > last_valid_day)
                walk_.part()->file().damaged("a day is out of range");
            last_key_ = key;
            last_day_ = day;
            block.add_key_bytes(address_key_.bytes());
            block.add_key_bytes(side_.keys_[key]);
            block.add_key(day);
            if (with_hits_) block.add_value(rows.hits[i]);
            block.end_row();
        }
    }

    const TableSide& side_;
    bool with_hits_;
    StretchWalk<TablePart> walk_;
    AddressKey address_key_;
    std::uint32_t last_key_ = 0;
    Day last_day_ = 0;
};

std::unique_ptr<comparing::RowSource> TableSide::open(const Schema& schema, const Stretch& stretch) {
    return std::make_unique<TableRows>(*this, schema, stretch);
}

} // namespace

std::unique_ptr<Side> open_table(const std::filesystem::path& path, const io::H5File& file,
                                 const SideArgs& /*with*/) {
    return std::make_unique<TableSide>(path, file, file.path() == path);
}

} // namespace ipscore::stages::diffing
