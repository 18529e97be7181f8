#include "ipscore/io/table.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::io {

namespace {

using Json = nlohmann::ordered_json;

std::string values_hash(const TableIndex& index, std::uint64_t dictionary_checksum) {
    StreamHash hash;
    const auto update = [&](std::uint64_t value) { hash.update(std::as_bytes(std::span(&value, 1))); };
    update(dictionary_checksum);
    update(static_cast<std::uint64_t>(index.first_day));
    update(static_cast<std::uint64_t>(index.last_day));
    for (const PartRecord& part : index.parts) update(part.checksum);
    return hash.digest128_text();
}

} // namespace

std::uint64_t TableIndex::rows() const noexcept {
    std::uint64_t rows = 0;
    for (const PartRecord& part : parts) rows += part.rows;
    return rows;
}

std::uint64_t TableIndex::addresses() const noexcept {
    std::uint64_t addresses = 0;
    for (const PartRecord& part : parts) addresses += part.addresses;
    return addresses;
}

TableIndexWriter::TableIndexWriter(const std::filesystem::path& path)
    : file_(H5File::create(path)), dictionary_(file_, format::dictionary) {}

void TableIndexWriter::finish(TableIndex& index) {
    dictionary_.finish();
    index.content_hash = values_hash(index, dictionary_.checksum());
    Json days = Json::object();
    for (const auto& [day, rows] : index.rows_per_day) days[date_text(day)] = rows;
    const Json description{{"first_day", date_text(index.first_day)},
                           {"last_day", date_text(index.last_day)},
                           {"content_hash", index.content_hash},
                           {"rows_per_day", days},
                           {"counts", index.counts},
                           {"store", index.store}};
    write_text(file_, format::description, description.dump(1, ' ', false, Json::error_handler_t::replace));
    write_part_list(file_, index.parts);
    write_format(file_, format::table_index);
    file_.close();
}

TableIndex read_table_index(const std::filesystem::path& table, bool with_dictionary) {
    if (!std::filesystem::exists(table / format::index_name)) {
        throw InputError(fmt::format("{}: is no finished table (there is no {}); run ipscore prepare",
                                     table.string(), (table / format::index_name).string()));
    }
    const H5File file = H5File::open(table / format::index_name);
    check_format(file, format::table_index);
    TableIndex index;
    try {
        const Json description = Json::parse(read_text(file, format::description));
        index.first_day = parse_date(description.at("first_day").get<std::string>()).day;
        index.last_day = parse_date(description.at("last_day").get<std::string>()).day;
        index.content_hash = description.at("content_hash");
        for (const auto& [day, rows] : description.at("rows_per_day").items()) {
            index.rows_per_day[parse_date(day).day] = rows.get<std::uint64_t>();
        }
        index.counts = description.at("counts");
        index.store = description.at("store");
    } catch (const Json::exception& error) {
        file.damaged(error.what());
    }
    index.parts = read_part_list(file);
    if (with_dictionary) index.dictionary = read_strings(file, format::dictionary);
    return index;
}

std::uint64_t table_keys(const std::filesystem::path& table) {
    const H5File file = H5File::open(table / format::index_name);
    return StringsReader(file, format::dictionary).size();
}

bool table_index_stands(const std::filesystem::path& table, const std::vector<PartRecord>& parts) {
    try {
        const TableIndex index = read_table_index(table, false);
        const H5File file = H5File::open(table / format::index_name);
        const std::string name = format::dictionary;
        verify_column(file, name + "/bytes", ElementType::u8);
        verify_column(file, name + "/offsets", ElementType::u64);
        return std::ranges::equal(index.parts, parts, {}, &PartRecord::checksum, &PartRecord::checksum);
    } catch (const InputError&) {
        return false;
    }
}

} // namespace ipscore::io
