// What every part, of a table or of scores, says of itself.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/stop.hpp"
#include "ipscore/io/h5.hpp"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ipscore::io {

/// A finished part, as its own attributes and the index's list of parts hold it. A part without addresses has
/// the lowest one as first and last.
struct PartRecord {
    std::uint64_t addresses = 0;
    std::uint64_t rows = 0;
    Address first_address;
    Address last_address;
    std::uint64_t checksum = 0;    ///< of all columns
    nlohmann::ordered_json counts; ///< what the stage counted, summed up over the parts at the end
};

/// A column by name and type, for checks.
struct ColumnName {
    const char* name;
    ElementType type;
};

/// Sets the attributes of part number `part` of the job with that hash.
void write_part_record(H5File& file, const char* format, const std::string& job_hash, std::uint64_t part,
                       const PartRecord& record);

/// The record of a part, as the file has it. Throws InputError.
[[nodiscard]] PartRecord read_part_record(const H5File& file, const char* format);

/// Opens part number `part` of the directory whose index lists `record` for it. Throws InputError when it is
/// missing, or not the part that is listed: each chunk is checked against the file's own checksums, and only
/// the index knows that the file belongs there.
[[nodiscard]] H5File open_listed_part(const std::filesystem::path& directory, const char* part_format,
                                      std::uint64_t part, const PartRecord& record);

/// The record of a part that is whole: of this job, with every chunk matching its checksum. Nothing when the
/// file is missing, damaged or of another job: then it is to be made again. Nothing, too, when `halt` was
/// requested meanwhile.
[[nodiscard]] std::optional<PartRecord> verify_part(const std::filesystem::path& path, const char* format,
                                                    const std::string& job_hash, std::uint64_t part,
                                                    std::span<const ColumnName> columns,
                                                    const StopFlag& halt = {});

/// Combines the checksums of a part's columns, in the order of the columns.
[[nodiscard]] std::uint64_t combine_checksums(std::span<const std::uint64_t> checksums);

/// The index's list of parts.
void write_part_list(H5File& file, const std::vector<PartRecord>& parts);
/// Throws InputError. `counts` are not in the list.
[[nodiscard]] std::vector<PartRecord> read_part_list(const H5File& file);

} // namespace ipscore::io
