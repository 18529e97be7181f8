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

Json to_json(const Manifest& manifest) {
    Json segments = Json::array();
    for (const SegmentInfo& segment : manifest.segments) {
        Json days = Json::object();
        for (const auto& [day, rows] : segment.days) days[date_text(day)] = rows;
        Json entry{
            {"id", segment.id},     {"rows", segment.rows},   {"addresses", segment.addresses},
            {"keys", segment.keys}, {"bytes", segment.bytes}, {"checksum", checksum_text(segment.checksum)},
            {"rows_per_day", days}};
        if (segment.keep_from > 0) entry["keep_from"] = date_text(segment.keep_from);
        segments.push_back(std::move(entry));
    }
    Json sources = Json::array();
    for (const Source& source : manifest.sources) {
        sources.push_back({{"name", source.name},
                           {"content_hash", source.content_hash},
                           {"bytes", source.bytes},
                           {"rows", source.rows},
                           {"rejected", source.rejected},
                           {"ingested_at", source.ingested_at},
                           {"segments", source.segments}});
    }
    const bool pruned =
        std::ranges::any_of(manifest.segments, [](const auto& segment) { return segment.keep_from > 0; });
    Json json{{"format", manifest_format},
              {"format_version", pruned ? format::manifest_version : 1},
              {"version", manifest.version}};
    json["segments"] = std::move(segments); // a copy would be what takes the most memory of an ingest
    json["sources"] = std::move(sources);
    return json;
}

struct BadManifest : std::runtime_error {
    using std::runtime_error::runtime_error;
};

Day day_of(const std::string& text) {
    const ParsedDay day = parse_date(text);
    if (day.fault != DayFault::none) throw BadManifest(quoted_for_message(text) + " is not a day");
    return day.day;
}

std::uint64_t checksum_of(const std::string& text) {
    std::uint64_t checksum = 0;
    const char* const text_end = text.data() + text.size();
    const auto [end, fault] = std::from_chars(text.data(), text_end, checksum, 16);
    if (fault != std::errc() || end != text_end)
        throw BadManifest(quoted_for_message(text) + " is not a checksum");
    return checksum;
}

/// Throws Json::exception and BadManifest.
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
        for (const auto& [day, rows] : entry.at("rows_per_day").items()) {
            segment.days[day_of(day)] = rows.get<std::uint64_t>();
        }
        if (entry.contains("keep_from")) segment.keep_from = day_of(entry.at("keep_from"));
        manifest.segments.push_back(std::move(segment));
    }
    for (const Json& entry : json.at("sources")) {
        manifest.sources.push_back({.name = entry.at("name"),
                                    .content_hash = entry.at("content_hash"),
                                    .bytes = entry.at("bytes"),
                                    .rows = entry.at("rows"),
                                    .rejected = entry.at("rejected"),
                                    .ingested_at = entry.at("ingested_at"),
                                    .segments = entry.at("segments")});
    }
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
    for (const SegmentInfo& segment : segments) rows += segment.rows;
    return rows;
}

RowsPerDay Manifest::rows_per_day() const {
    RowsPerDay total;
    for (const SegmentInfo& segment : segments) {
        for (const auto& [day, rows] : segment.days) total[day] += rows;
    }
    return total;
}

const Source* Manifest::find_source(const std::string& content_hash) const noexcept {
    const auto found = std::ranges::find(sources, content_hash, &Source::content_hash);
    return found == sources.end() ? nullptr : &*found;
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
    } catch (const BadManifest& error) {
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
