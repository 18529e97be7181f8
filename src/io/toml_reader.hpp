// TOML files whose every fault is told with file, line, column and value.
#pragma once

#include "ipscore/core/day.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <toml++/toml.h>
#include <utility>
#include <vector>

namespace ipscore::io {

/// A whole file. Throws InputError when it cannot be read, or is not TOML.
[[nodiscard]] toml::table read_toml(const std::filesystem::path& path);

/// Reads values out of one table of a file. All throw InputError; what is not there is left to the caller.
class TomlReader {
public:
    /// `table` must outlive it. `prefix` is what messages put before a name, such as `tags."a".`.
    TomlReader(const toml::table& table, std::string path, std::string prefix)
        : table_(&table), path_(std::move(path)), prefix_(std::move(prefix)) {}

    void allow_only(std::span<const std::string_view> names) const;
    /// Finite.
    [[nodiscard]] std::optional<double> decimal(std::string_view name) const;
    [[nodiscard]] std::optional<double> positive(std::string_view name) const;
    /// `range` is what messages call low to high.
    [[nodiscard]] std::optional<std::int64_t> whole(std::string_view name, std::int64_t low,
                                                    std::int64_t high, std::string_view range) const;
    [[nodiscard]] std::optional<Day> day(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
    [[nodiscard]] const toml::table* table(std::string_view name) const;
    /// The table of a table that must be one.
    [[nodiscard]] TomlReader inner(std::string_view name, std::string prefix) const {
        return {*table(name), path_, std::move(prefix)};
    }
    /// Of a value that is there.
    [[noreturn]] void bad(std::string_view name, std::string_view reason) const;
    /// Of what is not there: names the place where the table begins.
    [[noreturn]] void missing(std::string_view name, std::string_view reason) const;

private:
    [[noreturn]] void fail(const toml::source_region& where, std::string_view reason) const;
    [[noreturn]] void bad(const toml::node& node, std::string_view name, std::string_view reason) const;

    const toml::table* table_;
    std::string path_;
    std::string prefix_;
};

} // namespace ipscore::io
