#include "ipscore/io/observation_form.hpp"

#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace ipscore::io {

namespace {

template <class Value, std::size_t count>
using Names = std::array<std::pair<std::string_view, Value>, count>;

constexpr Names<TextFormat, 3> formats{
    {{"csv", TextFormat::csv}, {"tsv", TextFormat::tsv}, {"jsonl", TextFormat::jsonl}}};
constexpr Names<TimeForm, 3> time_forms{
    {{"date", TimeForm::date}, {"epoch_s", TimeForm::epoch_s}, {"epoch_ms", TimeForm::epoch_ms}}};
constexpr Names<TextFormat, 5> extensions{{{".tsv", TextFormat::tsv},
                                           {".tab", TextFormat::tsv},
                                           {".jsonl", TextFormat::jsonl},
                                           {".ndjson", TextFormat::jsonl},
                                           {".json", TextFormat::jsonl}}};

template <class Value, std::size_t count>
std::optional<Value> value_of(const Names<Value, count>& names, std::string_view name) noexcept {
    for (const auto& [known, value] : names) {
        if (known == name) return value;
    }
    return std::nullopt;
}

template <class Value, std::size_t count>
std::string_view name_in(const Names<Value, count>& names, Value value) noexcept {
    return std::ranges::find(names, value, [](const auto& entry) { return entry.second; })->first;
}

} // namespace

std::optional<TextFormat> format_named(std::string_view name) noexcept { return value_of(formats, name); }
std::string_view name_of(TextFormat format) noexcept { return name_in(formats, format); }
std::optional<TimeForm> time_form_named(std::string_view name) noexcept { return value_of(time_forms, name); }
std::string_view name_of(TimeForm form) noexcept { return name_in(time_forms, form); }

TextFormat format_of_name(const std::filesystem::path& path) {
    std::filesystem::path extension = path.extension();
    if (extension == ".gz" || extension == ".zst") extension = path.stem().extension();
    return value_of(extensions, extension.string()).value_or(TextFormat::csv);
}

std::string fault_of(const ColumnNames& names) {
    std::set<std::string_view> seen;
    const std::string_view hits = names.hits ? std::string_view(*names.hits) : default_hits_name;
    for (const std::string_view name :
         {std::string_view(names.ip), std::string_view(names.day), std::string_view(names.key), hits}) {
        if (name.empty()) return "a column has an empty name";
        if (!seen.insert(name).second) return quoted_for_message(name) + " stands for two columns";
    }
    return {};
}

std::optional<ColumnNames> parse_column_names(std::string_view text) {
    ColumnNames names;
    CsvRows rows(text, 1);
    CsvRow row;
    if (!rows.next(row) || row.fault != CsvFault::none || !rows.rest().empty()) return std::nullopt;
    std::set<std::string_view> seen;
    for (const std::string_view field : row.fields) {
        const std::size_t equals = field.find('=');
        const std::string_view column = field.substr(0, equals);
        if (equals == std::string_view::npos || !seen.insert(column).second) return std::nullopt;
        const std::string name(field.substr(equals + 1));
        if (column == "ip") {
            names.ip = name;
        } else if (column == "day") {
            names.day = name;
        } else if (column == "key") {
            names.key = name;
        } else if (column == "hits") {
            names.hits = name;
        } else {
            return std::nullopt;
        }
    }
    if (!fault_of(names).empty()) return std::nullopt;
    return names;
}

std::string source_form(const ObservationForm& form) {
    std::string text = "format=" + std::string(name_of(form.format));
    const auto add = [&](std::string_view column, const std::string& name) {
        text += ',';
        append_csv_field(text, std::string(column) + '=' + name);
    };
    add("ip", form.columns.ip);
    add("day", form.columns.day);
    add("key", form.columns.key);
    if (form.columns.hits) add("hits", *form.columns.hits);
    add("time", std::string(name_of(form.time)));
    return text;
}

} // namespace ipscore::io
