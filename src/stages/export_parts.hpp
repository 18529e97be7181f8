// What the forms of export share: the parts that can hold what is asked for, and the forms themselves.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/stages/export.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::stages::exporting {

/// Strings as CSV fields, in quotes where they need them, and the bytes of the longest.
struct CsvFields {
    explicit CsvFields(const ByteStrings& strings);
    ByteStrings fields;
    std::size_t bytes_max = 0;
};

/// The addresses of any of some networks; without networks, all addresses.
class AddressFilter {
public:
    explicit AddressFilter(const std::vector<Network>& networks);

    [[nodiscard]] bool passes_all() const noexcept { return ranges_.empty(); }
    [[nodiscard]] bool passes(Address address) const noexcept { return passes_any(address, address); }
    /// Whether any address from `first` to `last` passes.
    [[nodiscard]] bool passes_any(Address first, Address last) const noexcept;
    /// Nothing passes from `address` on.
    [[nodiscard]] bool is_past(Address address) const noexcept {
        return !ranges_.empty() && ranges_.back().last < address;
    }

private:
    struct Range {
        Address first;
        Address last;
    };
    std::vector<Range> ranges_; ///< sorted and disjoint
};

/// The strings of `all` (sorted and distinct) that are asked for, as flags by index; none asked for: empty.
/// Throws InputError that names what there is not, as a `what` of `where`.
[[nodiscard]] std::vector<bool> choose(const ByteStrings& all, const std::vector<std::string>& names,
                                       std::string_view what, const std::filesystem::path& where);

/// The parts of a scores or table directory, in order.
class PartWalk {
public:
    /// Both must outlive the walk. `format`: of a part.
    PartWalk(std::filesystem::path directory, const std::vector<io::PartRecord>& parts, const char* format);

    /// Leaves out the parts that hold no address that passes.
    void keep(const AddressFilter& filter) { filter_ = &filter; }
    /// The file of the next part; nothing at the end. Throws InputError when it is not what the index lists.
    [[nodiscard]] std::optional<std::filesystem::path> next();
    /// Of the part given last.
    [[nodiscard]] const io::PartRecord& record() const noexcept { return (*parts_)[next_ - 1]; }

private:
    std::filesystem::path directory_;
    const std::vector<io::PartRecord>* parts_;
    const char* format_;
    const AddressFilter* filter_ = nullptr;
    std::size_t next_ = 0;
};

// Each returns a report without seconds; filters that do not fit have been refused before.
[[nodiscard]] ExportReport export_scores(const ExportArgs& args, const StopFlag& stop);
[[nodiscard]] ExportReport export_company_rows(const ExportArgs& args, const StopFlag& stop);
[[nodiscard]] ExportReport export_table(const ExportArgs& args, const StopFlag& stop);
[[nodiscard]] ExportReport pack_scores(const ExportArgs& args, const StopFlag& stop);
[[nodiscard]] ExportReport pack_table(const ExportArgs& args, const StopFlag& stop);

} // namespace ipscore::stages::exporting
