#include "ipscore/io/companies_csv.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/string_index.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::io {

namespace {

/// A row whose company is a number by order of appearance still.
struct Row {
    scoring::CompanyNetwork network;
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

/// The rows of the file, in its order, as long as they may take more memory.
class Reader {
public:
    explicit Reader(std::uint64_t memory_bytes_max) : memory_bytes_max_(memory_bytes_max) {}

    InputFile read(const std::filesystem::path& path, const StopFlag& stop, const ReadLimits& limits) {
        std::size_t network = 0;
        std::size_t company = 0;
        std::size_t confidence = 0;
        std::optional<std::size_t> type;
        return read_csv(
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
                const std::string_view name = csv.fields[company];
                if (name.empty()) place.bad_value("company", name, "is empty");
                place.must_be_whole("company", name);
                row.network.confidence = share_of("confidence", csv.fields[confidence], place);
                if (type) {
                    place.must_be_whole("type", csv.fields[*type]);
                    row.network.type = csv.fields[*type];
                }
                add(std::move(row), name);
            },
            limits, stop);
    }
    [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return row_bytes_ + names_bytes_; }
    [[nodiscard]] bool fits() const noexcept { return fits_; }

    std::vector<Row> rows;
    StringIndex names; ///< of companies

private:
    void add(Row row, std::string_view name) {
        // A row while its list grows, the network it becomes, and up to two ranges of the map, in two copies.
        constexpr std::uint64_t bytes_per_row =
            2 * sizeof(Row) + sizeof(scoring::CompanyNetwork) + 4 * sizeof(scoring::NetworkMap::Range);
        row_bytes_ += bytes_per_row + row.network.type.size();
        if (names_fit_) {
            row.network.company = names.insert(name, StringIndex::hash_of(name));
            names_bytes_ = names.bytes_with(0, 0);
            names_fit_ = names_bytes_ <= std::max(memory_bytes_max_, names_bytes_counted);
            if (!names_fit_) names = {};
        } else {
            names_bytes_ += names_bytes_each + 2 * name.size();
        }
        if (!fits_) return;
        rows.push_back(std::move(row));
        fits_ = row_bytes_ + names_bytes_ <= memory_bytes_max_;
        if (!fits_) rows = {};
    }

    // Only an index tells which names are new. Names that are too many even for that are taken for new ones,
    // which may ask for more memory than the companies take, but not for less.
    static constexpr std::uint64_t names_bytes_counted = 32U << 20U;
    static constexpr std::uint64_t names_bytes_each = 64;

    std::uint64_t memory_bytes_max_;
    std::uint64_t row_bytes_ = 0;
    std::uint64_t names_bytes_ = 0;
    bool fits_ = true;
    bool names_fit_ = true;
};

/// Gives the companies their numbers in order of names.
ByteStrings sort_names(StringIndex& names, std::vector<Row>& rows) {
    const ByteStrings found = names.take_strings();
    std::vector<std::uint32_t> order(found.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) { return found[a] < found[b]; });
    ByteStrings sorted;
    std::vector<std::uint32_t> ids(found.size());
    for (const std::uint32_t name : order) {
        ids[name] = static_cast<std::uint32_t>(sorted.size());
        sorted.push_back(found[name]);
    }
    for (Row& row : rows) row.network.company = ids[row.network.company];
    return sorted;
}

} // namespace

CompaniesFile read_companies(const std::filesystem::path& path, const StopFlag& stop,
                             const ReadLimits& limits, std::uint64_t memory_bytes_max) {
    CompaniesFile result;
    Reader reader(memory_bytes_max);
    result.file = reader.read(path, stop, limits);
    result.memory_bytes = reader.memory_bytes();
    if (!reader.fits()) return result;
    std::vector<Row>& rows = reader.rows;
    result.companies.names = sort_names(reader.names, rows);
    std::ranges::sort(rows, [](const Row& a, const Row& b) {
        return std::tuple(a.network.network, a.line) < std::tuple(b.network.network, b.line);
    });
    result.companies.networks.reserve(rows.size());
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
