#include "ingest_sources.hpp"

#include "forgetting.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <utility>

namespace ipscore::stages {

namespace {

std::string now_text() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string key_of(const std::string& content_hash, const std::string& form) {
    return content_hash + ' ' + form;
}

/// The name of a source, as it is called in messages.
std::string name_of(const io::Manifest& manifest, const std::string& id) {
    const auto source = std::ranges::find(manifest.sources, id, &io::Source::id);
    return source == manifest.sources.end() ? id : source->name;
}

bool is_named(const io::Source& source, const std::string& name) {
    return source.name == name || source.id == name;
}

/// Whether `source` has taken the place of one with that name or id.
bool has_replaced(const io::Manifest& manifest, const io::Source& source, const std::string& name) {
    return std::ranges::any_of(manifest.sources, [&](const io::Source& other) {
        return other.replaced_by == source.id && is_named(other, name);
    });
}

void add_source(const io::Store& store, io::Manifest& manifest, const PendingFile& file,
                const NetworkSet& forgotten) {
    // What was forgotten while the file was read.
    std::vector<Network> forgotten_since;
    for (const Network& network : manifest.forgotten.networks()) {
        if (!forgotten.holds(network)) forgotten_since.push_back(network);
    }
    const NetworkSet more(std::move(forgotten_since));
    for (const auto& [temporary, segment] : file.segments) {
        manifest.segments.push_back(segment);
        if (!more.empty()) forget_in_segment(store.segment_path(segment.id), more, manifest.segments.back());
    }
    manifest.sources.push_back({.id = file.source_id,
                                .name = file.report.name,
                                .content_hash = file.content_hash,
                                .form = file.report.form,
                                .bytes = file.report.bytes,
                                .rows = file.report.rows,
                                .rejected = file.report.rejected,
                                .ingested_at = now_text(),
                                .segments = file.report.segments,
                                .replaced_by = {}});
}

/// The one source that counts and is named so. Throws InputError.
std::string source_to_replace(const io::Store& store, const io::Manifest& manifest, const std::string& name) {
    const std::vector<const io::Source*> named = manifest.sources_named(name);
    if (named.size() == 1) return named.front()->id;
    const std::string quoted = io::quoted_for_message(name);
    if (named.empty()) {
        throw InputError(fmt::format("{}: no source is called {}, so there is nothing to --replace; ipscore "
                                     "inspect lists the sources",
                                     store.path().string(), quoted));
    }
    std::vector<std::string> ids;
    ids.reserve(named.size());
    for (const io::Source* source : named) ids.push_back(source->id + " of " + source->ingested_at);
    throw InputError(fmt::format("{}: {} sources are called {}; give --replace the id of one of them: {}",
                                 store.path().string(), named.size(), quoted, some_of(ids)));
}

bool replace_source(const IngestArgs& args, const io::Store& store, io::Manifest& manifest, PendingFile& file,
                    const NetworkSet& forgotten) {
    IngestedFile& report = file.report;
    const io::Source* same = manifest.find_source(file.content_hash, report.form);
    const bool same_counts = same != nullptr && same->replaced_by.empty();
    report.already_there = same_counts;
    if (same_counts) {
        report.source_name = same->name;
        const bool done =
            manifest.sources_named(args.replace).empty() && has_replaced(manifest, *same, args.replace);
        if (done) return false;
    }
    const std::string old = source_to_replace(store, manifest, args.replace);
    if (same_counts && same->id == old) return false;
    const std::string id = same_counts ? same->id : file.source_id;
    if (!same_counts) {
        // It was replaced once itself: what counts now is this one.
        if (same != nullptr)
            std::erase_if(manifest.sources, [&](const io::Source& source) { return source.id == id; });
        add_source(store, manifest, file, forgotten);
    }
    const auto replaced = std::ranges::find(manifest.sources, old, &io::Source::id);
    manifest.remove_rows_of(*replaced);
    replaced->replaced_by = id;
    report.replaced = replaced->name;
    return true;
}

} // namespace

std::string make_source_id(std::string_view content_hash, std::string_view form, bool again) {
    StreamHash hash;
    hash.update(content_hash);
    hash.update("\n");
    hash.update(form);
    if (again) {
        const auto now = std::chrono::system_clock::now().time_since_epoch().count();
        hash.update(fmt::format("\n{} {}", io::temporary_name("again").string(), now));
    }
    return hash.digest128_text().substr(0, io::source_id_digits);
}

KnownSources::KnownSources(const io::Manifest& manifest) {
    for (const io::Source& source : manifest.sources) add(source.content_hash, source.form);
}

bool KnownSources::has(const std::string& content_hash, const std::string& form) const {
    // What an earlier version took in has no form.
    return known_.contains(key_of(content_hash, form)) || known_.contains(key_of(content_hash, ""));
}

void KnownSources::add(const std::string& content_hash, const std::string& form) {
    known_.insert(key_of(content_hash, form));
}

void check_replace(const io::Store& store, const io::Manifest& manifest, const std::string& name) {
    const bool was_replaced = std::ranges::any_of(manifest.sources, [&](const io::Source& source) {
        return !source.replaced_by.empty() && is_named(source, name);
    });
    // The same command may have been run before: what the file holds will tell.
    if (manifest.sources_named(name).empty() && was_replaced) return;
    (void)source_to_replace(store, manifest, name);
}

bool take_source(const IngestArgs& args, const io::Store& store, io::Manifest& manifest, PendingFile& file,
                 const NetworkSet& forgotten) {
    if (!args.replace.empty()) return replace_source(args, store, manifest, file, forgotten);
    const io::Source* there =
        args.again ? nullptr : manifest.find_source(file.content_hash, file.report.form);
    if (there != nullptr) {
        file.report.already_there = true;
        file.report.source_name = there->name;
        if (!there->replaced_by.empty()) file.report.replaced_by = name_of(manifest, there->replaced_by);
        return false;
    }
    file.report.already_there = false; // an earlier attempt may have found that
    add_source(store, manifest, file, forgotten);
    return true;
}

} // namespace ipscore::stages
