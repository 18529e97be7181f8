// What a source is to the store: a content and the way in which it is read, which count once.
#pragma once

#include "ingest_file.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/stages/ingest.hpp"

#include <set>
#include <string>
#include <string_view>

namespace ipscore::stages {

/// Of content and form; different each time where the same source is to count `again`.
[[nodiscard]] std::string make_source_id(std::string_view content_hash, std::string_view form, bool again);

/// The sources of a store: all that is kept of a manifest while files are read, which takes many times the
/// memory.
class KnownSources {
public:
    explicit KnownSources(const io::Manifest& manifest);
    [[nodiscard]] bool has(const std::string& content_hash, const std::string& form) const;
    void add(const std::string& content_hash, const std::string& form);

private:
    std::set<std::string> known_;
};

/// Throws InputError when no source, or more than one, is named so.
void check_replace(const io::Store& store, const io::Manifest& manifest, const std::string& name);

/// Adds a file that was read to the manifest, in place of another source where `args` asks for that. False
/// when nothing changes; says in the file's report why. Throws InputError where a source cannot be replaced.
[[nodiscard]] bool take_source(const IngestArgs& args, const io::Store& store, io::Manifest& manifest,
                               PendingFile& file, const NetworkSet& forgotten);

} // namespace ipscore::stages
