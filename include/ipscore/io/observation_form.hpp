// How a file of observations is to be read: its format, what its columns are called, what its times are.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ipscore::io {

enum class TextFormat { csv, tsv, jsonl };

/// `csv`, `tsv` or `jsonl`; nothing for another word.
[[nodiscard]] std::optional<TextFormat> format_named(std::string_view name) noexcept;
[[nodiscard]] std::string_view name_of(TextFormat format) noexcept;
inline constexpr std::string_view format_names = "csv, tsv or jsonl";

/// As the file's name says: `.tsv` and `.tab`, `.jsonl`, `.ndjson` and `.json`, a `.gz` or `.zst` behind it
/// aside; all other names are those of CSV.
[[nodiscard]] TextFormat format_of_name(const std::filesystem::path& path);

/// What a time is written as.
enum class TimeForm { date, epoch_s, epoch_ms };

/// `date`, `epoch_s` or `epoch_ms`; nothing for another word.
[[nodiscard]] std::optional<TimeForm> time_form_named(std::string_view name) noexcept;
[[nodiscard]] std::string_view name_of(TimeForm form) noexcept;
inline constexpr std::string_view time_form_names = "date, epoch_s or epoch_ms";

/// What the supplier calls the columns.
struct ColumnNames {
    std::string ip = "ip";
    std::string day = "day";
    std::string key = "key";
    std::optional<std::string> hits; ///< not set: `hits`, where there is such a column, and otherwise 1
    friend bool operator==(const ColumnNames&, const ColumnNames&) = default;
};

inline constexpr std::string_view default_hits_name = "hits";

/// Empty, or why no file can have such columns: an empty name, or one that stands for two of them.
[[nodiscard]] std::string fault_of(const ColumnNames& names);

/// `ip=client_ip,key=page`: in any order, as a row of CSV, so that quotes help where a name has a comma.
/// Nothing where `text` is not that, or fault_of() finds something.
[[nodiscard]] std::optional<ColumnNames> parse_column_names(std::string_view text);

struct ObservationForm {
    TextFormat format = TextFormat::csv;
    ColumnNames columns;
    TimeForm time = TimeForm::date;
    friend bool operator==(const ObservationForm&, const ObservationForm&) = default;
};

/// One line: forms are equal when these texts are. `format=csv,ip=ip,day=ts,key=key,time=epoch_s`, with
/// `hits=` where its name is set.
[[nodiscard]] std::string source_form(const ObservationForm& form);

} // namespace ipscore::io
