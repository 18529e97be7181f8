#include "forgetting.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv_input.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/part.hpp"
#include "seek_address.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace ipscore::stages {

namespace {

constexpr const char* redacted_reason = "names an address that is to be forgotten";

/// Calls `take` for all rows of a file of rejects, and tells it whether they name any of the addresses.
void read_rejects(const std::filesystem::path& path, const NetworkSet& addresses,
                  const std::function<void(const io::CsvRow&, bool)>& take) {
    const StopFlag never;
    (void)io::read_csv(
        path, [](const io::CsvHeader&) {},
        [&](const io::CsvRow& row, const io::CsvPlace&) {
            // The name of the file that it came from is not what was to be forgotten.
            take(row, addresses.is_named_in(row.fields.at(2)) || addresses.is_named_in(row.fields.at(3)));
        },
        io::ReadLimits{}, never);
}

} // namespace

std::uint64_t forget_in_segment(const std::filesystem::path& path, const NetworkSet& addresses,
                                io::SegmentInfo& info) {
    const io::Segment segment(path);
    io::FilteredRowsReader reader = segment.reader(segment.keys(), info.filter, segment.has_sources());
    std::vector<io::RowsPerDay> days(std::max<std::size_t>(1, info.sources.size()));
    std::vector<Network> found;
    std::uint64_t rows_found = 0;
    for (const Network& network : addresses.networks()) {
        bool more = seek_address(segment, reader, network.first);
        for (; more && network.holds(reader.address()); more = reader.next_address()) {
            if (found.empty() || found.back() != network) found.push_back(network);
            for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
                rows_found += rows.size();
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const std::size_t source = rows.source.empty() ? 0 : rows.source[i];
                    if (source >= days.size())
                        segment.file().damaged("a row has a source that the manifest does not name");
                    ++days[source][rows.day[i]];
                }
            }
        }
    }
    if (!found.empty()) info.forget(NetworkSet(found), days);
    return rows_found;
}

std::uint64_t count_addresses(const std::filesystem::path& path, const NetworkSet& addresses) {
    const io::H5File file = io::H5File::open(path);
    std::uint64_t found = 0;
    if (!file.has(io::format::address_hi)) { // an index, which has where parts begin and end
        for (const io::PartRecord& part : io::read_part_list(file)) {
            if (part.addresses == 0) continue;
            for (const Address edge : {part.first_address, part.last_address}) {
                if (addresses.holds(edge)) ++found;
            }
        }
        return found;
    }
    io::ColumnReader<std::uint64_t> hi(file, io::format::address_hi);
    io::ColumnReader<std::uint64_t> lo(file, io::format::address_lo);
    if (hi.size() != lo.size()) file.damaged("the columns of addresses differ in length");
    for (auto upper = hi.next(); !upper.empty(); upper = hi.next()) {
        const auto lower = lo.next(upper.size());
        if (lower.size() != upper.size()) file.damaged("the columns of addresses differ in length");
        for (std::size_t i = 0; i < upper.size(); ++i) {
            if (addresses.holds(Address{upper[i], lower[i]})) ++found;
        }
    }
    return found;
}

void redact(io::Reject& reject, const NetworkSet& addresses) {
    if (!addresses.is_named_in(reject.text) && !addresses.is_named_in(reject.reason)) return;
    reject.reason = redacted_reason;
    reject.text.clear();
}

std::uint64_t count_in_rejects(const std::filesystem::path& path, const NetworkSet& addresses) {
    std::uint64_t found = 0;
    read_rejects(path, addresses, [&](const io::CsvRow&, bool is_named) {
        if (is_named) ++found;
    });
    return found;
}

std::uint64_t forget_in_rejects(const std::filesystem::path& path, const NetworkSet& addresses) {
    const std::uint64_t found = count_in_rejects(path, addresses);
    if (found == 0) return 0;
    io::TemporaryFile file(path);
    std::ofstream out(file.path(), std::ios::binary);
    out << io::rejects_header;
    read_rejects(path, addresses, [&](const io::CsvRow& row, bool is_named) {
        if (!is_named) {
            out << row.text << '\n';
            return;
        }
        // Who sent the row, and where it stands, may stay.
        std::string line;
        io::append_csv_field(line, row.fields[0]);
        out << line << ',' << row.fields[1] << ',' << redacted_reason << ",\n";
    });
    out.close();
    if (!out) throw EnvironmentError(system_message("cannot write", path.string()));
    file.publish();
    return found;
}

} // namespace ipscore::stages
