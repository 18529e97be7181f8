#include "ipscore/io/companies_csv.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::io {

namespace {

/// A row with its company by name still.
struct Row {
    scoring::CompanyNetwork network;
    std::string company;
    std::uint64_t line = 0;
};

Network network_of(std::string_view text, const CsvPlace& place) {
    const ParsedNetwork parsed = parse_network(text);
    switch (parsed.fault) {
    case NetworkFault::none:
        break;
    case NetworkFault::not_a_network:
        place.bad_value("network", text, "is not a network such as 192.0.2.0/24");
    case NetworkFault::host_bits_set:
        place.bad_value("network", text, "has host bits set");
    }
    return parsed.network;
}

std::vector<Row> read_rows(const std::filesystem::path& path, InputFile& file) {
    std::vector<Row> rows;
    std::size_t network = 0;
    std::size_t company = 0;
    std::size_t confidence = 0;
    std::optional<std::size_t> type;
    file = read_csv(
        path,
        [&](const CsvHeader& header) {
            network = header.require("network");
            company = header.require("company");
            confidence = header.require("confidence");
            type = header.find("type");
        },
        [&](const CsvRow& csv, const CsvPlace& place) {
            Row row;
            row.line = csv.line;
            row.network.network = network_of(csv.fields[network], place);
            row.company = csv.fields[company];
            if (row.company.empty()) place.bad_value("company", row.company, "is empty");
            row.network.confidence = share_of("confidence", csv.fields[confidence], place);
            if (type) row.network.type = csv.fields[*type];
            rows.push_back(std::move(row));
        });
    return rows;
}

} // namespace

CompaniesFile read_companies(const std::filesystem::path& path) {
    CompaniesFile result;
    std::vector<Row> rows = read_rows(path, result.file);

    std::ranges::sort(rows, {}, &Row::company);
    ByteStrings& names = result.companies.names;
    for (Row& row : rows) {
        if (names.empty() || names[names.size() - 1] != row.company) names.push_back(row.company);
        row.network.company = static_cast<std::uint32_t>(names.size() - 1);
    }
    std::ranges::sort(rows, [](const Row& a, const Row& b) {
        return std::tuple(a.network.network, a.line) < std::tuple(b.network.network, b.line);
    });
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i > 0 && rows[i].network.network == rows[i - 1].network.network) {
            throw InputError(fmt::format("{}:{}: column network: \"{}\" comes twice; the other is in line {}",
                                         path.string(), rows[i].line, to_string(rows[i].network.network),
                                         rows[i - 1].line));
        }
        result.companies.networks.push_back(std::move(rows[i].network));
    }
    return result;
}

} // namespace ipscore::io
