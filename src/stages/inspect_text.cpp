// What `inspect` found, for people.
#include "ipscore/stages/inspect.hpp"

#include "ipscore/io/csv.hpp"
#include "ipscore/stages/memory_budget.hpp"
#include "ipscore/stages/summary.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ipscore::stages {

namespace {

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count_text(count), count == 1 ? one : many);
}

/// As --memory wants it, rounded up.
std::string memory_text(std::uint64_t bytes) {
    return fmt::format("{}MiB", (bytes + mebibyte - 1) / mebibyte);
}

std::string ratio_text(std::uint64_t decoded_bytes, std::uint64_t stored_bytes) {
    if (stored_bytes == 0) return "-";
    return fmt::format("{:.1f}", static_cast<double>(decoded_bytes) / static_cast<double>(stored_bytes));
}

std::string first_line(const InspectReport& report) {
    return fmt::format("{}: {}{}, {}, {}\n", report.path.string(), report.unfinished ? "unfinished " : "",
                       report.kind, counted(report.files, "file", "files"), bytes_text(report.bytes));
}

std::string totals(const InspectReport& report) {
    std::string text;
    const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
    if (report.rows) add(counted(*report.rows, "row", "rows"));
    if (report.observations) {
        const ObservationFigures& found = *report.observations;
        add(counted(found.addresses, "distinct address", "distinct addresses"));
        if (found.keys) add(counted(*found.keys, "distinct key", "distinct keys"));
        add(counted(found.hits, "hit", "hits"));
    } else {
        if (report.addresses) add(counted(*report.addresses, "address", "addresses"));
        if (report.keys) add(counted(*report.keys, "key in the dictionaries", "keys in the dictionaries"));
    }
    if (report.score_rows) {
        add(counted(report.score_rows->hits, "hit", "hits"));
        add(fmt::format("{} confident", count_text(report.score_rows->confident_rows)));
    }
    if (report.rows_per_day && !report.rows_per_day->empty())
        add(fmt::format("{}, {} to {}", counted(report.rows_per_day->size(), "day", "days"),
                        date_text(report.rows_per_day->begin()->first),
                        date_text(report.rows_per_day->rbegin()->first)));
    return text.empty() ? "" : text + "\n";
}

std::string store_lines(const StoreFigures& store) {
    const std::size_t segments = store.manifest.segments.size();
    std::string text =
        fmt::format("{} of {}, manifest {}\n", counted(segments, "segment", "segments"),
                    counted(store.manifest.sources.size(), "source", "sources"), store.manifest.version);
    if (store.unnamed_files > 0)
        text += fmt::format(
            "{}, {}, in segments/ but not in the manifest: in use, or to be removed by the next compact\n",
            counted(store.unnamed_files, "file", "files"), bytes_text(store.unnamed_bytes));
    text += fmt::format("memory: prepare needs --memory {} at least, and {} to merge {} at once\n",
                        memory_text(store.prepare_least_bytes), memory_text(store.prepare_one_merge_bytes),
                        counted(segments, "segment", "segments"));
    for (const CompactableGroup& group : store.compactable)
        text += fmt::format(
            "worth compacting: {}{}, {}, {}\n", counted(group.segments.size(), "segment", "segments"),
            group.segments.size() == 1 ? ", of which much was pruned" : " of about the same size",
            counted(group.rows, "row", "rows"), bytes_text(group.bytes));
    if (store.compactable.empty()) text += "worth compacting: no segments\n";
    return text;
}

std::string table_lines(const TableFigures& table) {
    std::string keys;
    if (const auto& classification = table.classification)
        keys = fmt::format("for the {} of a classification (content {}), without {} of other keys\n",
                           counted(classification->keys, "key", "keys"), classification->content_hash,
                           counted(classification->rows_unclassified(), "row", "rows"));
    return fmt::format("{}, prepared for {} to {}\n"
                       "{}memory: score needs --memory {} at least, and what companies, tags and classified "
                       "keys take\n",
                       counted(table.parts, "part", "parts"), date_text(table.first_day),
                       date_text(table.last_day), keys, memory_text(table.score_least_bytes));
}

std::string unfinished_lines(const UnfinishedFigures& unfinished) {
    std::string text = counted(unfinished.parts, "finished part", "finished parts");
    if (unfinished.runs > 0)
        text +=
            fmt::format(", {} of {} in runs/", counted(unfinished.runs, "merged segment", "merged segments"),
                        bytes_text(unfinished.runs_bytes));
    if (unfinished.temporary_files > 0)
        text += fmt::format(", {} of {}",
                            counted(unfinished.temporary_files, "temporary file", "temporary files"),
                            bytes_text(unfinished.temporary_bytes));
    return text + "\n";
}

std::string scores_lines(const ScoresFigures& scores) {
    return fmt::format("{}, as of {}, look-back {} days, {}, {}, {}\n",
                       counted(scores.parts, "part", "parts"), scores.model.value("as_of", ""),
                       scores.model.value("lookback_days", 0), counted(scores.tags, "tag", "tags"),
                       counted(scores.companies, "company", "companies"),
                       counted(scores.company_rows, "company row", "company rows"));
}

void add_figures(ColumnFigures& sum, const ColumnFigures& column) {
    sum.files = std::max(sum.files, column.files);
    sum.values += column.values;
    sum.chunks += column.chunks;
    sum.stored_bytes += column.stored_bytes;
    sum.decoded_bytes += column.decoded_bytes;
}

std::string columns_table(const InspectReport& report) {
    TextTable table({"stored", "decoded", "ratio", "values", "chunks", "files", "type", "filters", "column"},
                    {6, 7, 8});
    const auto add = [&](const ColumnFigures& column) {
        table.add({bytes_text(column.stored_bytes), bytes_text(column.decoded_bytes),
                   ratio_text(column.decoded_bytes, column.stored_bytes), count_text(column.values),
                   count_text(column.chunks), count_text(column.files), column.type, column.filters,
                   column.name});
    };
    ColumnFigures all;
    all.name = "all columns";
    for (const ColumnFigures& column : report.columns) add_figures(all, column);
    if (all.files == 0) return "";
    constexpr std::uint64_t shown_share = 1000; // a smaller share would only make the table long
    ColumnFigures small;
    std::size_t small_columns = 0;
    for (const ColumnFigures& column : report.columns) {
        if (column.stored_bytes * shown_share >= all.stored_bytes) {
            add(column);
        } else {
            add_figures(small, column);
            ++small_columns;
        }
    }
    if (small_columns > 0) {
        small.name = fmt::format("{} of less than 0.1 %", counted(small_columns, "column", "columns"));
        add(small);
    }
    add(all);
    return "\ncolumns\n" + table.text();
}

std::string days_table(const io::RowsPerDay& days) {
    constexpr std::size_t days_a_line = 7;
    std::vector<std::vector<std::string>> lines;
    std::vector<std::string> line;
    for (const auto& [day, rows] : days) {
        line.push_back(date_text(day));
        line.push_back(count_text(rows));
        if (line.size() == 2 * days_a_line) lines.push_back(std::exchange(line, {}));
    }
    if (!line.empty()) lines.push_back(line);
    if (lines.empty()) return "";
    TextTable table(lines.front(), {});
    for (std::size_t i = 1; i < lines.size(); ++i) table.add(lines[i]);
    return "\nrows per day\n" + table.text();
}

std::string sources_table(const io::Manifest& manifest) {
    TextTable table({"rows", "rejected", "bytes", "segments", "ingested at", "id", "source"}, {4, 5, 6});
    for (const io::Source& source : manifest.sources)
        table.add({count_text(source.rows), count_text(source.rejected), bytes_text(source.bytes),
                   count_text(source.segments.size()), source.ingested_at, source.id,
                   io::quoted_for_message(source.name) +
                       (source.replaced_by.empty() ? "" : ", replaced by " + source.replaced_by)});
    return table.empty() ? "" : "\nsources\n" + table.text();
}

std::string heavy_table(const std::string& title, const std::vector<Heavy>& heavy, const char* what,
                        bool in_quotes) {
    TextTable table({"rows", "hits", what}, {2});
    for (const Heavy& one : heavy)
        table.add({count_text(one.rows), count_text(one.hits),
                   in_quotes ? io::quoted_for_message(one.name) : one.name});
    return table.empty() ? "" : fmt::format("\n{}\n{}", title, table.text());
}

/// Names that are no addresses may hold any bytes.
std::string heaviest_tables(const char* one, const char* many, const Heaviest& heaviest, bool in_quotes) {
    const auto title = [&](const char* measure) { return fmt::format("heaviest {} by {}", many, measure); };
    return heavy_table(title("rows"), heaviest.by_rows, one, in_quotes) +
           heavy_table(title("hits"), heaviest.by_hits, one, in_quotes);
}

std::string score_bins_table(const ScoreRowFigures& rows) {
    TextTable table({"rows", "score"}, {1});
    constexpr std::size_t width = 100 / score_bins;
    for (std::size_t bin = 0; bin < score_bins; ++bin)
        table.add(
            {count_text(rows.rows_per_score[bin]), fmt::format("{} to {}", bin * width, (bin + 1) * width)});
    return "\nrows per score\n" + table.text();
}

std::string days_line(const char* what, const DaysFigures& days) {
    if (days.days.empty()) return fmt::format("{}: none\n", what);
    return fmt::format("{}: {}, {} to {}, {}, about {}\n", what, counted(days.days.size(), "day", "days"),
                       date_text(days.days.front()), date_text(days.days.back()),
                       counted(days.rows, "row", "rows"), bytes_text(days.bytes));
}

std::string models_table(const ModelsFigures& models) {
    TextTable table({"look-back", "first day", "as of", "with rows", "rows", "model"}, {5});
    for (const ModelDays& model : models.models)
        table.add({counted(static_cast<std::uint64_t>(model.lookback_days), "day", "days"),
                   date_text(model.as_of - model.lookback_days + 1), date_text(model.as_of),
                   counted(model.days_with_rows, "day", "days"), count_text(model.rows), model.path});
    return "\nmodels\n" + table.text() + days_line("used by none of them", models.unused) +
           days_line("later than all of them", models.later);
}

std::string counting_line(std::uint64_t memory_bytes) {
    return fmt::format("\ncounted within {} of memory\n", bytes_text(memory_bytes));
}

} // namespace

std::string inspect_text(const InspectReport& report) {
    std::string text = first_line(report) + totals(report);
    if (report.store) text += store_lines(*report.store);
    if (report.table) text += table_lines(*report.table);
    if (report.unfinished) text += unfinished_lines(*report.unfinished);
    if (report.scores) text += scores_lines(*report.scores);
    text += columns_table(report);
    if (report.rows_per_day) text += days_table(*report.rows_per_day);
    if (report.store) text += sources_table(report.store->manifest);
    if (report.observations) {
        text += heaviest_tables("address", "addresses", report.observations->heaviest_addresses, false);
        text += heaviest_tables("key", "keys", report.observations->heaviest_keys, true);
    }
    if (report.score_rows) {
        text += score_bins_table(*report.score_rows);
        text += heaviest_tables("address", "addresses", report.score_rows->heaviest_addresses, false);
        text += heaviest_tables("tag", "tags", report.score_rows->heaviest_tags, true);
        text += heaviest_tables("company", "companies", report.score_rows->heaviest_companies, true);
    }
    if (report.models) text += models_table(*report.models);
    if (report.observations) text += counting_line(report.observations->memory_bytes);
    if (report.score_rows) text += counting_line(report.score_rows->memory_bytes);
    return text;
}

} // namespace ipscore::stages
