// What the words of an ingest mean: which files, and how each is to be read.
#pragma once

#include "ipscore/io/byte_source.hpp"
#include "ipscore/io/observation_form.hpp"
#include "ipscore/stages/ingest.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::stages {

/// A file, or standard input, with all that there is to know before it is read.
struct IngestInput {
    std::filesystem::path path; ///< of standard input, what it is called
    bool is_stdin = false;
    io::ObservationForm form;
    io::RejectLimit max_rejects;
    std::string max_rejects_of = "--max-rejects"; ///< who set it, for messages
    std::uint64_t min_rows = 0;                   ///< good ones, of this file
    std::string feed;                             ///< empty without feeds

    [[nodiscard]] io::ByteSource open(std::uint64_t zstd_window_bytes_max) const;
    /// It may take a decompressor's window of memory.
    [[nodiscard]] bool may_be_zstd() const;
    /// Size of the text; nothing where that shows only when it is read.
    [[nodiscard]] std::optional<std::uint64_t> text_bytes() const;
    /// More than it can hold, where its size tells.
    [[nodiscard]] std::optional<std::uint64_t> rows_at_most() const;
};

/// In the order in which they are to be read. Throws InputError for a folder or pattern without files, and
/// for standard input that is asked for twice, a file of feeds that cannot be, or a file of no or two feeds.
[[nodiscard]] std::vector<IngestInput> ingest_inputs(const IngestArgs& args);

} // namespace ipscore::stages
