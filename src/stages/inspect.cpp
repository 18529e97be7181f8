#include "ipscore/stages/inspect.hpp"

#include "inspect_files.hpp"
#include "inspect_models.hpp"
#include "inspect_rows.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/model_toml.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/compact.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "memory_needs.hpp"
#include "merge_plan.hpp"
#include "score_inputs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <stdexcept>

namespace ipscore::stages {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

/// One path on its way to a report.
struct Inspection {
    const InspectArgs& args;
    const StopFlag& stop;
    const std::vector<scoring::Model>& models;
    MemoryBudget budget;
    InspectReport report;

    [[nodiscard]] const fs::path& path() const { return report.path; }
    void compare_models(const std::vector<inspecting::DatedBytes>& files) {
        if (!models.empty()) report.models = inspecting::compare_days(args, models, files);
    }
};

std::vector<CompactableGroup> compactable_groups(const io::Manifest& manifest) {
    constexpr std::uint64_t fan_in = 256; // as with plenty of memory
    std::vector<CompactableGroup> groups;
    for (const auto& indexes : plan_compaction(manifest.segments, fan_in)) {
        CompactableGroup& group = groups.emplace_back();
        for (const std::size_t index : indexes) {
            const io::SegmentInfo& segment = manifest.segments[index];
            group.segments.push_back(segment.id);
            group.rows += segment.rows;
            group.bytes += segment.bytes;
        }
    }
    return groups;
}

void count_unnamed_files(const io::Store& store, StoreFigures& figures) {
    std::set<fs::path> named;
    for (const io::SegmentInfo& segment : figures.manifest.segments)
        named.insert(store.segment_path(segment.id));
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(store.path() / "segments", none)) {
        if (named.contains(entry.path())) continue;
        ++figures.unnamed_files;
        figures.unnamed_bytes += inspecting::size_of(entry.path());
    }
}

/// What `prepare` sets aside whatever it merges.
std::uint64_t prepare_bytes(std::uint64_t manifest_bytes, std::uint64_t fan_in) {
    return memory::program_without_mpi_bytes + manifest_bytes + merge_bytes(fan_in);
}

void inspect_store(Inspection& inspection) {
    InspectReport& report = inspection.report;
    report.kind = "store";
    const io::Store store = io::Store::open(inspection.path());
    StoreFigures& figures = report.store.emplace();
    io::Snapshot snapshot(store); // until the end: no segment may go meanwhile
    figures.manifest = snapshot.take_manifest();
    const io::Manifest& manifest = figures.manifest;
    const std::uint64_t manifest_bytes =
        io::Store::manifest_bytes(inspection.path()) * memory::manifest_factor;
    inspection.budget.need("the manifest", manifest_bytes);
    if (inspection.args.quick) inspection.budget.check();

    std::vector<fs::path> files;
    std::vector<inspecting::SegmentFile> segments;
    report.keys = 0;
    report.rows = 0;
    report.rows_per_day = manifest.rows_per_day();
    for (const auto& [day, rows] : *report.rows_per_day) *report.rows += rows;
    for (const io::SegmentInfo& segment : manifest.segments) {
        files.push_back(store.segment_path(segment.id));
        segments.push_back({files.back(), segment.filter});
        *report.keys += segment.keys;
    }
    report.columns = inspecting::columns_of(files);
    figures.compactable = compactable_groups(manifest);
    count_unnamed_files(store, figures);
    figures.prepare_least_bytes = prepare_bytes(manifest_bytes, 2);
    figures.prepare_one_merge_bytes =
        prepare_bytes(manifest_bytes, std::max<std::uint64_t>(2, manifest.segments.size()));

    std::vector<inspecting::DatedBytes> dated;
    for (const io::SegmentInfo& segment : manifest.segments)
        dated.push_back({&segment.days, segment.rows, segment.bytes});
    inspection.compare_models(dated);
    if (inspection.args.quick) return;
    report.observations = inspecting::count_segments(segments, *report.keys, inspection.args.top,
                                                     inspection.budget, inspection.stop);
}

std::vector<fs::path> listed_files(const fs::path& directory, std::size_t parts) {
    std::vector<fs::path> files{directory / io::format::index_name};
    for (std::size_t part = 0; part < parts; ++part) files.push_back(directory / io::format::part_name(part));
    return files;
}

/// What `score` needs on one thread, for what comes from the table.
std::uint64_t score_bytes(std::uint64_t keys) {
    const std::uint64_t reading = memory::csv_reader_bytes + memory::sort_bytes_min;
    return memory::program_without_mpi_bytes + keys * sizeof(std::uint32_t) +
           std::max(reading, scoring_worker_bytes(0));
}

void inspect_table(Inspection& inspection) {
    InspectReport& report = inspection.report;
    report.kind = "table";
    constexpr bool with_dictionary = false;
    const io::TableIndex index = io::read_table_index(inspection.path(), with_dictionary);
    const std::vector<fs::path> files = listed_files(inspection.path(), index.parts.size());
    report.columns = inspecting::columns_of(files);
    report.rows = index.rows();
    report.addresses = index.addresses();
    report.keys = io::table_keys(inspection.path());
    report.rows_per_day = index.rows_per_day;
    report.table = TableFigures{.first_day = index.first_day,
                                .last_day = index.last_day,
                                .parts = index.parts.size(),
                                .classification = index.classification,
                                .score_least_bytes = score_bytes(*report.keys)};
    inspection.compare_models({{&index.rows_per_day, index.rows(), inspecting::size_of_all(files)}});
    if (inspection.args.quick) return;
    report.observations = inspecting::count_table(inspection.path(), index.parts, inspection.args.top,
                                                  inspection.budget, inspection.stop);
}

Json description_of(const io::H5File& file) {
    try {
        return Json::parse(io::read_text(file, io::format::description));
    } catch (const Json::exception& error) {
        file.damaged(error.what());
    }
}

void inspect_scores(Inspection& inspection) {
    InspectReport& report = inspection.report;
    report.kind = "scores";
    const io::H5File index = io::H5File::open(inspection.path() / io::format::index_name);
    io::check_format(index, io::format::scores_index);
    const std::vector<io::PartRecord> parts = io::read_part_list(index);
    report.columns = inspecting::columns_of(listed_files(inspection.path(), parts.size()));
    report.rows = 0;
    report.addresses = 0;
    for (const io::PartRecord& part : parts) {
        *report.rows += part.rows;
        *report.addresses += part.addresses;
    }
    report.scores = ScoresFigures{
        .model = description_of(index).value("model", Json()),
        .parts = parts.size(),
        .tags = io::StringsReader(index, io::format::tags).size(),
        .companies = io::StringsReader(index, io::format::companies).size(),
        .company_rows = index.open_dataset(io::format::company_tag, io::ElementType::u32).size()};
    if (inspection.args.quick) return;
    report.score_rows = inspecting::count_scores(inspection.path(), parts, inspection.args.top,
                                                 inspection.budget, inspection.stop);
}

/// The output of a job that has not come to its end.
void inspect_unfinished(Inspection& inspection) {
    InspectReport& report = inspection.report;
    const fs::path job_file = inspection.path() / io::format::job_name;
    try {
        const Json job = Json::parse(io::read_file(job_file));
        report.kind = job.at("verb") == "prepare" ? "table" : "scores";
    } catch (const Json::exception&) {
        throw InputError(job_file.string() + ": damaged; start over with --restart");
    }
    const inspecting::OutputFiles files = inspecting::output_files(inspection.path());
    report.columns = inspecting::columns_of(files.parts);
    report.unfinished = UnfinishedFigures{.parts = files.parts.size(),
                                          .runs = files.runs.size(),
                                          .runs_bytes = inspecting::size_of_all(files.runs),
                                          .temporary_files = files.temporary.size(),
                                          .temporary_bytes = inspecting::size_of_all(files.temporary)};
    report.rows = 0;
    report.addresses = 0;
    for (const fs::path& part : files.parts) {
        const io::H5File file = io::H5File::open(part);
        *report.rows += file.read_u64("/", "rows");
        *report.addresses += file.read_u64("/", "addresses");
    }
}

/// What a file says it is, without our name.
std::string kind_of(const io::H5File& file) {
    constexpr std::string_view ours = "ipscore ";
    std::string format;
    if (file.has_attribute("/", io::format::attribute_format))
        format = file.read_text("/", io::format::attribute_format);
    if (!format.starts_with(ours))
        throw InputError(fmt::format("{}: is an HDF5 file of another program", file.path().string()));
    io::check_format(file, format.c_str()); // for its version
    const bool packed = format == io::format::packed_scores || format == io::format::packed_table;
    return (packed ? "packed " : "") + format.substr(ours.size());
}

/// Days that a part or a packed file tells of itself.
std::optional<io::RowsPerDay> told_rows_per_day(const io::H5File& file) {
    for (const char* name : {io::format::description, io::format::counts}) {
        if (!file.has(name)) continue;
        try {
            const Json json = Json::parse(io::read_text(file, name));
            if (!json.contains("rows_per_day")) continue;
            return io::rows_per_day_of(json.at("rows_per_day"));
        } catch (const Json::exception& error) {
            file.damaged(error.what());
        } catch (const std::invalid_argument& error) {
            file.damaged(error.what());
        }
    }
    return std::nullopt;
}

void inspect_file(Inspection& inspection) {
    InspectReport& report = inspection.report;
    const io::H5File file = io::H5File::open(inspection.path());
    report.kind = kind_of(file);
    report.columns = inspecting::columns_of({inspection.path()});
    const auto values_of = [&](std::string_view name) -> std::optional<std::uint64_t> {
        const auto column = std::ranges::find(report.columns, name, &ColumnFigures::name);
        if (column == report.columns.end()) return std::nullopt;
        return column->values;
    };
    report.rows = values_of(io::format::row_key);
    if (!report.rows) report.rows = values_of(io::format::score_tag);
    report.addresses = values_of(io::format::address_hi);
    if (const auto offsets = values_of(std::string(io::format::dictionary) + "/offsets"))
        report.keys = std::max<std::uint64_t>(*offsets, 1) - 1;
    report.rows_per_day = told_rows_per_day(file);
    if (report.rows && values_of(io::format::row_key) && !inspection.args.quick) {
        report.observations = inspecting::count_file(inspection.path(), inspection.args.top,
                                                     inspection.budget, inspection.stop);
        report.rows_per_day = report.observations->rows_per_day;
    }
    if (report.rows && report.rows_per_day)
        inspection.compare_models({{&*report.rows_per_day, *report.rows, report.bytes}});
}

void inspect_directory(Inspection& inspection) {
    const fs::path& path = inspection.path();
    std::error_code none;
    if (fs::is_directory(path / "manifest", none)) return inspect_store(inspection);
    if (const fs::path index = path / io::format::index_name; fs::exists(index, none)) {
        const std::string kind = kind_of(io::H5File::open(index));
        if (kind == "table index") return inspect_table(inspection);
        if (kind == "scores index") return inspect_scores(inspection);
    }
    if (fs::exists(path / io::format::job_name, none)) return inspect_unfinished(inspection);
    throw InputError(fmt::format(
        "{}: is nothing that ipscore wrote; inspect reads a store, a table, scores, or one .h5 file of them",
        path.string()));
}

} // namespace

InspectReport inspect(const fs::path& path, const InspectArgs& args, const StopFlag& stop) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        throw InputError(system_message("cannot read", path.string(), error ? error.value() : ENOENT));
    const std::vector<scoring::Model> models = inspecting::read_models(args);
    Inspection inspection{args,
                          stop,
                          models,
                          MemoryBudget(args.memory_bytes > 0 ? args.memory_bytes : default_memory_bytes(1)),
                          {}};
    inspection.budget.need("the program", memory::program_without_mpi_bytes);
    inspection.report.path = path;
    const inspecting::FileSizes sizes = inspecting::sizes_below(path);
    inspection.report.files = sizes.files;
    inspection.report.bytes = sizes.bytes;
    if (fs::is_directory(status)) {
        inspect_directory(inspection);
    } else {
        inspect_file(inspection);
    }
    return std::move(inspection.report);
}

} // namespace ipscore::stages
