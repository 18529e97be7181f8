#include "ipscore/io/manifest.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ipscore::io {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view manifest_format = "ipscore manifest";

/// A reader of the version before would count what does not count, or lose what is known.
bool needs_this_version(const Manifest& manifest) {
    return !manifest.forgotten.empty() || std::ranges::any_of(manifest.segments, [](const auto& segment) {
        return !segment.filter.keeps_all() || !segment.sources.empty();
    }) || std::ranges::any_of(manifest.sources, [](const auto& source) {
        return !source.replaced_by.empty();
    });
}

Json to_json(const Manifest& manifest) {
    Json segments = Json::array();
    for (const SegmentInfo& segment : manifest.segments) {
        Json entry{{"id", segment.id},
                   {"rows", segment.rows},
                   {"addresses", segment.addresses},
                   {"keys", segment.keys},
                   {"bytes", segment.bytes},
                   {"checksum", checksum_text(segment.checksum)},
                   {"rows_per_day", io::to_json(segment.days)}};
        entry.update(to_json(segment.filter));
        for (const SegmentSource& source : segment.sources)
            entry["sources"].push_back({{"id", source.id}, {"rows_per_day", io::to_json(source.days)}});
        segments.push_back(std::move(entry));
    }
    Json sources = Json::array();
    for (const Source& source : manifest.sources) {
        sources.push_back({{"id", source.id},
                           {"name", source.name},
                           {"content_hash", source.content_hash},
                           {"form", source.form},
                           {"bytes", source.bytes},
                           {"rows", source.rows},
                           {"rejected", source.rejected},
                           {"ingested_at", source.ingested_at},
                           {"segments", source.segments}});
        if (!source.replaced_by.empty()) sources.back()["replaced_by"] = source.replaced_by;
    }
    Json json{{"format", manifest_format},
              {"format_version", needs_this_version(manifest) ? format::manifest_version : 1},
              {"version", manifest.version}};
    json["segments"] = std::move(segments); // a copy would be what takes the most memory of an ingest
    json["sources"] = std::move(sources);
    for (const Network& network : manifest.forgotten.networks())
        json["forgotten"].push_back(to_string(network));
    return json;
}

struct BadManifest : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

std::uint64_t checksum_of(const std::string& text) {
    std::uint64_t checksum = 0;
    const char* const text_end = text.data() + text.size();
    const auto [end, fault] = std::from_chars(text.data(), text_end, checksum, 16);
    if (fault != std::errc() || end != text_end)
        throw BadManifest(quoted_for_message(text) + " is not a checksum");
    return checksum;
}

/// Throws Json::exception and std::invalid_argument.
Manifest from_json(const Json& json) {
    Manifest manifest;
    manifest.version = json.at("version");
    for (const Json& entry : json.at("segments")) {
        SegmentInfo segment;
        segment.id = entry.at("id");
        segment.rows = entry.at("rows");
        segment.addresses = entry.at("addresses");
        segment.keys = entry.at("keys");
        segment.bytes = entry.at("bytes");
        segment.checksum = checksum_of(entry.at("checksum"));
        segment.days = rows_per_day_of(entry.at("rows_per_day"));
        segment.filter = row_filter_of(entry);
        if (const auto sources = entry.find("sources"); sources != entry.end()) {
            for (const Json& source : *sources)
                segment.sources.push_back({source.at("id"), rows_per_day_of(source.at("rows_per_day"))});
        }
        manifest.segments.push_back(std::move(segment));
    }
    for (const Json& entry : json.at("sources")) {
        const std::string content_hash = entry.at("content_hash");
        manifest.sources.push_back({.id = entry.value("id", content_hash.substr(0, source_id_digits)),
                                    .name = entry.at("name"),
                                    .content_hash = content_hash,
                                    .form = entry.value("form", std::string()),
                                    .bytes = entry.at("bytes"),
                                    .rows = entry.at("rows"),
                                    .rejected = entry.at("rejected"),
                                    .ingested_at = entry.at("ingested_at"),
                                    .segments = entry.at("segments"),
                                    .replaced_by = entry.value("replaced_by", std::string())});
    }
    // Read as the member of a filter, of which it is the only one here.
    manifest.forgotten = row_filter_of(json).forgotten;
    return manifest;
}

std::vector<std::uint64_t> versions_in(const std::filesystem::path& store) {
    std::vector<std::uint64_t> versions;
    for (const auto& entry : std::filesystem::directory_iterator(store / "manifest")) {
        if (entry.path().extension() != ".json" || is_temporary_name(entry.path())) continue;
        const std::string stem = entry.path().stem().string();
        std::uint64_t version = 0;
        const auto [end, fault] = std::from_chars(stem.data(), stem.data() + stem.size(), version);
        if (fault == std::errc() && end == stem.data() + stem.size()) versions.push_back(version);
    }
    std::ranges::sort(versions);
    return versions;
}

} // namespace

std::uint64_t Manifest::rows() const noexcept {
    std::uint64_t rows = 0;
    for (const SegmentInfo& segment : segments) {
        for (const auto& [day, day_rows] : segment.days) rows += day_rows;
    }
    return rows;
}

RowsPerDay Manifest::rows_per_day() const {
    RowsPerDay total;
    for (const SegmentInfo& segment : segments) {
        for (const auto& [day, rows] : segment.days) total[day] += rows;
    }
    return total;
}

const Source* Manifest::find_source(std::string_view content_hash, std::string_view form) const noexcept {
    const Source* found = nullptr;
    for (const Source& source : sources) {
        const bool is_it =
            source.content_hash == content_hash && (source.form == form || source.form.empty());
        if (is_it && (found == nullptr || !found->replaced_by.empty())) found = &source;
    }
    return found;
}

std::vector<const Source*> Manifest::sources_named(std::string_view name) const {
    std::vector<const Source*> found;
    for (const Source& source : sources) {
        if (source.replaced_by.empty() && (source.name == name || source.id == name))
            found.push_back(&source);
    }
    return found;
}

void Manifest::remove_rows_of(Source& source) {
    for (const std::string& id : source.segments) {
        const auto segment = std::ranges::find(segments, id, &SegmentInfo::id);
        if (segment == segments.end()) continue; // pruned
        const std::vector<std::string> sources_here = sources_of(*segment);
        if (std::ranges::find(sources_here, source.id) == sources_here.end()) {
            throw InputError(fmt::format("segment {} mixes rows of {} with others, as earlier versions did, "
                                         "and cannot be parted; take "
                                         "all files in again, into a new store",
                                         id, quoted_for_message(source.name)));
        }
        if (!segment->sources.empty()) segment->remove_source(source.id);
        if (segment->sources.empty() || segment->days.empty()) segments.erase(segment);
    }
    source.segments.clear();
}

std::vector<std::string> Manifest::sources_of(const SegmentInfo& segment) const {
    std::vector<std::string> ids;
    for (const SegmentSource& source : segment.sources) ids.push_back(source.id);
    if (!ids.empty()) return ids;
    for (const Source& source : sources) {
        if (std::ranges::find(source.segments, segment.id) != source.segments.end()) ids.push_back(source.id);
    }
    if (ids.size() != 1) ids = {""};
    return ids;
}

Store Store::open(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path / "manifest", ignored)) {
        throw InputError(fmt::format("{}: is no store (there is no {}); run ipscore ingest first",
                                     path.string(), (path / "manifest").string()));
    }
    return Store(path);
}

Store Store::open_or_create(const std::filesystem::path& path) {
    for (const char* directory : {"segments", "manifest", "rejects", format::status_name}) {
        std::error_code error;
        std::filesystem::create_directories(path / directory, error);
        if (error) {
            throw EnvironmentError(system_message("cannot make", (path / directory).string(), error.value()));
        }
    }
    return Store(path);
}

std::filesystem::path Store::segment_path(const std::string& id) const {
    return path_ / "segments" / (id + ".h5");
}

std::filesystem::path Store::manifest_path(std::uint64_t version) const {
    return path_ / "manifest" / fmt::format("{:06}.json", version);
}

std::vector<std::uint64_t> Store::versions() const { return versions_in(path_); }

std::uint64_t Store::newest_version() const {
    const auto versions = versions_in(path_);
    return versions.empty() ? 0 : versions.back();
}

Manifest Store::read(std::uint64_t version) const {
    if (version == 0) return {};
    const std::filesystem::path path = manifest_path(version);
    try {
        const Json json = Json::parse(read_file(path));
        if (json.at("format") != manifest_format)
            throw InputError(path.string() + ": is no manifest of a store");
        if (json.at("format_version").get<std::uint64_t>() > format::manifest_version) {
            throw InputError(fmt::format(
                "{}: has a newer format than this program reads; use a newer ipscore", path.string()));
        }
        Manifest manifest = from_json(json);
        // publish() would otherwise try for ever to make a version that exists.
        if (manifest.version != version)
            throw BadManifest(fmt::format("it says that it is version {}", manifest.version));
        return manifest;
    } catch (const Json::exception& error) {
        throw InputError(fmt::format("{}: damaged: {}", path.string(), error.what()));
    } catch (const std::invalid_argument& error) {
        throw InputError(fmt::format("{}: damaged: {}", path.string(), error.what()));
    }
}

std::uint64_t Store::manifest_bytes(const std::filesystem::path& path) {
    std::error_code none;
    if (!std::filesystem::is_directory(path / "manifest", none)) return 0;
    const Store store(path);
    const auto bytes = std::filesystem::file_size(store.manifest_path(store.newest_version()), none);
    return none ? 0 : bytes;
}

Manifest Store::publish(const std::function<bool(Manifest&)>& change) const {
    for (;;) {
        Manifest manifest = read();
        if (!change(manifest)) return manifest;
        ++manifest.version;
        const std::string text = json_text(to_json(manifest));
        if (write_new_file(manifest_path(manifest.version), text)) return manifest;
    }
}

} // namespace ipscore::io
