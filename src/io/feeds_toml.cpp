#include "ipscore/io/feeds_toml.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "toml_reader.hpp"

#include <array>
#include <fmt/format.h>
#include <fnmatch.h>
#include <limits>
#include <utility>

namespace ipscore::io {

namespace {

constexpr std::array<std::string_view, 1> file_names{"feeds"};
constexpr std::array<std::string_view, 6> feed_names{"pattern", "format",      "columns",
                                                     "time",    "max_rejects", "min_rows"};
constexpr std::array<std::string_view, 4> column_names{"ip", "day", "key", "hits"};
constexpr std::string_view count_range = "a whole number from 0 to 9223372036854775807";
constexpr std::int64_t count_max = std::numeric_limits<std::int64_t>::max();

ColumnNames read_columns(const TomlReader& table) {
    table.allow_only(column_names);
    ColumnNames names;
    const auto name_into = [&](std::string_view column, std::string& field) {
        const auto name = table.text(column);
        if (!name) return;
        if (name->empty()) table.bad(column, "is empty");
        field = *name;
    };
    name_into("ip", names.ip);
    name_into("day", names.day);
    name_into("key", names.key);
    if (table.text("hits")) name_into("hits", names.hits.emplace());
    return names;
}

/// A number of rows, or a text with a percentage.
RejectLimit read_limit(const TomlReader& table, const toml::table& values) {
    if (values.get("max_rejects")->is_integer()) {
        RejectLimit limit;
        limit.rows = static_cast<std::uint64_t>(*table.whole("max_rejects", 0, count_max, count_range));
        return limit;
    }
    const toml::node& node = *values.get("max_rejects");
    const auto limit = node.is_string() ? parse_reject_share(**node.as_string()) : std::nullopt;
    if (!limit) table.bad("max_rejects", "is neither a number of rows nor a percentage such as \"0.5%\"");
    return *limit;
}

Feed read_feed(const TomlReader& table, const toml::table& values, std::string name) {
    table.allow_only(feed_names);
    Feed feed;
    const auto pattern = table.text("pattern");
    if (!pattern) table.missing("pattern", "is missing; write pattern = \"acme-*.csv*\"");
    if (pattern->empty() || pattern->find('/') != std::string::npos)
        table.bad("pattern", "is no pattern of file names, which have no directory");
    feed.pattern = *pattern;
    if (const auto format = table.text("format")) {
        feed.format = format_named(*format);
        if (!feed.format) table.bad("format", fmt::format("is not {}", format_names));
    }
    if (const auto time = table.text("time")) {
        const auto form = time_form_named(*time);
        if (!form) table.bad("time", fmt::format("is not {}", time_form_names));
        feed.time = *form;
    }
    if (table.table("columns") != nullptr) {
        const std::string prefix = fmt::format("feeds.{}.columns.", quoted_for_message(name));
        feed.columns = read_columns(table.inner("columns", prefix));
        if (const std::string fault = fault_of(feed.columns); !fault.empty())
            table.bad("columns", fmt::format("cannot be: {}", fault));
    }
    if (values.get("max_rejects") != nullptr) feed.max_rejects = read_limit(table, values);
    if (const auto rows = table.whole("min_rows", 0, count_max, count_range))
        feed.min_rows = static_cast<std::uint64_t>(*rows);
    feed.name = std::move(name);
    return feed;
}

} // namespace

ObservationForm Feed::form_of(const std::filesystem::path& file) const {
    return {.format = format.value_or(format_of_name(file)), .columns = columns, .time = time};
}

Feeds::Feeds(std::filesystem::path path) : path_(std::move(path)) {
    const toml::table root = read_toml(path_);
    const TomlReader table(root, path_.string(), "");
    table.allow_only(file_names);
    const toml::table* feeds = table.table("feeds");
    if (feeds == nullptr || feeds->empty())
        throw InputError(path_.string() + ": there are no feeds; write [feeds.NAME] and its pattern");
    const TomlReader all(*feeds, path_.string(), "feeds.");
    for (const auto& [key, node] : *feeds) {
        const std::string name(key.str());
        const toml::table* values = all.table(name);
        feeds_.push_back(
            read_feed(all.inner(name, fmt::format("feeds.{}.", quoted_for_message(name))), *values, name));
    }
}

const Feed& Feeds::feed_of(const std::filesystem::path& file) const {
    const Feed* found = nullptr;
    for (const Feed& feed : feeds_) {
        if (::fnmatch(feed.pattern.c_str(), file.filename().c_str(), 0) != 0) continue;
        if (found != nullptr) {
            throw InputError(fmt::format("{}: is of two feeds of {}, {} and {}; make their patterns narrower",
                                         file.string(), path_.string(), quoted_for_message(found->name),
                                         quoted_for_message(feed.name)));
        }
        found = &feed;
    }
    if (found == nullptr) {
        std::string there;
        for (const Feed& feed : feeds_)
            there += fmt::format("{}{} ({})", there.empty() ? "" : ", ", quoted_for_message(feed.name),
                                 feed.pattern);
        throw InputError(
            fmt::format("{}: is of no feed of {}; there are {}", file.string(), path_.string(), there));
    }
    return *found;
}

} // namespace ipscore::io
