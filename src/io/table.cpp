#include "ipscore/io/table.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/strings.hpp"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <stdexcept>

namespace ipscore::io {

namespace {

using Json = nlohmann::ordered_json;

std::string values_hash(const TableIndex& index, std::uint64_t dictionary_checksum,
                        std::optional<std::uint64_t> unseen_keys_checksum) {
    StreamHash hash;
    const auto update = [&](std::uint64_t value) { hash.update(std::as_bytes(std::span(&value, 1))); };
    update(dictionary_checksum);
    if (unseen_keys_checksum) update(*unseen_keys_checksum);
    update(static_cast<std::uint64_t>(index.first_day));
    update(static_cast<std::uint64_t>(index.last_day));
    for (const PartRecord& part : index.parts) update(part.checksum);
    return hash.digest128_text();
}

void verify_strings(const H5File& file, const std::string& name) {
    verify_column(file, name + "/bytes", ElementType::u8);
    verify_column(file, name + "/offsets", ElementType::u64);
}

} // namespace

std::uint64_t TableClassification::rows_unclassified() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& [day, rows] : unclassified) sum += rows;
    return sum;
}

bool TableIndex::has_observations_of(Day day) const {
    return rows_per_day.contains(day) || (classification && classification->unclassified.contains(day));
}

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

TableIndexWriter::TableIndexWriter(const std::filesystem::path& path, bool classified_keys_only)
    : file_(H5File::create(path)), dictionary_(file_, format::dictionary) {
    if (classified_keys_only) unseen_keys_.emplace(file_, format::unseen_keys);
}

void TableIndexWriter::finish(TableIndex& index) {
    assert(unseen_keys_.has_value() == index.classification.has_value());
    dictionary_.finish();
    std::optional<std::uint64_t> unseen_keys_checksum;
    if (unseen_keys_) {
        unseen_keys_->finish();
        unseen_keys_checksum = unseen_keys_->checksum();
    }
    index.content_hash = values_hash(index, dictionary_.checksum(), unseen_keys_checksum);
    Json description{{"first_day", date_text(index.first_day)},
                     {"last_day", date_text(index.last_day)},
                     {"content_hash", index.content_hash},
                     {"rows_per_day", to_json(index.rows_per_day)},
                     {"counts", index.counts},
                     {"store", index.store}};
    if (const auto& classification = index.classification) {
        description["classification"] = {{"content_hash", classification->content_hash},
                                         {"keys", classification->keys},
                                         {"unclassified_per_day", to_json(classification->unclassified)}};
    }
    write_text(file_, format::description, description.dump(1, ' ', false, Json::error_handler_t::replace));
    write_part_list(file_, index.parts);
    write_format(file_, format::table_index,
                 index.classification ? format::table_index_version : format::version);
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
        index.rows_per_day = rows_per_day_of(description.at("rows_per_day"));
        index.counts = description.at("counts");
        index.store = description.at("store");
        if (const auto found = description.find("classification"); found != description.end()) {
            index.classification =
                TableClassification{.content_hash = found->at("content_hash"),
                                    .keys = found->at("keys"),
                                    .unclassified = rows_per_day_of(found->at("unclassified_per_day"))};
        }
    } catch (const Json::exception& error) {
        file.damaged(error.what());
    } catch (const std::invalid_argument& error) {
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
        verify_strings(file, format::dictionary);
        if (index.classification) verify_strings(file, format::unseen_keys);
        return std::ranges::equal(index.parts, parts, {}, &PartRecord::checksum, &PartRecord::checksum);
    } catch (const InputError&) {
        return false;
    }
}

} // namespace ipscore::io
