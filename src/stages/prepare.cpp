#include "ipscore/stages/prepare.hpp"

#include "classified_keys.hpp"
#include "dictionary_merge.hpp"
#include "input_files.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/key_map.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/output_directory.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/io/table.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "memory_needs.hpp"
#include "merge.hpp"
#include "merge_levels.hpp"
#include "merge_plan.hpp"
#include "next_day.hpp"
#include "part_cut.hpp"
#include "part_job.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <numeric>
#include <optional>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

/// The store's state that is prepared, and what becomes of it; rank 0 makes it, all ranks have it.
struct Plan {
    TableSources sources;                 ///< its files are the segments at first
    std::vector<Address> first_addresses; ///< by part
    std::string job_hash;
    std::uint64_t fan_in = 2;
};

Day first_day_of(const PrepareArgs& args) { return args.as_of - args.lookback_days + 1; }

/// The segments that have rows of these days: the others are as if they were not there.
std::vector<io::SegmentInfo> segments_of_days(const PrepareArgs& args, const io::Manifest& manifest) {
    std::vector<io::SegmentInfo> segments;
    for (const io::SegmentInfo& segment : manifest.segments) {
        const auto day = segment.days.lower_bound(first_day_of(args));
        if (day != segment.days.end() && day->first <= args.as_of) segments.push_back(segment);
    }
    return segments;
}

Json identity_of(const PrepareArgs& args, const std::vector<io::SegmentInfo>& segments,
                 const ClassifiedKeys* classified, const OpenTable* previous) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (const io::SegmentInfo& segment : segments) {
        std::string text = checksum_text(segment.checksum);
        // A day that was pruned matters where it is looked back on.
        io::RowFilter filter = segment.filter;
        if (filter.keep_from <= first_day_of(args)) filter.keep_from = 0;
        text += filter.text();
        texts.emplace_back(segment.id, std::move(text));
    }
    std::ranges::sort(texts);
    Json list = Json::object();
    for (const auto& [id, text] : texts) list[id] = text;
    Json identity{{"first_day", date_text(first_day_of(args))},
                  {"last_day", date_text(args.as_of)},
                  {"segments", list},
                  {"format_version", io::format::version}};
    if (classified != nullptr) identity["classification"] = classified->file().content_hash;
    // Its keys come first to their numbers, and where it is cut the new one is.
    if (previous != nullptr) identity["previous"] = previous->index.content_hash;
    return identity;
}

std::uint64_t rows_within(const io::RowsPerDay& days, Day first, Day last) {
    std::uint64_t sum = 0;
    for (const auto& [day, rows] : days) sum += day >= first && day <= last ? rows : 0;
    return sum;
}

/// What --require-days forbids, and what is worth a warning without it.
void check_days(const PrepareArgs& args, const io::Manifest& manifest, RunLog& log) {
    const io::RowsPerDay rows = manifest.rows_per_day();
    std::vector<std::string> days;
    for (Day day = args.as_of - args.lookback_days + 1; day <= args.as_of; ++day) {
        if (!rows.contains(day)) days.push_back(date_text(day));
    }
    if (days.empty()) return;
    const std::string text = fmt::format("{}: has no observations of {} of the {} days of the look-back: {}",
                                         args.store.string(), days.size(), args.lookback_days, some_of(days));
    if (args.require_days) throw InputError(text + "; --require-days allows no such day");
    log.warning(text, days.size());
}

/// `rows`: so many there are, or at most so many there will be.
void check_rows(const PrepareArgs& args, std::uint64_t rows) {
    if (rows >= args.min_rows) return;
    throw InputError(fmt::format("{}: {} observations are fewer than --min-rows {}; the table gets no index",
                                 args.output.string(), rows, args.min_rows));
}

/// Of the rows of the table's days. Those that a previous table had added up count once.
double unclassified_share(const io::TableIndex& index) {
    const auto count = [&](const char* name) { return index.counts.at(name).get<double>(); };
    const auto left_out = static_cast<double>(index.classification->rows_unclassified());
    const double considered = left_out + count("rows") + count("duplicates");
    return considered == 0 ? 0.0 : left_out / considered;
}

void check_result(const PrepareArgs& args, const io::TableIndex& index) {
    check_rows(args, index.rows());
    if (!index.classification) return;
    if (const double share = unclassified_share(index); share > args.max_unclassified) {
        throw InputError(fmt::format(
            "{}: {:.4f} of the rows have no tag, more than --max-unclassified {}; the table gets no index",
            args.output.string(), share, args.max_unclassified));
    }
}

/// Where the table is cut: a matter of the segments alone, however they are merged.
std::vector<Address> cut_segments(const std::vector<MergeFile>& files, std::uint64_t parts,
                                  const StopFlag& stop) {
    PartCut cut(files.size());
    for (const MergeFile& file : files) {
        if (stop.requested()) throw Interrupted("stopped on request");
        cut.add(io::Segment(file.path, cut.points_per_segment()));
    }
    return cut.first_addresses(parts);
}

/// The same where there is a previous table, along its parts.
std::vector<Address> cut_along(const OpenTable& previous, const Plan& plan, std::uint64_t parts,
                               const StopFlag& stop) {
    const TableSources& sources = plan.sources;
    PartCut cut(sources.files.size() + sources.repeated.size());
    for (const auto* files : {&sources.files, &sources.repeated}) {
        for (const MergeFile& file : *files) {
            if (stop.requested()) throw Interrupted("stopped on request");
            cut.add(io::Segment(file.path, cut.points_per_segment()));
        }
    }
    return cut.first_addresses_along(
        previous.index.parts, parts, [&](std::size_t part, std::uint64_t pieces) {
            if (stop.requested()) throw Interrupted("stopped on request");
            const io::H5File file =
                io::open_listed_part(previous.path, io::format::table_part, part, previous.index.parts[part]);
            io::SortedRowsReader reader(file, previous.keys);
            std::vector<Address> first;
            std::uint64_t rows = 0;
            while (reader.next_address()) {
                if (rows * pieces / reader.rows() > first.size()) first.push_back(reader.address());
                rows += reader.rows_left();
            }
            return first;
        });
}

/// A table that may be started from. Throws InputError.
std::unique_ptr<OpenTable> open_previous(const PrepareArgs& args, const ClassifiedKeys* classified) {
    std::error_code none; // there need not be an output yet
    if (std::filesystem::equivalent(args.previous, args.output, none)) {
        throw InputError(fmt::format(
            "{}: is the table that --previous names; give --output another directory", args.output.string()));
    }
    auto previous = open_table(args.previous);
    const auto& before = previous->index.classification;
    const std::string hash = classified != nullptr ? classified->file().content_hash : "";
    if ((before ? before->content_hash : "") != hash) {
        throw InputError(fmt::format(
            "{}: was prepared {}, so rows that count now may not be there; prepare without "
            "--previous",
            args.previous.string(), before ? "with another --classification" : "without --classification"));
    }
    return previous;
}

std::string to_text(const std::vector<MergeFile>& files) {
    Json list = Json::array();
    for (const MergeFile& file : files)
        list.push_back({file.path.string(), file.id, file.rows, io::to_json(file.filter)});
    return list.dump();
}

std::vector<MergeFile> files_of_text(const std::string& text) {
    std::vector<MergeFile> files;
    for (const Json& file : Json::parse(text))
        files.push_back({.path = file.at(0).get<std::string>(),
                         .id = file.at(1),
                         .rows = file.at(2),
                         .filter = io::row_filter_of(file.at(3)),
                         .sources = {}});
    return files;
}

/// What the parts are merged from, open, with the keys that it has in the table.
struct OpenInputs {
    OpenSegments segments; ///< or runs of them
    std::unique_ptr<io::KeyMap> map;
    std::vector<MergeInput> inputs;
    std::uint64_t keys = 0; ///< of all their dictionaries
};

/// All ranks must call. Rank 0 writes the table's keys into its index; `classified` as of
/// write_table_keys(), and on rank 0 only. `previous` may be nullptr; that and `sources` must outlive what is
/// returned.
OpenInputs open_inputs(mpi::World& world, const PrepareArgs& args, const TableSources& sources,
                       const OpenTable* previous, const io::TemporaryFile& map_file,
                       ClassifiedKeys* classified, io::TableIndexWriter* index, StopFlag& stop) {
    OpenInputs open;
    std::vector<MergeFile> files = sources.files;
    files.insert(files.end(), sources.repeated.begin(), sources.repeated.end());
    std::vector<std::filesystem::path> paths;
    paths.reserve(files.size());
    for (const MergeFile& file : files) paths.push_back(file.path);
    Dictionaries dictionaries;
    const auto open_all = [&] {
        open.segments = open_segments(paths);
        dictionaries = dictionaries_of(open.segments);
        if (previous != nullptr) dictionaries.push_back(previous->dictionary());
    };
    world.root_decides(stop, [&] {
        open_all();
        write_table_keys(dictionaries, map_file.path(), classified, *index, stop);
    });
    std::string map_path = map_file.path().string();
    world.broadcast_text(map_path);
    if (!world.is_root()) open_all();
    const std::vector<std::uint64_t> keys = key_counts(dictionaries);
    open.keys = std::accumulate(keys.begin(), keys.end(), std::uint64_t{0});
    open.map = std::make_unique<io::KeyMap>(map_path, keys);
    for (std::size_t s = 0; s < paths.size(); ++s)
        open.inputs.push_back({.segment = open.segments[s].get(),
                               .table_key = open.map->of(s),
                               .filter = files[s].filter,
                               .sources = {},
                               .leaves_out = !args.classification.empty(),
                               .only_days = s < sources.files.size() ? nullptr : &sources.again});
    if (previous != nullptr) {
        open.inputs.push_back(
            {.table_key = open.map->of(paths.size()),
             .filter = {.keep_from = 0, .removed_sources = {}, .forgotten = sources.forgotten},
             .table = previous,
             .only_days = &sources.carried});
    }
    world.barrier(); // all have mapped it
    return open;
}

/// Merges files until one merge can read all that is left. All ranks must call. Returns how many merges there
/// were.
std::uint64_t merge_to_fit(mpi::World& world, TableSources& sources, bool has_previous, MergeLevels levels,
                           const StopFlag& stop, RunMonitor& monitor) {
    if (!has_previous) return merge_levels(world, sources.files, levels, stop, monitor);
    // Of the two kinds of files different days count, so each is merged by itself; one place is the table's.
    if (sources.files.size() + sources.repeated.size() < levels.fan_in) return 0;
    levels.fan_in = std::max<std::uint64_t>(2, (levels.fan_in - 1) / 2);
    return merge_levels(world, sources.files, levels, stop, monitor) +
           merge_levels(world, sources.repeated, levels, stop, monitor);
}

/// The days of the table that have rows.
Json days_json(const PrepareArgs& args, const std::vector<std::uint64_t>& rows_per_day) {
    Json days = Json::object();
    for (Day day = std::max(first_day_of(args), 0); day <= args.as_of; ++day) {
        const auto at = static_cast<std::size_t>(day);
        if (at < rows_per_day.size() && rows_per_day[at] > 0) days[date_text(day)] = rows_per_day[at];
    }
    return days;
}

/// Writes one part of the table.
std::optional<io::PartRecord> make_part(const PrepareArgs& args, const Plan& plan, SegmentMerge& merge,
                                        std::uint64_t part, const std::filesystem::path& path,
                                        const StopFlag& halt, WorkCounters& counters) {
    io::H5File file = io::H5File::create(path);
    io::SortedRowsWriter rows(file);
    constexpr std::size_t days_max = 1U << 16U;
    std::vector<std::uint64_t> rows_per_day(days_max);
    const auto end =
        part + 1 < plan.first_addresses.size() ? std::optional(plan.first_addresses[part + 1]) : std::nullopt;
    const MergeCounts counts = merge.merge(plan.first_addresses[part], end, rows, rows_per_day, halt);
    counters.rows += counts.rows_read; // also where it ends here: the status tells how far it was
    if (halt.requested()) return std::nullopt;
    rows.finish();
    io::PartRecord record{.addresses = rows.addresses(),
                          .rows = rows.rows(),
                          .first_address = rows.first_address(),
                          .last_address = rows.last_address(),
                          .checksum = rows.checksum(),
                          .counts = {{"rows_read", counts.rows_read},
                                     {"rows_outside_days", counts.rows_outside_days},
                                     {"duplicates", counts.duplicates},
                                     {"rows", rows.rows()},
                                     {"addresses", rows.addresses()},
                                     {"stored_bytes", rows.stored_bytes()},
                                     {"rows_per_day", days_json(args, rows_per_day)}}};
    if (!args.classification.empty()) {
        record.counts["rows_unclassified"] = counts.rows_left_out;
        record.counts["unclassified_per_day"] = days_json(args, counts.left_out_per_day);
    }
    io::write_part_record(file, io::format::table_part, plan.job_hash, part, record);
    file.close();
    counters.bytes += rows.stored_bytes();
    return record;
}

/// Takes the days from the counts of the parts.
io::RowsPerDay take_days(Json& counts, const char* name) {
    io::RowsPerDay days = io::rows_per_day_of(counts.at(name));
    counts.erase(name);
    return days;
}

io::TableIndex make_index(const PrepareArgs& args, const io::Manifest& manifest, const Plan& plan,
                          const OpenTable* previous, const ClassifiedKeys* classified,
                          const PartJobResult& result) {
    io::TableIndex index;
    index.first_day = args.as_of - args.lookback_days + 1;
    index.last_day = args.as_of;
    index.counts = result.counts;
    index.rows_per_day = take_days(index.counts, "rows_per_day");
    if (classified != nullptr) {
        index.classification = {.content_hash = classified->file().content_hash,
                                .keys = classified->size(),
                                .unclassified = take_days(index.counts, "unclassified_per_day")};
    }
    if (classified != nullptr && previous != nullptr) {
        for (const auto& [day, rows] : previous->index.classification->unclassified) {
            if (plan.sources.carried.contains(day)) index.classification->unclassified[day] += rows;
        }
    }
    Json segments = Json::array();
    for (const io::SegmentInfo& segment : manifest.segments) segments.push_back(segment.id);
    index.store = {{"manifest_version", manifest.version}, {"segments", segments}};
    index.store.update(store_state(manifest, DaySet(index.first_day, index.last_day)));
    index.parts = result.parts;
    return index;
}

/// What the parts were merged from.
struct Merged {
    std::uint64_t merges = 0; ///< before the last one
    std::size_t inputs = 0;   ///< of the last one
    std::uint64_t keys = 0;   ///< of the dictionaries of these
};

RunSummary summarize(const PrepareArgs& args, const io::TableIndex& index, std::uint64_t keys,
                     const Merged& merged, const PartJobResult& result, const Phases& phases) {
    RunSummary summary;
    const auto count = [&](const char* name) { return index.counts.value(name, std::uint64_t{0}); };
    std::uint64_t days_without_rows = 0;
    for (Day day = index.first_day; day <= index.last_day; ++day) {
        if (!index.has_observations_of(day)) ++days_without_rows;
    }
    summary.verdict = fmt::format("{}: {} observations of {} addresses and {} keys in {} parts, {} to {}",
                                  args.output.string(), count_text(index.rows()),
                                  count_text(index.addresses()), count_text(keys), index.parts.size(),
                                  date_text(index.first_day), date_text(index.last_day));
    summary.lines.push_back(
        fmt::format("read {} rows: {} outside the days, {} added to an equal (ip, day, key)",
                    count_text(count("rows_read")), count_text(count("rows_outside_days")),
                    count_text(count("duplicates"))));
    if (index.classification) {
        summary.lines.push_back(
            fmt::format("left out {} rows, {} of those of these days, whose keys are not among the {} of {}",
                        count_text(count("rows_unclassified")), percent_text(unclassified_share(index), 1),
                        count_text(index.classification->keys), args.classification.string()));
    }
    if (merged.merges > 0) {
        summary.lines.push_back(fmt::format(
            "merges of segments before the last one, to keep within --memory: {}", merged.merges));
    }
    if (result.parts_verified > 0) {
        summary.lines.push_back(fmt::format("parts that were there already: {}", result.parts_verified));
    }
    append_run_lines(summary, phases, result.ranks, result.imbalance);
    summary.json = {{"verb", "prepare"},
                    {"version", IPSCORE_VERSION},
                    {"first_day", date_text(index.first_day)},
                    {"last_day", date_text(index.last_day)},
                    {"content_hash", index.content_hash},
                    {"parts", index.parts.size()},
                    {"parts_already_there", result.parts_verified},
                    {"keys", keys},
                    {"segments_merged_first", merged.merges},
                    {"inputs", merged.inputs},
                    {"input_keys", merged.keys},
                    {"counts", index.counts},
                    {"days_without_rows", days_without_rows},
                    {"phases_seconds", phases.json()},
                    {"seconds", phases.total_seconds()},
                    {"imbalance", result.imbalance},
                    {"ranks", result.ranks}};
    if (index.classification) {
        summary.json["classification"] = {{"content_hash", index.classification->content_hash},
                                          {"keys", index.classification->keys}};
    }
    return summary;
}

/// The summary of a table that is there and whole; nothing when its index is not.
std::optional<RunSummary> finished_already(mpi::World& world, const PrepareArgs& args,
                                           const io::Manifest& manifest, const Plan& plan,
                                           const OpenTable* previous, const ClassifiedKeys* classified,
                                           const PartJob& job, PartResults& parts, const StopFlag& stop,
                                           RunMonitor& monitor) {
    const PartJobResult result = make_parts(world, job, {}, stop, monitor, parts, {});
    std::optional<RunSummary> summary;
    std::uint64_t stands = 0;
    world.root_decides([&] {
        stands = io::table_index_stands(args.output, result.parts) ? 1 : 0;
        if (stands == 0) return;
        constexpr bool with_dictionary = false;
        io::TableIndex index = make_index(args, manifest, plan, previous, classified, result);
        check_result(args, index);
        index.content_hash = io::read_table_index(args.output, with_dictionary).content_hash;
        monitor.end_phases();
        summary = summarize(args, index, io::table_keys(args.output), {}, result, monitor.phases());
        summary->verdict = finished_already_text(args.output);
    });
    world.broadcast(stands);
    if (stands != 0 && !summary) summary.emplace();
    return summary;
}

} // namespace

RunSummary prepare(mpi::World& world, const PrepareArgs& args, StopFlag& stop, RunMonitor& monitor) {
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase("check");
    MemoryBudget budget = memory_budget(world, args.memory_bytes);
    const int threads_wanted = args.threads > 0 ? args.threads : default_threads(world.ranks_on_node());
    int threads = 1;
    Plan plan;
    std::optional<io::Snapshot> snapshot; // until the end: no segment may go meanwhile
    io::Manifest manifest;
    std::unique_ptr<ClassifiedKeys> classified; // on rank 0, where there is a classification
    std::unique_ptr<OpenTable> previous;        // where one is given
    std::unique_ptr<io::OutputDirectory> output;
    auto state = io::OutputDirectory::State::fresh;
    world.root_decides(stop, [&] {
        const io::Store store = io::Store::open(args.store);
        snapshot.emplace(store);
        manifest = snapshot->take_manifest();
        if (manifest.version == 0) {
            throw InputError(args.store.string() +
                             ": is a store into which nothing was taken yet; run ipscore ingest first");
        }
        check_days(args, manifest, monitor.log());
        const Day first_day = first_day_of(args);
        const std::uint64_t rows = rows_within(manifest.rows_per_day(), first_day, args.as_of);
        check_rows(args, rows);
        budget.need("the manifest", io::Store::manifest_bytes(args.store) * memory::manifest_factor);
        if (!args.classification.empty())
            classified = std::make_unique<ClassifiedKeys>(args.classification, args.output, budget,
                                                          threads_wanted, stop);
        const std::vector<io::SegmentInfo> segments = segments_of_days(args, manifest);
        if (!args.previous.empty()) {
            previous = open_previous(args, classified.get());
            plan.sources =
                plan_next_day(previous->index, args.previous, store, manifest, DaySet(first_day, args.as_of));
            if (plan.sources.carried.empty()) previous.reset();
        }
        if (!previous) {
            plan.sources = {};
            for (const io::SegmentInfo& segment : segments)
                plan.sources.files.push_back(merge_file_of(store, segment));
        }
        const std::uint64_t inputs =
            plan.sources.files.size() + plan.sources.repeated.size() + (previous ? 1 : 0);
        const MergeWidth width = plan_merge_width(budget, inputs, threads_wanted);
        threads = width.threads;
        plan.fan_in = args.fan_in_max > 0 ? std::min(args.fan_in_max, width.fan_in) : width.fan_in;
        io::Job job{.verb = "prepare",
                    .identity = identity_of(args, segments, classified.get(), previous.get()),
                    .about = {{"store", args.store.string()}}};
        if (classified) job.about["classification"] = describe(classified->file());
        if (previous) job.about["previous"] = args.previous.string();
        job.about["version"] = IPSCORE_VERSION;
        output = std::make_unique<io::OutputDirectory>(args.output, job, args.restart);
        state = output->state();
        const std::uint64_t parts =
            parts_for(rows, args.part_rows > 0 ? args.part_rows : part_rows_for(rows));
        plan.first_addresses = previous ? cut_along(*previous, plan, parts, stop)
                                        : cut_segments(plan.sources.files, parts, stop);
        // Parts that were cut elsewhere, by another version, are not parts of this run.
        StreamHash cut;
        cut.update(job.hash());
        cut.update_values(std::span<const Address>(plan.first_addresses));
        plan.job_hash = cut.digest128_text();
    });

    monitor.begin_phase("broadcast");
    monitor.watch(world, args.output);
    std::string files = to_text(plan.sources.files);
    std::string repeated = to_text(plan.sources.repeated);
    std::vector<Network> forgotten = plan.sources.forgotten.networks();
    std::vector<DaySet> days{plan.sources.carried, plan.sources.again};
    auto known_state = static_cast<std::uint64_t>(state);
    world.broadcast_text(files);
    world.broadcast_text(repeated);
    world.broadcast_values(forgotten);
    world.broadcast_values(days);
    world.broadcast_text(plan.job_hash);
    world.broadcast(plan.fan_in);
    world.broadcast(known_state);
    world.broadcast_values(plan.first_addresses);
    state = static_cast<io::OutputDirectory::State>(known_state);
    if (!world.is_root()) {
        plan.sources = {.files = files_of_text(files),
                        .carried = days.at(0),
                        .forgotten = NetworkSet(std::move(forgotten)),
                        .again = days.at(1),
                        .repeated = files_of_text(repeated)};
        if (!plan.sources.carried.empty()) previous = open_table(args.previous);
        threads = threads_for_merges(budget, plan.fan_in, threads_wanted);
    }

    const PartJob job{.output = args.output,
                      .job_hash = plan.job_hash,
                      .part_format = io::format::table_part,
                      .columns = io::table_columns,
                      .parts = plan.first_addresses.size(),
                      .threads = threads,
                      .phase = "merge"};
    PartResults parts(job.parts);
    if (state != io::OutputDirectory::State::fresh) verify_parts(world, job, stop, monitor, parts);
    if (state == io::OutputDirectory::State::finished && parts.missing().empty()) {
        if (auto summary = finished_already(world, args, manifest, plan, previous.get(), classified.get(),
                                            job, parts, stop, monitor))
            return *summary;
    }

    const std::filesystem::path runs = args.output / io::format::runs_name;
    const std::uint64_t merges =
        merge_to_fit(world, plan.sources, previous != nullptr,
                     {.directory = runs, .fan_in = plan.fan_in, .threads = threads}, stop, monitor);
    monitor.begin_phase("dictionary");
    const io::TemporaryFile map_file(args.output / "keys");
    io::TemporaryFile index_file(args.output / io::format::index_name);
    std::optional<io::TableIndexWriter> index_writer;
    if (world.is_root()) index_writer.emplace(index_file.path(), classified != nullptr);
    const OpenInputs open = open_inputs(world, args, plan.sources, previous.get(), map_file, classified.get(),
                                        world.is_root() ? &*index_writer : nullptr, stop);

    const Day first_day = first_day_of(args);
    const std::uint64_t workers =
        static_cast<std::uint64_t>(threads) * static_cast<std::uint64_t>(world.size());
    const PartJobResult result = make_parts(
        world, job, shrinking_stretches(parts.missing(), workers), stop, monitor, parts, [&]() -> MakePart {
            auto merge = std::make_shared<SegmentMerge>(open.inputs, first_day, args.as_of);
            return [&, merge](std::uint64_t part, const std::filesystem::path& path, const StopFlag& halt,
                              WorkCounters& counters) {
                return make_part(args, plan, *merge, part, path, halt, counters);
            };
        });

    monitor.begin_phase("index");
    RunSummary summary;
    world.root_decides([&] {
        io::TableIndex index = make_index(args, manifest, plan, previous.get(), classified.get(), result);
        check_result(args, index);
        const std::uint64_t keys = index_writer->keys();
        index_writer->finish(index);
        monitor.end_phases();
        summary =
            summarize(args, index, keys, {merges, open.inputs.size(), open.keys}, result, monitor.phases());
        write_run(args.output, summary);
        index_file.publish();
        std::error_code ignored; // they are of no more use, and the next run would remove them
        std::filesystem::remove_all(runs, ignored);
    });
    return summary;
}

} // namespace ipscore::stages
