#include "terms.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace ipscore::stages::diffing {

namespace {

using comparing::KeyColumn;
using comparing::Schema;
using comparing::ValueColumn;

std::string names_of(const Schema& schema) {
    std::vector<std::string> names;
    for (const KeyColumn& column : schema.key) names.push_back(column.name);
    for (const ValueColumn& column : schema.values) names.push_back(column.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

bool same_key(const Schema& a, const Schema& b) {
    return std::ranges::equal(a.key, b.key, [](const KeyColumn& one, const KeyColumn& other) {
        return one.name == other.name && one.kind == other.kind;
    });
}

bool is_ignored(const DiffArgs& args, std::string_view column) {
    return std::ranges::find(args.ignore, column) != args.ignore.end();
}

/// Throws InputError when no side has a value column of that name.
void must_be_there(const Side& before, const Side& now, std::string_view column, std::string_view option) {
    if (before.schema().find_value(column) || now.schema().find_value(column)) return;
    if (before.schema().find_key(column))
        throw InputError(
            fmt::format("{} {}: is what rows are matched by", option, io::quoted_for_message(column)));
    throw InputError(fmt::format("{} {}: there is no such column; {} has {}, and {} has {}", option,
                                 io::quoted_for_message(column), before.path().string(),
                                 names_of(before.schema()), now.path().string(), names_of(now.schema())));
}

std::vector<std::string> columns_alone(const Side& side, const Side& other, const DiffArgs& args) {
    std::vector<std::string> columns;
    for (const ValueColumn& column : side.schema().values) {
        if (!other.schema().find_value(column.name) && !is_ignored(args, column.name))
            columns.push_back(column.name);
    }
    return columns;
}

} // namespace

comparing::Terms agree_on_terms(const Side& before, const Side& now, const DiffArgs& args,
                                const comparing::NameTable& names, DiffReport& report) {
    if (!same_key(before.schema(), now.schema())) {
        throw InputError(
            fmt::format("{} ({}) and {} ({}) have rows of different kinds: the columns are {}, and {}",
                        before.path().string(), before.kind(), now.path().string(), now.kind(),
                        names_of(before.schema()), names_of(now.schema())));
    }
    for (const std::string& column : args.ignore) must_be_there(before, now, column, "--ignore");
    comparing::Terms terms;
    terms.schema.key = before.schema().key;
    terms.names = &names;
    terms.samples_each = args.samples;
    for (const ValueColumn& column : before.schema().values) {
        if (now.schema().find_value(column.name) && !is_ignored(args, column.name)) {
            terms.schema.values.push_back(column);
            terms.tolerances.emplace_back();
        }
    }
    if (terms.schema.values.size() > Schema::values_max) {
        throw InputError(
            fmt::format("{}: {} columns to compare are more than {}; leave some out with --ignore",
                        before.path().string(), terms.schema.values.size(), Schema::values_max));
    }
    for (const ColumnTolerance& wanted : args.tolerances) {
        must_be_there(before, now, wanted.column, "--tolerance");
        const auto column = terms.schema.find_value(wanted.column);
        if (!column) {
            throw InputError(
                fmt::format("--tolerance {}: the column is not compared: it is ignored, or on one side only",
                            io::quoted_for_message(wanted.column)));
        }
        if (!comparing::is_measured(terms.schema.values[*column].kind)) {
            throw InputError(fmt::format("--tolerance {}: its values are no numbers",
                                         io::quoted_for_message(wanted.column)));
        }
        comparing::Tolerance& tolerance = terms.tolerances[*column];
        tolerance.absolute = std::max(tolerance.absolute, wanted.tolerance.absolute);
        tolerance.relative = std::max(tolerance.relative, wanted.tolerance.relative);
    }
    report.before = {before.path(), before.kind(), 0, columns_alone(before, now, args)};
    report.now = {now.path(), now.kind(), 0, columns_alone(now, before, args)};
    return terms;
}

} // namespace ipscore::stages::diffing
