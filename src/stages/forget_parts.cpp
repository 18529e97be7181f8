#include "forget_parts.hpp"

#include "forgetting.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/output_directory.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/table.hpp"
#include "look_for_stop.hpp"
#include "part_results.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ipscore::stages {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Copies the part to `to`, without the addresses.
void copy_table_part(const fs::path& from, const fs::path& to, std::uint64_t keys,
                     const NetworkSet& addresses) {
    const io::H5File source = io::H5File::open(from);
    io::PartRecord record = io::read_part_record(source, io::format::table_part);
    io::SortedRowsReader reader(source, keys);
    io::H5File file = io::H5File::create(to);
    io::SortedRowsWriter writer(file);
    io::RowsPerDay gone;
    while (reader.next_address()) {
        const bool is_gone = addresses.holds(reader.address());
        if (!is_gone) writer.begin_address(reader.address());
        for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
            if (!is_gone) {
                writer.append(rows);
                continue;
            }
            for (const std::uint16_t day : rows.day) ++gone[day];
        }
    }
    writer.finish();
    Json& counts = record.counts;
    for (const auto& [day, rows] : gone) {
        Json& left = counts["rows_per_day"][date_text(day)];
        left = left.get<std::uint64_t>() - rows;
        if (left == 0) counts["rows_per_day"].erase(date_text(day));
    }
    counts["rows_forgotten"] = counts.value("rows_forgotten", std::uint64_t{0}) + record.rows - writer.rows();
    record.addresses = writer.addresses();
    record.rows = writer.rows();
    record.first_address = writer.first_address();
    record.last_address = writer.last_address();
    record.checksum = writer.checksum();
    counts["rows"] = record.rows;
    counts["addresses"] = record.addresses;
    counts["stored_bytes"] = writer.stored_bytes();
    io::write_part_record(file, io::format::table_part, source.read_text("/", io::format::attribute_job),
                          source.read_u64("/", io::format::attribute_part), record);
    file.close();
}

template <class Column, class Span>
void append(Column& column, const Span& span) {
    column.insert(column.end(), span.begin(), span.end());
}

/// The same of scores.
void copy_scores_part(const fs::path& from, const fs::path& to, const NetworkSet& addresses) {
    const io::H5File source = io::H5File::open(from);
    io::PartRecord record = io::read_part_record(source, io::format::scores_part);
    io::ScoresPartReader reader(from);
    io::ScoresPartWriter writer(to);
    while (reader.next_address()) {
        if (addresses.holds(reader.address())) continue;
        scoring::ScoreBatch batch;
        batch.address = {reader.address()};
        batch.company = {reader.company()};
        for (auto rows = reader.next_rows(); rows.size() > 0; rows = reader.next_rows()) {
            batch.rows += rows.size();
            append(batch.tag, rows.tag);
            append(batch.score, rows.score);
            append(batch.surge, rows.surge);
            append(batch.confident, rows.confident);
            append(batch.hits, rows.hits);
            append(batch.keys, rows.keys);
            append(batch.days, rows.days);
            append(batch.first_day, rows.first_day);
            append(batch.last_day, rows.last_day);
            append(batch.raw, rows.raw);
        }
        batch.tag_rows = {static_cast<std::uint32_t>(batch.rows)};
        writer.append(batch);
    }
    io::EvidenceReader evidence = io::open_part_evidence(from);
    for (auto some = evidence.next(); !some.empty(); some = evidence.next())
        for (const scoring::CompanyEvidence& one : some) writer.append(one);
    const auto lessen = [&](const char* group, const char* name, std::uint64_t before, std::uint64_t now) {
        Json& count = record.counts.at(group).at(name);
        count = count.get<std::uint64_t>() - (before - now);
        Json& forgotten = record.counts[group]["forgotten"];
        forgotten = (forgotten.is_null() ? 0 : forgotten.get<std::uint64_t>()) + (before - now);
    };
    lessen("rows", "written", record.rows, writer.rows());
    lessen("addresses", "with_rows", record.addresses, writer.addresses());
    writer.finish(source.read_text("/", io::format::attribute_job),
                  source.read_u64("/", io::format::attribute_part), record);
}

/// Has the parts that hold any of the addresses rewritten by `copy(from, to)`. Returns the records of all
/// parts as they are then, with their counts summed up.
template <class Copy>
std::vector<io::PartRecord> rewrite_parts(const fs::path& directory, const char* format, std::size_t parts,
                                          const NetworkSet& addresses, const StopFlag& stop, Json& counts,
                                          ForgottenParts& done, Copy copy) {
    std::vector<io::PartRecord> records;
    for (std::size_t part = 0; part < parts; ++part) {
        look_for_stop(stop);
        const fs::path path = directory / io::format::part_name(part);
        if (const std::uint64_t there = count_addresses(path, addresses); there > 0) {
            io::TemporaryFile file(path);
            copy(path, file.path());
            file.publish();
            ++done.rewritten;
            done.addresses += there;
        }
        records.push_back(io::read_part_record(io::H5File::open(path), format));
        add_counts(counts, records.back().counts);
    }
    return records;
}

bool same_parts(const std::vector<io::PartRecord>& a, const std::vector<io::PartRecord>& b) {
    return std::ranges::equal(a, b, {}, &io::PartRecord::checksum, &io::PartRecord::checksum);
}

} // namespace

ForgottenParts forget_in_table(const fs::path& table, const NetworkSet& addresses, const StopFlag& stop) {
    constexpr bool with_dictionary = false;
    io::TableIndex index = io::read_table_index(table, with_dictionary);
    const io::DirectoryLock lock(table);
    io::remove_temporary_files(table);
    const std::uint64_t keys = io::table_keys(table);
    ForgottenParts done;
    Json counts;
    const auto copy = [&](const fs::path& from, const fs::path& to) {
        copy_table_part(from, to, keys, addresses);
    };
    auto parts =
        rewrite_parts(table, io::format::table_part, index.parts.size(), addresses, stop, counts, done, copy);
    // Also where an earlier call was killed between the parts and the index.
    if (same_parts(parts, index.parts)) return done;
    index.parts = std::move(parts);
    index.rows_per_day = io::rows_per_day_of(counts.at("rows_per_day"));
    counts.erase("rows_per_day");
    counts.erase("unclassified_per_day"); // the index keeps its own: whose rows those were is not known
    index.counts = std::move(counts);
    io::TemporaryFile file(table / io::format::index_name);
    io::TableIndexWriter writer(file.path(), index.classification.has_value());
    {
        const io::H5File before = io::H5File::open(table / io::format::index_name);
        io::StringsReader dictionary(before, io::format::dictionary);
        for (std::string_view key; dictionary.next(key);) writer.add_key(key);
        if (index.classification) {
            io::StringsReader unseen_keys(before, io::format::unseen_keys);
            for (std::string_view key; unseen_keys.next(key);) writer.add_unseen_key(key);
        }
    }
    writer.finish(index);
    file.publish();
    return done;
}

ForgottenParts forget_in_scores(const fs::path& scores, const NetworkSet& addresses, const StopFlag& stop) {
    io::ScoresIndex index = io::read_scores_index(scores);
    const io::DirectoryLock lock(scores);
    io::remove_temporary_files(scores);
    ForgottenParts done;
    Json counts = Json::object();
    const auto copy = [&](const fs::path& from, const fs::path& to) {
        copy_scores_part(from, to, addresses);
    };
    auto parts = rewrite_parts(scores, io::format::scores_part, index.parts.size(), addresses, stop, counts,
                               done, copy);
    if (same_parts(parts, index.parts)) return done;
    index.parts = std::move(parts);
    std::uint64_t stored_bytes = 0;
    for (std::size_t part = 0; part < index.parts.size(); ++part)
        stored_bytes += fs::file_size(scores / io::format::part_name(part));
    counts["stored_bytes"] = stored_bytes;
    index.counts = std::move(counts);
    io::TemporaryFile file(scores / io::format::index_name);
    io::ScoresIndexWriter writer(file.path());
    for (const scoring::CompanyRow& row : index.company_rows) writer.append(row);
    writer.finish(index, io::read_scoring_inputs(scores, index));
    file.publish();
    return done;
}

} // namespace ipscore::stages
