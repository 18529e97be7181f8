#include "reference_inputs.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

namespace ipscore::reference {

namespace {

constexpr std::size_t longest_key_bytes = 1024;
constexpr std::size_t longest_tag_bytes = 128;

/// A CSV file with its columns found by name.
struct Table {
    std::string file;
    std::vector<CsvRow> rows; ///< without the header
    std::map<std::string, std::size_t> columns;

    bool has(const std::string& column) const { return columns.contains(column); }
    const std::string& at(const CsvRow& row, const std::string& column) const {
        return row.fields[columns.at(column)];
    }
    bool fits(const CsvRow& row) const { return !row.malformed && row.fields.size() == columns.size(); }
    [[noreturn]] void fail(std::uint64_t line, const std::string& what) const {
        throw std::runtime_error(file + ": line " + std::to_string(line) + ": " + what);
    }
    [[noreturn]] void fail(const CsvRow& row, const std::string& column) const {
        fail(row.line, "bad " + column + ": " + at(row, column));
    }
};

Table read_table(const std::string& file, const std::string& csv, const std::set<std::string>& required) {
    Table table{file, read_csv(csv), {}};
    if (table.rows.empty()) table.fail(1, "no header");
    const CsvRow header = table.rows.front();
    table.rows.erase(table.rows.begin());
    if (header.malformed) table.fail(header.line, "bad quotes in the header");
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
        const std::string& name = header.fields[i];
        if (!is_utf8(name)) table.fail(header.line, "the header is not UTF-8");
        if (!table.columns.emplace(name, i).second) table.fail(header.line, "column comes twice: " + name);
    }
    for (const std::string& name : required) {
        if (!table.has(name)) table.fail(header.line, "no column " + name);
    }
    return table;
}

bool is_sized(const std::string& value, std::size_t longest_bytes) {
    return !value.empty() && value.size() <= longest_bytes;
}

} // namespace

std::uint64_t add_observations(const std::string& csv, Observations& observations) {
    const Table table = read_table("observations", csv, {"ip", "day", "key"});
    std::uint64_t bad_rows = 0;
    for (const CsvRow& row : table.rows) {
        if (!table.fits(row)) {
            ++bad_rows;
            continue;
        }
        const auto address = parse_address(table.at(row, "ip"));
        const auto day = parse_day(table.at(row, "day"));
        const std::string& key = table.at(row, "key");
        const auto hits = table.has("hits") ? parse_whole(table.at(row, "hits"), 4294967295) : 1;
        if (!address || !day || !is_sized(key, longest_key_bytes) || !hits || *hits == 0) {
            ++bad_rows;
            continue;
        }
        observations[{*address, key, *day}] += *hits;
    }
    // The default of --max-rejects: 1 %, and at least 100 rows.
    if (bad_rows > 100 && bad_rows * 100 > table.rows.size()) table.fail(1, "too many bad rows");
    return bad_rows;
}

Classification read_classification(const std::string& csv) {
    const Table table = read_table("classification", csv, {"key", "tag", "weight"});
    Classification classification;
    std::map<std::pair<std::string, std::string>, std::uint64_t> first_line;
    for (const CsvRow& row : table.rows) {
        if (!table.fits(row)) table.fail(row.line, "bad row");
        const std::string& key = table.at(row, "key");
        const std::string& tag = table.at(row, "tag");
        const auto weight = parse_millionths(table.at(row, "weight"));
        if (!is_sized(key, longest_key_bytes)) table.fail(row, "key");
        if (!is_sized(tag, longest_tag_bytes)) table.fail(row, "tag");
        if (!weight) table.fail(row, "weight");
        const auto [entry, is_new] = classification[key].emplace(tag, *weight);
        if (is_new) first_line[{key, tag}] = row.line;
        if (entry->second != *weight) {
            table.fail(row.line, "another weight than in line " + std::to_string(first_line[{key, tag}]));
        }
    }
    return classification;
}

std::vector<CompanyNetwork> read_companies(const std::string& csv) {
    const Table table = read_table("companies", csv, {"network", "company", "confidence"});
    std::vector<CompanyNetwork> networks;
    std::set<Network> seen;
    for (const CsvRow& row : table.rows) {
        if (!table.fits(row)) table.fail(row.line, "bad row");
        const auto network = parse_network(table.at(row, "network"));
        const auto confidence = parse_millionths(table.at(row, "confidence"));
        const std::string& company = table.at(row, "company");
        if (!network) table.fail(row, "network");
        if (company.empty()) table.fail(row, "company");
        if (!confidence) table.fail(row, "confidence");
        if (!seen.insert(*network).second) table.fail(row.line, "the same network twice");
        networks.push_back(
            {*network, company, table.has("type") ? table.at(row, "type") : std::string(), *confidence});
    }
    return networks;
}

} // namespace ipscore::reference
