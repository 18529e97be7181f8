#include "ipscore/io/part.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"

#include <fmt/format.h>

namespace ipscore::io {

namespace {
using Json = nlohmann::ordered_json;

template <class Get>
void write_list(H5File& file, const char* name, const std::vector<PartRecord>& parts, Get get) {
    std::vector<std::uint64_t> values;
    values.reserve(parts.size());
    for (const PartRecord& part : parts) values.push_back(get(part));
    write_column<std::uint64_t>(file, name, Codec::none, values);
}

} // namespace

void write_part_record(H5File& file, const char* format, const std::string& job_hash, std::uint64_t part,
                       const PartRecord& record) {
    write_format(file, format);
    file.write_attribute("/", format::attribute_job, std::string_view(job_hash));
    file.write_attribute("/", format::attribute_part, part);
    file.write_attribute("/", "addresses", record.addresses);
    file.write_attribute("/", "rows", record.rows);
    file.write_attribute("/", "first_address_hi", record.first_address.hi);
    file.write_attribute("/", "first_address_lo", record.first_address.lo);
    file.write_attribute("/", "last_address_hi", record.last_address.hi);
    file.write_attribute("/", "last_address_lo", record.last_address.lo);
    file.write_attribute("/", "checksum", record.checksum);
    write_text(file, format::counts, record.counts.dump());
}

PartRecord read_part_record(const H5File& file, const char* format) {
    check_format(file, format);
    PartRecord record;
    record.addresses = file.read_u64("/", "addresses");
    record.rows = file.read_u64("/", "rows");
    record.first_address = {file.read_u64("/", "first_address_hi"), file.read_u64("/", "first_address_lo")};
    record.last_address = {file.read_u64("/", "last_address_hi"), file.read_u64("/", "last_address_lo")};
    record.checksum = file.read_u64("/", "checksum");
    try {
        record.counts = Json::parse(read_text(file, format::counts));
    } catch (const Json::exception& error) {
        file.damaged(error.what());
    }
    return record;
}

H5File open_listed_part(const std::filesystem::path& directory, const char* part_format, std::uint64_t part,
                        const PartRecord& record) {
    H5File file = H5File::open(directory / format::part_name(part));
    check_format(file, part_format);
    if (file.read_u64("/", format::attribute_part) != part ||
        file.read_u64("/", "checksum") != record.checksum) {
        throw InputError(
            fmt::format("{}: is not the part that {} lists; make the directory again with --restart",
                        file.path().string(), (directory / format::index_name).string()));
    }
    return file;
}

std::optional<PartRecord> verify_part(const std::filesystem::path& path, const char* format,
                                      const std::string& job_hash, std::uint64_t part,
                                      std::span<const ColumnName> columns, const StopFlag& halt) {
    if (!std::filesystem::exists(path)) return std::nullopt;
    try {
        const H5File file = H5File::open(path);
        PartRecord record = read_part_record(file, format);
        if (file.read_text("/", format::attribute_job) != job_hash) return std::nullopt;
        if (file.read_u64("/", format::attribute_part) != part) return std::nullopt;
        std::vector<std::uint64_t> checksums;
        for (const ColumnName& column : columns)
            checksums.push_back(verify_column(file, column.name, column.type, halt));
        if (record.checksum != combine_checksums(checksums)) return std::nullopt;
        return record;
    } catch (const InputError&) {
        return std::nullopt;
    } catch (const Interrupted&) {
        return std::nullopt;
    }
}

std::uint64_t combine_checksums(std::span<const std::uint64_t> checksums) {
    return checksum64(std::as_bytes(checksums));
}

void write_part_list(H5File& file, const std::vector<PartRecord>& parts) {
    write_list(file, format::part_addresses, parts, [](const PartRecord& part) { return part.addresses; });
    write_list(file, format::part_rows, parts, [](const PartRecord& part) { return part.rows; });
    write_list(file, format::part_first_hi, parts,
               [](const PartRecord& part) { return part.first_address.hi; });
    write_list(file, format::part_first_lo, parts,
               [](const PartRecord& part) { return part.first_address.lo; });
    write_list(file, format::part_last_hi, parts,
               [](const PartRecord& part) { return part.last_address.hi; });
    write_list(file, format::part_last_lo, parts,
               [](const PartRecord& part) { return part.last_address.lo; });
    write_list(file, format::part_checksum, parts, [](const PartRecord& part) { return part.checksum; });
}

std::vector<PartRecord> read_part_list(const H5File& file) {
    const auto addresses = read_column<std::uint64_t>(file, format::part_addresses);
    const auto rows = read_column<std::uint64_t>(file, format::part_rows);
    const auto first_hi = read_column<std::uint64_t>(file, format::part_first_hi);
    const auto first_lo = read_column<std::uint64_t>(file, format::part_first_lo);
    const auto last_hi = read_column<std::uint64_t>(file, format::part_last_hi);
    const auto last_lo = read_column<std::uint64_t>(file, format::part_last_lo);
    const auto checksum = read_column<std::uint64_t>(file, format::part_checksum);
    const std::size_t parts = addresses.size();
    for (const auto* column : {&rows, &first_hi, &first_lo, &last_hi, &last_lo, &checksum}) {
        if (column->size() != parts) file.damaged("the columns of the list of parts differ in length");
    }
    std::vector<PartRecord> list(parts);
    for (std::size_t i = 0; i < parts; ++i) {
        list[i].addresses = addresses[i];
        list[i].rows = rows[i];
        list[i].first_address = {first_hi[i], first_lo[i]};
        list[i].last_address = {last_hi[i], last_lo[i]};
        list[i].checksum = checksum[i];
    }
    return list;
}

} // namespace ipscore::io
