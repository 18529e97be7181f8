// Small scores and tables, written value by value, for the tests of export.
#pragma once

#include "../io/table_index_file.hpp"
#include "ipscore/core/address.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/h5.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/export.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace ipscore::stages {

// After a failed write HDF5 must not tidy up at exit; to be said before anything else uses it.
inline const bool hdf5_is_prepared = (io::prepare_hdf5_library(), true);

inline Day day_of(std::string_view text) { return parse_date(text).day; }
inline Address address_of(std::string_view text) { return parse_address(text).value(); }
inline Network network_of(std::string_view text) { return parse_network(text).network; }

inline std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What a program prints; nothing when it fails.
inline std::string output_of(const std::string& command) {
    std::string text;
    FILE* const pipe = ::popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    char buffer[4096];
    while (const std::size_t bytes = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, bytes);
    return ::pclose(pipe) == 0 ? text : "";
}

struct ScoreOfTag {
    std::uint32_t tag = 0;
    float score = 0;
    float surge = 0;
    bool confident = false;
    std::uint64_t hits = 1;
    std::uint32_t keys = 1;
    std::uint8_t days = 1;
    std::string first_day = "2026-11-01";
    std::string last_day = "2026-11-01";
    std::uint64_t raw = 1;
};
struct ScoredAddress {
    std::string address;
    std::uint32_t company = scoring::no_company;
    std::vector<ScoreOfTag> rows;
};
using ScoredPart = std::vector<ScoredAddress>;

inline io::PartRecord write_scores_part(const std::filesystem::path& directory, std::uint64_t number,
                                        const ScoredPart& part) {
    io::ScoresPartWriter writer(directory / io::format::part_name(number));
    for (const ScoredAddress& address : part) {
        scoring::ScoreBatch batch;
        batch.address = {address_of(address.address)};
        batch.company = {address.company};
        batch.tag_rows = {static_cast<std::uint32_t>(address.rows.size())};
        batch.rows = address.rows.size();
        for (const ScoreOfTag& row : address.rows) {
            batch.tag.push_back(row.tag);
            batch.score.push_back(row.score);
            batch.surge.push_back(row.surge);
            batch.confident.push_back(row.confident ? 1 : 0);
            batch.hits.push_back(row.hits);
            batch.keys.push_back(row.keys);
            batch.days.push_back(row.days);
            batch.first_day.push_back(day_of(row.first_day));
            batch.last_day.push_back(day_of(row.last_day));
            batch.raw.push_back(row.raw);
        }
        writer.append(batch);
    }
    io::PartRecord record;
    record.counts = nlohmann::ordered_json::object();
    writer.finish("job", number, record);
    return record;
}

inline void write_scores(const std::filesystem::path& directory, io::ScoresIndex& index,
                         const std::vector<ScoredPart>& parts) {
    std::filesystem::create_directories(directory);
    index.job_hash = "job";
    index.model.as_of = day_of("2026-11-22");
    index.counts = {{"rows", 4}};
    for (std::size_t part = 0; part < parts.size(); ++part)
        index.parts.push_back(write_scores_part(directory, part, parts[part]));
    io::ScoresIndexWriter writer(directory / io::format::index_name);
    for (const scoring::CompanyRow& row : index.company_rows) writer.append(row);
    writer.finish(index, scoring::ScoringInputs{});
}

/// Tags `a,b`, `plain`, `say "hi"`; companies `Acme, Inc.`, `Beta`; three parts, of which one is empty.
inline void write_small_scores(const std::filesystem::path& directory) {
    io::ScoresIndex index;
    for (const auto* tag : {"a,b", "plain", "say \"hi\""}) index.tags.push_back(tag);
    for (const auto* company : {"Acme, Inc.", "Beta"}) index.companies.names.push_back(company);
    index.companies.networks = {{network_of("1.2.3.0/24"), 0, 900'000, "business"},
                                {network_of("2001:db8::/32"), 1, 1'000'000, "isp"}};
    constexpr float inf = std::numeric_limits<float>::infinity();
    index.company_rows = {{0, 0, 12.5F, 1.5F, 1, 7, 3, 6000},
                          {0, 1, 50.0F, inf, 2, 9, 4, 18446744073709551615U},
                          {1, 1, 0.1F, 0, 1, 1, 1, 1}};
    write_scores(directory, index,
                 {{{"1.2.3.4",
                    0,
                    {{0, 12.5F, 0.25F, false, 7, 2, 3, "2026-11-01", "2026-11-09", 6553600},
                     {1, 99.99999F, inf, true, 18446744073709551615U, 4294967295U, 128, "2026-07-18",
                      "2026-11-22", 18446744073709551615U}}},
                   {"9.9.9.9", scoring::no_company, {{2, 0.1F, 0, false}}}},
                  {},
                  {{"2001:db8::1", 1, {{1, 60.0F, 1e-7F, true, 2, 2, 2, "2000-01-01", "2099-12-31", 3}}}}});
}

struct Observation {
    std::string day;
    std::uint32_t key = 0;
    std::uint32_t hits = 1;
};
struct ObservedAddress {
    std::string address;
    std::vector<Observation> rows;
};
using ObservedPart = std::vector<ObservedAddress>;

inline void write_table(const std::filesystem::path& directory, io::TableIndex& index,
                        const std::vector<ObservedPart>& parts) {
    std::filesystem::create_directories(directory);
    index.first_day = day_of("2026-08-25");
    index.last_day = day_of("2026-11-22");
    for (std::size_t number = 0; number < parts.size(); ++number) {
        io::H5File file = io::H5File::create(directory / io::format::part_name(number));
        io::SortedRowsWriter writer(file);
        for (const ObservedAddress& address : parts[number]) {
            writer.begin_address(address_of(address.address));
            for (const Observation& row : address.rows)
                writer.append(row.key, static_cast<std::uint16_t>(day_of(row.day)), row.hits);
        }
        writer.finish();
        io::PartRecord record;
        record.addresses = writer.addresses();
        record.rows = writer.rows();
        record.first_address = writer.first_address();
        record.last_address = writer.last_address();
        record.checksum = writer.checksum();
        record.counts = nlohmann::ordered_json::object();
        io::write_part_record(file, io::format::table_part, "job", number, record);
        file.close();
        index.parts.push_back(record);
    }
    io::write_table_index(directory / io::format::index_name, index);
}

/// Keys `a,b`, a line break, `plain`, and bytes that are no UTF-8; two parts.
inline void write_small_table(const std::filesystem::path& directory) {
    io::TableIndex index;
    for (const std::string_view key : {"a,b", "line\nbreak", "plain", "\xff\xfe"})
        index.dictionary.push_back(key);
    write_table(directory, index,
                {{{"1.2.3.4", {{"2026-11-01", 0, 5}, {"2026-11-02", 0, 4294967295U}, {"2026-11-01", 2}}}},
                 {{"::1:0:0", {{"2026-10-31", 1, 2}}}, {"2001:db8::1", {{"2026-11-22", 3, 3}}}}});
}

/// A fresh directory that goes with the test.
class ExportTest : public ::testing::Test {
protected:
    ExportTest() {
        std::string path = ::testing::TempDir() + "ipscore-export-XXXXXX";
        directory = ::mkdtemp(path.data());
    }
    ~ExportTest() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] ExportArgs args(const std::filesystem::path& input) const {
        ExportArgs args;
        args.input = directory / input;
        args.output = (directory / "out.csv").string();
        return args;
    }
    ExportReport run(const ExportArgs& args) { return export_to(args, stop); }
    /// The text that an export writes.
    std::string text_of(const ExportArgs& args) {
        report = run(args);
        return read(args.output);
    }
    /// The message of the error that ends an export, which must leave nothing behind.
    template <class Error>
    std::string refusal(const ExportArgs& args) {
        try {
            run(args);
        } catch (const Error& error) {
            EXPECT_EQ(left_over(), std::vector<std::string>{}) << error.what();
            return error.what();
        }
        ADD_FAILURE() << "the export should have failed";
        return "";
    }
    /// Files in the directory that are no inputs.
    [[nodiscard]] std::vector<std::string> left_over() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (!entry.is_directory()) names.push_back(entry.path().filename().string());
        }
        return names;
    }

public:
    std::filesystem::path directory;
    StopFlag stop;
    ExportReport report;
};

} // namespace ipscore::stages
