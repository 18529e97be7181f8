// The store: segments, and the manifests that say which of them count.
#pragma once

#include "ipscore/io/format.hpp"
#include "ipscore/io/segment.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::io {

/// Digits of a source's id.
inline constexpr std::size_t source_id_digits = 16;

/// One file that was taken in: a content, and how it was read.
struct Source {
    std::string id; ///< 16 hexadecimal digits; its segments and its rejects begin with it
    std::string name;
    std::string content_hash; ///< of the decompressed bytes
    std::string form;         ///< see source_form(); empty where an earlier version took it in
    std::uint64_t bytes = 0;  ///< decompressed
    std::uint64_t rows = 0;   ///< good ones
    std::uint64_t rejected = 0;
    std::string ingested_at;           ///< RFC 3339, UTC
    std::vector<std::string> segments; ///< that have rows of it
    std::string replaced_by;           ///< id of a source; empty where this one counts
};

/// One state of the store. A segment that no manifest names does not exist.
struct Manifest {
    std::uint64_t version = 0; ///< 0: an empty store
    std::vector<SegmentInfo> segments;
    std::vector<Source> sources;
    /// Addresses that are to be as if they had never been seen, whatever comes. Segments that have any of
    /// them say so in their filters.
    NetworkSet forgotten;

    [[nodiscard]] std::uint64_t rows() const noexcept; ///< that count
    [[nodiscard]] RowsPerDay rows_per_day() const;
    /// The source of that content read in that way: one that counts where there is any. nullptr where there
    /// is none.
    [[nodiscard]] const Source* find_source(std::string_view content_hash,
                                            std::string_view form) const noexcept;
    /// Sources that count, with that name or id.
    [[nodiscard]] std::vector<const Source*> sources_named(std::string_view name) const;
    /// Takes away the rows of a source of this manifest. Throws InputError where they cannot be told from
    /// others.
    void remove_rows_of(Source& source);
    /// What `rows/source` of a segment stands for: ids of sources. One where it has no such column; ""
    /// where an earlier version mixed rows of several.
    [[nodiscard]] std::vector<std::string> sources_of(const SegmentInfo& segment) const;
};

/// A store directory: segments/, manifest/ and rejects/.
class Store {
public:
    /// Opens a store that exists. Throws InputError when there is none.
    [[nodiscard]] static Store open(const std::filesystem::path& path);
    /// Opens a store, and makes it first when there is none. Throws EnvironmentError.
    [[nodiscard]] static Store open_or_create(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::filesystem::path segment_path(const std::string& id) const;
    [[nodiscard]] std::filesystem::path rejects_directory() const { return path_ / "rejects"; }
    [[nodiscard]] std::filesystem::path manifest_path(std::uint64_t version) const;
    [[nodiscard]] std::filesystem::path lock_path() const { return path_ / format::status_name / "lock"; }

    /// Of all manifests that are there, rising.
    [[nodiscard]] std::vector<std::uint64_t> versions() const;
    /// 0 for an empty store.
    [[nodiscard]] std::uint64_t newest_version() const;
    /// The newest manifest, or that one. Throws InputError when it cannot be read.
    [[nodiscard]] Manifest read() const { return read(newest_version()); }
    [[nodiscard]] Manifest read(std::uint64_t version) const;
    /// Size of the newest manifest's file; 0 where there is no store.
    [[nodiscard]] static std::uint64_t manifest_bytes(const std::filesystem::path& path);
    /// Publishes `change` applied to the newest manifest as the next version; when another process was
    /// faster, reads again and retries. `change` returns false to leave all as it is. Returns what is the
    /// newest then.
    Manifest publish(const std::function<bool(Manifest&)>& change) const;

private:
    explicit Store(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

} // namespace ipscore::io
