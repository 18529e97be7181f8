// A side that is a CSV or TSV file, such as an older system writes it.
#include "ipscore/comparing/rows.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/observation_form.hpp"
#include "ipscore/io/text_blocks.hpp"
#include "side.hpp"
#include "text_cells.hpp"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <ranges>
#include <set>
#include <tbb/task_group.h>

namespace ipscore::stages::diffing {

namespace {

using comparing::KeyColumn;
using comparing::KeyKind;
using comparing::RowBlock;
using comparing::Schema;
using comparing::ValueColumn;
using comparing::ValueKind;

/// The file with the first block of its rows, where the header is.
struct OpenText {
    OpenText(const std::filesystem::path& path, char separator)
        : source(path), blocks(source, io::csv_row_rules(separator), text_block_bytes) {
        if (!blocks.next(first))
            throw InputError(fmt::format("{}: is empty: there is no header", path.string()));
    }
    io::ByteSource source;
    io::TextBlocks blocks;
    io::TextBlock first;
};

/// What the columns of the file are called here, and which field of a row each is.
struct Columns {
    std::vector<std::string> names;
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
        const auto found = std::ranges::find(names, name);
        if (found == names.end()) return std::nullopt;
        return static_cast<std::size_t>(found - names.begin());
    }
    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
};

Columns read_columns(const std::filesystem::path& path, const io::TextBlock& first, char separator,
                     const DiffArgs& args) {
    io::CsvRows rows(first.text, first.first_line, separator);
    io::CsvRow row;
    if (first.shortened || !rows.next(row))
        throw InputError(fmt::format("{}: there is no header", path.string()));
    const io::CsvHeader header(row, path.string()); // throws for what no header may be
    Columns columns{{row.fields.begin(), row.fields.end()}};
    for (const auto& [ours, theirs] : args.columns) {
        const auto found = columns.find(theirs);
        if (!found) continue;
        if (ours != theirs && columns.has(ours)) {
            throw InputError(fmt::format("{}: has a column {} besides {}, which --columns calls so",
                                         path.string(), io::quoted_for_message(ours),
                                         io::quoted_for_message(theirs)));
        }
        columns.names[*found] = ours;
    }
    return columns;
}

/// Keys of other files.
std::vector<KeyColumn> key_of_names(const std::vector<std::string>& names) {
    std::vector<KeyColumn> key;
    for (const std::string& name : names) {
        const KeyKind kind = name == "ip"                         ? KeyKind::address
                             : name == "tag" || name == "company" ? KeyKind::name
                                                                  : KeyKind::text;
        key.push_back({name, kind});
    }
    return key;
}

/// What the rows of the file are, with the columns that such rows have.
const Schema& kind_of_rows(const std::filesystem::path& path, const Columns& columns, const DiffArgs& args) {
    const auto fits = [&](const Schema& schema) {
        return std::ranges::all_of(schema.key, [&](const KeyColumn& key) { return columns.has(key.name); });
    };
    if (args.companies) return comparing::company_rows_schema();
    for (const Schema* schema :
         {&comparing::scores_schema(), &comparing::table_schema(), &comparing::company_rows_schema()}) {
        if (fits(*schema)) return *schema;
    }
    throw InputError(
        fmt::format("{}: the columns {} do not say which row is which; it takes ip,tag or ip,key,day or "
                    "company,tag: name others with --key, or say with --columns what they are called",
                    path.string(), fmt::join(columns.names, ",")));
}

/// All columns of the file as a schema.
Schema schema_of(const std::filesystem::path& path, const Columns& columns, const Side* other,
                 const DiffArgs& args) {
    Schema known;
    if (!args.key.empty()) {
        known.key = key_of_names(args.key);
    } else {
        known = other != nullptr ? other->schema() : kind_of_rows(path, columns, args);
    }
    Schema schema{known.key, {}};
    for (const KeyColumn& key : schema.key) {
        if (!columns.has(key.name)) {
            throw InputError(
                fmt::format("{}: there is no column {}; the header has {}; --columns says what a "
                            "file calls its columns",
                            path.string(), io::quoted_for_message(key.name), fmt::join(columns.names, ",")));
        }
    }
    for (const std::string& name : columns.names) {
        if (schema.find_key(name)) continue;
        const auto value = known.find_value(name);
        schema.values.push_back(value ? known.values[*value] : ValueColumn{name, ValueKind::text});
    }
    return schema;
}

class TextSide final : public Side {
public:
    TextSide(const std::filesystem::path& path, const Side* other, const SideArgs& with)
        : Side(path, "CSV"),
          separator_(io::format_of_name(path) == io::TextFormat::tsv ? '\t' : ','),
          with_(with) {
        // It is opened once for its header, and again for its rows.
        std::error_code none;
        if (std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path, none)) {
            throw InputError(fmt::format(
                "{}: is no plain file, and diff reads more than once; write it to one", path.string()));
        }
        const OpenText text(path, separator_);
        columns_ = read_columns(path, text.first, separator_, with.args);
        schema_ = schema_of(path, columns_, other, with.args);
    }

    [[nodiscard]] const Schema& schema() const override { return schema_; }
    [[nodiscard]] std::unique_ptr<comparing::RowSource> open(const Schema& schema,
                                                             const Stretch& stretch) override;
    [[nodiscard]] std::unique_ptr<comparing::RowSource> open_unsorted(const Schema& schema) override;

private:
    friend class TextRows;
    char separator_;
    const SideArgs& with_;
    Columns columns_;
    Schema schema_;
};

/// Blocks of text, parsed side by side and given in order.
class TextRows final : public comparing::RowSource {
public:
    /// `in_order`: they have to be.
    TextRows(const TextSide& side, const Schema& schema, bool in_order)
        : side_(side),
          schema_(schema),
          must_be_in_order_(in_order),
          blocks_(side.with_.blocks),
          text_(side.path(), side.separator_) {
        for (const KeyColumn& key : schema.key) fields_.key.push_back(*side.columns_.find(key.name));
        for (const ValueColumn& value : schema.values)
            fields_.values.push_back(*side.columns_.find(value.name));
        fields_.count = side.columns_.names.size();
    }
    ~TextRows() override {
        for (Slot& slot : slots_) {
            slot.work.cancel();
            slot.work.wait();
        }
    }

    /// Throws NotInOrder.
    bool next(RowBlock& block) override {
        for (;;) {
            while (begun_ - given_ < blocks_ && begin_block()) {
            }
            if (given_ == begun_) return false;
            Slot& slot = slots_[given_++ % blocks_];
            slot.work.wait();
            if (side_.with_.stop.requested()) throw Interrupted("stopped on request");
            if (slot.rows.empty()) continue;
            if (must_be_in_order_) {
                if (!slot.in_order || std::string_view(last_key_) > slot.rows.key(0))
                    throw NotInOrder{&side_};
                last_key_ = slot.rows.key(slot.rows.size() - 1);
            }
            std::swap(block, slot.rows);
            return true;
        }
    }

private:
    struct Slot {
        Slot(const TextRows& owner, comparing::NameTable& names)
            : rows(owner.schema_), cells(owner.side_.path().string(), owner.schema_, owner.fields_, names) {}
        io::TextBlock text;
        RowBlock rows;
        TextCells cells;
        bool in_order = true;
        tbb::task_group work; ///< last, so that it has ended when the rest goes
    };

    /// Reads the next block and has it parsed; false at the end of the file.
    bool begin_block() {
        if (at_end_) return false;
        if (slots_.size() < blocks_) slots_.emplace_back(*this, side_.with_.names);
        Slot& slot = slots_[begun_ % blocks_];
        const bool is_first = begun_ == 0;
        if (is_first) {
            slot.text = std::move(text_.first);
        } else if (!text_.blocks.next(slot.text)) {
            at_end_ = true;
            return false;
        }
        ++begun_;
        slot.work.run([this, &slot, is_first] { parse(slot, is_first); });
        return true;
    }

    void parse(Slot& slot, bool with_header) const {
        slot.rows = RowBlock(schema_);
        io::CsvRows rows(slot.text.text, slot.text.first_line, side_.separator_);
        io::CsvRow row;
        if (with_header) rows.next(row);
        while (rows.next(row)) slot.cells.append(row, slot.text.shortened, slot.rows);
        slot.in_order = true;
        for (std::size_t i = 1; i < slot.rows.size(); ++i)
            slot.in_order &= slot.rows.key(i - 1) <= slot.rows.key(i);
    }

    const TextSide& side_;
    Schema schema_;
    bool must_be_in_order_;
    std::size_t blocks_;
    OpenText text_;
    TextFields fields_;
    std::deque<Slot> slots_;
    std::size_t begun_ = 0;
    std::size_t given_ = 0;
    bool at_end_ = false;
    std::string last_key_;
};

std::unique_ptr<comparing::RowSource> TextSide::open(const Schema& schema, const Stretch& /*stretch*/) {
    return std::make_unique<TextRows>(*this, schema, true);
}

std::unique_ptr<comparing::RowSource> TextSide::open_unsorted(const Schema& schema) {
    return std::make_unique<TextRows>(*this, schema, false);
}

} // namespace

std::unique_ptr<Side> open_text(const std::filesystem::path& path, const Side* other, const SideArgs& with) {
    return std::make_unique<TextSide>(path, other, with);
}

} // namespace ipscore::stages::diffing
