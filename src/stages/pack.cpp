// One plain HDF5 file in place of an index and its parts: the same columns, those of the parts one after the
// other.
#include "export_parts.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/strings.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/io/text_sink.hpp"

#include <array>
#include <fmt/format.h>
#include <span>
#include <stdexcept>
#include <string_view>
#include <variant>

namespace ipscore::stages::exporting {

namespace {

namespace format = io::format;
using io::Codec;
using io::ColumnName;
using io::ColumnReader;
using io::ColumnWriter;
using io::ElementType;
using io::H5File;
using io::PartRecord;

// Columns of the indexes that go into the packed file: all that belongs to the values.
constexpr std::array scores_index_columns{ColumnName{"tags/bytes", ElementType::u8},
                                          ColumnName{"tags/offsets", ElementType::u64},
                                          ColumnName{"companies/bytes", ElementType::u8},
                                          ColumnName{"companies/offsets", ElementType::u64},
                                          ColumnName{format::description, ElementType::u8},
                                          ColumnName{format::network_hi, ElementType::u64},
                                          ColumnName{format::network_lo, ElementType::u64},
                                          ColumnName{format::network_prefix_length, ElementType::u8},
                                          ColumnName{format::network_company, ElementType::u32},
                                          ColumnName{format::network_confidence, ElementType::u32},
                                          ColumnName{"networks/type/bytes", ElementType::u8},
                                          ColumnName{"networks/type/offsets", ElementType::u64},
                                          ColumnName{format::company_company, ElementType::u32},
                                          ColumnName{format::company_tag, ElementType::u32},
                                          ColumnName{format::company_score, ElementType::f32},
                                          ColumnName{format::company_surge, ElementType::f32},
                                          ColumnName{format::company_addresses, ElementType::u64},
                                          ColumnName{format::company_hits, ElementType::u64},
                                          ColumnName{format::company_days, ElementType::u8},
                                          ColumnName{format::company_raw, ElementType::u64}};
constexpr std::array table_index_columns{ColumnName{"dictionary/bytes", ElementType::u8},
                                         ColumnName{"dictionary/offsets", ElementType::u64},
                                         ColumnName{format::description, ElementType::u8}};

/// As the parts and indexes are coded themselves.
Codec codec_of(const ColumnName& column) {
    const std::string_view name = column.name;
    if (column.type == ElementType::f32) return Codec::none;
    return name.ends_with("/bytes") || name == format::description ? Codec::deflate : Codec::scale_offset;
}

using AnyColumnWriter =
    std::variant<ColumnWriter<std::uint8_t>, ColumnWriter<std::uint16_t>, ColumnWriter<std::uint32_t>,
                 ColumnWriter<std::uint64_t>, ColumnWriter<std::int32_t>, ColumnWriter<float>>;

AnyColumnWriter make_writer(H5File& packed, const ColumnName& column) {
    const Codec codec = codec_of(column);
    switch (column.type) {
    case ElementType::u8:
        return ColumnWriter<std::uint8_t>(packed, column.name, codec);
    case ElementType::u16:
        return ColumnWriter<std::uint16_t>(packed, column.name, codec);
    case ElementType::u32:
        return ColumnWriter<std::uint32_t>(packed, column.name, codec);
    case ElementType::u64:
        return ColumnWriter<std::uint64_t>(packed, column.name, codec);
    case ElementType::i32:
        return ColumnWriter<std::int32_t>(packed, column.name, codec);
    case ElementType::f32:
        return ColumnWriter<float>(packed, column.name, codec);
    }
    throw std::logic_error("a column of no type");
}

template <class T>
std::uint64_t copy_column(ColumnWriter<T>& to, const H5File& from, const std::string& name,
                          const StopFlag& stop) {
    ColumnReader<T> reader(from, name);
    for (auto values = reader.next(); !values.empty(); values = reader.next()) {
        if (stop.requested()) throw Interrupted("stopped on request; nothing was written");
        to.append(values);
    }
    return reader.size();
}

/// A column of the packed file.
class PackedColumn {
public:
    PackedColumn(H5File& packed, const ColumnName& column)
        : name_(column.name), writer_(make_writer(packed, column)) {}

    /// Appends the column of that name, chunk by chunk; returns how many values it has.
    std::uint64_t append(const H5File& from, const StopFlag& stop) {
        return std::visit([&](auto& writer) { return copy_column(writer, from, name_, stop); }, writer_);
    }
    void finish() {
        std::visit([](auto& writer) { writer.finish(); }, writer_);
    }
    [[nodiscard]] bool is_of_addresses() const noexcept { return name_.starts_with("addresses/"); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    AnyColumnWriter writer_;
};

std::vector<PackedColumn> make_columns(H5File& packed, std::span<const ColumnName> names) {
    std::vector<PackedColumn> columns;
    for (const ColumnName& name : names) {
        // What the parts know of companies, the company rows of the index say in full.
        if (!std::string_view(name.name).starts_with("evidence/")) columns.emplace_back(packed, name);
    }
    return columns;
}

void append_part(std::vector<PackedColumn>& columns, const H5File& part, const PartRecord& record,
                 const StopFlag& stop) {
    for (PackedColumn& column : columns) {
        const std::uint64_t values = column.append(part, stop);
        if (values != (column.is_of_addresses() ? record.addresses : record.rows))
            part.damaged(fmt::format("column {} has another length than the index says", column.name()));
    }
}

struct PackJob {
    const char* packed_format;
    const char* part_format;
    std::span<const ColumnName> part_columns;
    std::span<const ColumnName> index_columns;
    const std::vector<PartRecord>& parts;
};

ExportReport pack(const ExportArgs& args, const PackJob& job, const StopFlag& stop) {
    const std::filesystem::path path = io::file_of_output(args.output);
    std::error_code none;
    const auto status = std::filesystem::status(path, none);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        throw InputError(fmt::format("cannot write {}: HDF5 needs a plain file", args.output));
    // A part of another name would make a wreck of the input.
    if (std::filesystem::equivalent(path.has_parent_path() ? path.parent_path() : ".", args.input, none))
        throw InputError(
            fmt::format("cannot write {}: it lies in the directory that is exported", args.output));

    io::TemporaryFile temporary(path);
    H5File packed = H5File::create(temporary.path());
    ExportReport report;
    auto columns = make_columns(packed, job.part_columns);
    PartWalk parts(args.input, job.parts, job.part_format);
    while (const auto part = parts.next()) {
        append_part(columns, H5File::open(*part), parts.record(), stop);
        report.rows += parts.record().rows;
    }
    for (PackedColumn& column : columns) column.finish();
    const H5File index = H5File::open(args.input / format::index_name);
    for (const ColumnName& name : job.index_columns) {
        PackedColumn column(packed, name);
        column.append(index, stop);
        column.finish();
    }
    io::write_format(packed, job.packed_format);
    packed.close();
    report.bytes = std::filesystem::file_size(temporary.path());
    temporary.publish();
    return report;
}

} // namespace

ExportReport pack_scores(const ExportArgs& args, const StopFlag& stop) {
    const auto parts = io::read_scores_index(args.input).parts;
    return pack(args,
                {format::packed_scores, format::scores_part, io::scores_columns, scores_index_columns, parts},
                stop);
}

ExportReport pack_table(const ExportArgs& args, const StopFlag& stop) {
    constexpr bool with_dictionary = false;
    const auto parts = io::read_table_index(args.input, with_dictionary).parts;
    return pack(args,
                {format::packed_table, format::table_part, io::table_columns, table_index_columns, parts},
                stop);
}

} // namespace ipscore::stages::exporting
