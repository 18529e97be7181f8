#include "ipscore/stages/prepare.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/io/output_directory.hpp"
#include "ipscore/io/table.hpp"
#include "merge.hpp"
#include "part_cut.hpp"
#include "part_job.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <queue>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

/// The store's state that is prepared, and what becomes of it; rank 0 makes it, all ranks have it.
struct Plan {
    std::vector<std::string> segment_ids;
    std::vector<Address> first_addresses; ///< by part
    std::string job_hash;
    std::uint64_t workers = 1;
};

Json identity_of(const PrepareArgs& args, const io::Manifest& manifest) {
    std::vector<std::pair<std::string, std::uint64_t>> segments;
    for (const io::SegmentInfo& segment : manifest.segments)
        segments.emplace_back(segment.id, segment.checksum);
    std::ranges::sort(segments);
    Json list = Json::object();
    for (const auto& [id, checksum] : segments) list[id] = checksum_text(checksum);
    return {{"first_day", date_text(args.as_of - args.lookback_days + 1)},
            {"last_day", date_text(args.as_of)},
            {"segments", list},
            {"format_version", io::format::version}};
}

std::uint64_t rows_within(const io::RowsPerDay& days, Day first, Day last) {
    std::uint64_t sum = 0;
    for (const auto& [day, rows] : days) sum += day >= first && day <= last ? rows : 0;
    return sum;
}

/// All segments' dictionaries merged into one; `table_keys[s][k]` becomes the new id of key k of segment s.
ByteStrings merge_dictionaries(const std::vector<std::unique_ptr<io::Segment>>& segments,
                               std::vector<std::vector<std::uint32_t>>& table_keys) {
    std::vector<ByteStrings> dictionaries;
    dictionaries.reserve(segments.size());
    for (const auto& segment : segments) dictionaries.push_back(segment->read_dictionary());
    table_keys.assign(segments.size(), {});
    using Next = std::pair<std::string_view, std::size_t>; // a segment's next key
    std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
    for (std::size_t s = 0; s < dictionaries.size(); ++s) {
        table_keys[s].reserve(dictionaries[s].size());
        if (!dictionaries[s].empty()) next.emplace(dictionaries[s][0], s);
    }
    ByteStrings merged;
    while (!next.empty()) {
        const auto [key, s] = next.top();
        next.pop();
        if (merged.empty() || merged[merged.size() - 1] != key) {
            constexpr std::size_t keys_max = 0xffff'ffff;
            if (merged.size() == keys_max) {
                throw InputError(
                    "more than 4294967295 distinct keys in the store; prepare a shorter look-back");
            }
            merged.push_back(key);
        }
        table_keys[s].push_back(static_cast<std::uint32_t>(merged.size() - 1));
        if (table_keys[s].size() < dictionaries[s].size())
            next.emplace(dictionaries[s][table_keys[s].size()], s);
    }
    return merged;
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
    if (halt.requested()) return std::nullopt;
    rows.finish();
    Json days = Json::object();
    for (Day day = args.as_of - args.lookback_days + 1; day <= args.as_of; ++day) {
        const std::uint64_t count = day < 0 ? 0 : rows_per_day[static_cast<std::size_t>(day)];
        if (count > 0) days[date_text(day)] = count;
    }
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
                                     {"rows_per_day", days}}};
    io::write_part_record(file, io::format::table_part, plan.job_hash, part, record);
    file.close();
    counters.rows += counts.rows_read;
    counters.bytes += rows.stored_bytes();
    return record;
}

io::TableIndex make_index(const PrepareArgs& args, const io::Manifest& manifest, const PartJobResult& result,
                          ByteStrings dictionary) {
    io::TableIndex index;
    index.first_day = args.as_of - args.lookback_days + 1;
    index.last_day = args.as_of;
    for (const io::PartRecord& part : result.parts) add_counts(index.counts, part.counts);
    for (const auto& [day, rows] : index.counts["rows_per_day"].items()) {
        index.rows_per_day[parse_date(day).day] = rows.get<std::uint64_t>();
    }
    index.counts.erase("rows_per_day");
    Json segments = Json::array();
    for (const io::SegmentInfo& segment : manifest.segments) segments.push_back(segment.id);
    index.store = {{"manifest_version", manifest.version}, {"segments", segments}};
    index.dictionary = std::move(dictionary);
    index.parts = result.parts;
    return index;
}

RunSummary summarize(const PrepareArgs& args, const io::TableIndex& index, const PartJobResult& result,
                     const Phases& phases) {
    RunSummary summary;
    const auto count = [&](const char* name) { return index.counts.value(name, std::uint64_t{0}); };
    const auto days_without_rows = static_cast<std::uint64_t>(args.lookback_days) - index.rows_per_day.size();
    summary.verdict = fmt::format("{}: {} observations of {} addresses and {} keys in {} parts, {} to {}",
                                  args.output.string(), count_text(index.rows()),
                                  count_text(index.addresses()), count_text(index.dictionary.size()),
                                  index.parts.size(), date_text(index.first_day), date_text(index.last_day));
    summary.lines.push_back(
        fmt::format("read {} rows: {} outside the days, {} added to an equal (ip, day, key)",
                    count_text(count("rows_read")), count_text(count("rows_outside_days")),
                    count_text(count("duplicates"))));
    if (days_without_rows > 0) {
        summary.lines.push_back(fmt::format("days of the look-back without data: {} of {}", days_without_rows,
                                            args.lookback_days));
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
                    {"keys", index.dictionary.size()},
                    {"counts", index.counts},
                    {"days_without_rows", days_without_rows},
                    {"phases_seconds", phases.json()},
                    {"seconds", phases.total_seconds()},
                    {"imbalance", result.imbalance},
                    {"ranks", result.ranks}};
    return summary;
}

} // namespace

RunSummary prepare(mpi::World& world, const PrepareArgs& args, StopFlag& stop) {
    Phases phases;
    phases.begin("check");
    const int threads = args.threads > 0 ? args.threads : default_threads(world.ranks_on_node());
    Plan plan;
    io::Manifest manifest;
    std::unique_ptr<io::OutputDirectory> output;
    bool finished = false;
    ByteStrings dictionary;
    std::vector<std::unique_ptr<io::Segment>> segments;
    std::vector<std::vector<std::uint32_t>> table_keys;
    const auto open_segments = [&] {
        for (const std::string& id : plan.segment_ids) {
            segments.push_back(std::make_unique<io::Segment>(args.store / "segments" / (id + ".h5")));
        }
    };
    world.root_decides([&] {
        manifest = io::Store::open(args.store).read();
        if (manifest.version == 0) {
            throw InputError(args.store.string() +
                             ": is a store into which nothing was taken yet; run ipscore ingest first");
        }
        const io::Job job{.verb = "prepare",
                          .identity = identity_of(args, manifest),
                          .about = {{"store", args.store.string()}, {"version", IPSCORE_VERSION}}};
        output = std::make_unique<io::OutputDirectory>(args.output, job, args.restart);
        finished = output->state() == io::OutputDirectory::State::finished;
        for (const io::SegmentInfo& segment : manifest.segments) plan.segment_ids.push_back(segment.id);
        open_segments();
        const Day first_day = args.as_of - args.lookback_days + 1;
        const std::uint64_t rows = rows_within(manifest.rows_per_day(), first_day, args.as_of);
        plan.first_addresses = cut_addresses(segments, parts_for(rows, args.part_rows));
        // Parts that were cut elsewhere, by another version, are not parts of this run.
        StreamHash cut;
        cut.update(job.hash());
        cut.update_values(std::span<const Address>(plan.first_addresses));
        plan.job_hash = cut.digest128_text();
        plan.workers = static_cast<std::uint64_t>(threads) * static_cast<std::uint64_t>(world.size());
        dictionary = merge_dictionaries(segments, table_keys);
    });

    phases.begin("broadcast");
    std::string ids = Json(plan.segment_ids).dump();
    world.broadcast_text(ids);
    world.broadcast_text(plan.job_hash);
    world.broadcast(plan.workers);
    world.broadcast_values(plan.first_addresses);
    if (!world.is_root()) {
        plan.segment_ids = Json::parse(ids).get<std::vector<std::string>>();
        table_keys.resize(plan.segment_ids.size());
        open_segments();
    }
    for (auto& keys : table_keys) world.broadcast_values(keys);
    std::vector<MergeInput> inputs;
    for (std::size_t s = 0; s < segments.size(); ++s) inputs.push_back({segments[s].get(), &table_keys[s]});

    const PartJob job{.output = args.output,
                      .job_hash = plan.job_hash,
                      .part_format = io::format::table_part,
                      .columns = io::table_columns,
                      .parts = plan.first_addresses.size(),
                      .claims = shrinking_stretches(plan.first_addresses.size(), plan.workers),
                      .threads = threads,
                      .phase = "merge",
                      .progress = args.progress};
    const Day first_day = args.as_of - args.lookback_days + 1;
    const PartJobResult result = run_parts(world, job, stop, phases, [&]() -> MakePart {
        auto merge = std::make_shared<SegmentMerge>(inputs, first_day, args.as_of);
        return [&, merge](std::uint64_t part, const std::filesystem::path& path, const StopFlag& halt,
                          WorkCounters& counters) {
            return make_part(args, plan, *merge, part, path, halt, counters);
        };
    });

    phases.begin("index");
    RunSummary summary;
    world.root_decides([&] {
        io::TableIndex index = make_index(args, manifest, result, std::move(dictionary));
        io::TemporaryFile file(args.output / io::format::index_name);
        io::write_table_index(file.path(), index);
        phases.end();
        summary = summarize(args, index, result, phases);
        publish_index(args.output, file, summary, finished && result.parts_verified == index.parts.size(),
                      [&] { return io::read_table_index(args.output).content_hash == index.content_hash; });
    });
    return summary;
}

} // namespace ipscore::stages
