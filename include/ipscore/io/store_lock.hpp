// Who is at work in a store: what nobody needs any more may only go when nobody can need it.
#pragma once

#include "ipscore/io/manifest.hpp"

#include <cstdint>
#include <filesystem>
#include <utility>

namespace ipscore::io {

/// Held by whoever adds segments to a store, from before it makes the first file until its manifest is there.
class StoreWriter {
public:
    /// Shares the store with other writers. Throws EnvironmentError.
    explicit StoreWriter(const Store& store);
    StoreWriter(const StoreWriter&) = delete;
    StoreWriter& operator=(const StoreWriter&) = delete;
    ~StoreWriter();

    /// What cleaning a store has freed.
    struct Freed {
        std::uint64_t files = 0;
        std::uint64_t bytes = 0;
    };
    /// Removes what writers that were killed left, segments that neither the newest manifest nor a snapshot
    /// names, and all but the newest few manifests. Does nothing while another writer is at work: its files
    /// are in no manifest yet. Throws EnvironmentError.
    Freed clean();

private:
    Store store_;
    int fd_;
};

/// The newest manifest, held fast: as long as this lives, no segment that it names is removed.
class Snapshot {
public:
    /// Throws InputError when the manifest cannot be read, EnvironmentError when it cannot be locked.
    explicit Snapshot(const Store& store);
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

    [[nodiscard]] const Manifest& manifest() const noexcept { return manifest_; }
    /// Leaves none here: it may be large, and two would take twice the memory.
    [[nodiscard]] Manifest take_manifest() noexcept { return std::move(manifest_); }

private:
    Manifest manifest_;
    int fd_ = -1;
};

} // namespace ipscore::io
