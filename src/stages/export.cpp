#include "ipscore/stages/export.hpp"

#include "export_parts.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/h5.hpp"

#include <chrono>
#include <fmt/format.h>

namespace ipscore::stages {

namespace {

enum class InputKind { scores, table };

/// Throws InputError when `input` is neither.
InputKind kind_of(const std::filesystem::path& input) {
    const std::string name = input.string();
    std::error_code none;
    const auto status = std::filesystem::status(input, none);
    if (!std::filesystem::exists(status))
        throw InputError(system_message("cannot read", name, none ? none.value() : ENOENT));
    if (!std::filesystem::is_directory(status))
        throw InputError(fmt::format("{}: is no directory; export reads a scores or table directory", name));
    const auto index = input / io::format::index_name;
    if (!std::filesystem::exists(index, none)) {
        if (std::filesystem::exists(input / "manifest", none))
            throw InputError(fmt::format("{}: is a store; run ipscore prepare and export its table", name));
        throw InputError(fmt::format(
            "{}: is neither finished scores nor a finished table (there is no {}); run ipscore score or "
            "prepare to its end",
            name, index.string()));
    }
    const std::string format = io::H5File::open(index).read_text("/", io::format::attribute_format);
    if (format == io::format::scores_index) return InputKind::scores;
    if (format == io::format::table_index) return InputKind::table;
    throw InputError(fmt::format("{}: is {}; export reads scores and tables", index.string(),
                                 io::quoted_for_message(format)));
}

/// Throws InputError for what was asked for and cannot be had of this input in this form.
void check_fit(const ExportArgs& args, InputKind kind, bool packs) {
    const auto refuse = [](bool asked, std::string_view option, std::string_view reason) {
        if (asked) throw InputError(fmt::format("{} does not fit: {}", option, reason));
    };
    const auto refuse_all_but_networks = [&](std::string_view reason) {
        refuse(args.companies, "--companies", reason);
        refuse(!args.tags.empty(), "--tag", reason);
        refuse(!args.company_names.empty(), "--company", reason);
        refuse(args.min_score.has_value(), "--min-score", reason);
    };
    if (packs) {
        constexpr std::string_view reason = "an .h5 file packs everything; export CSV to narrow it";
        refuse_all_but_networks(reason);
        refuse(!args.networks.empty(), "--ip", reason);
    } else if (kind == InputKind::table) {
        refuse_all_but_networks(
            fmt::format("{} is a table, which has observations only", args.input.string()));
    } else if (args.companies) {
        refuse(!args.networks.empty(), "--ip", "company rows have no addresses");
    }
}

} // namespace

ExportReport export_to(const ExportArgs& args, const StopFlag& stop) {
    using namespace exporting;
    const auto started = std::chrono::steady_clock::now();
    const bool packs = std::filesystem::path(args.output).extension() == ".h5";
    const InputKind kind = kind_of(args.input);
    check_fit(args, kind, packs);
    ExportReport report;
    if (kind == InputKind::table) {
        report = packs ? pack_table(args, stop) : export_table(args, stop);
    } else if (args.companies) {
        report = export_company_rows(args, stop);
    } else {
        report = packs ? pack_scores(args, stop) : export_scores(args, stop);
    }
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return report;
}

} // namespace ipscore::stages
