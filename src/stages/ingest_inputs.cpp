#include "ingest_inputs.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/csv.hpp"
#include "ipscore/io/feeds_toml.hpp"
#include "ipscore/io/input_paths.hpp"

#include <fmt/format.h>
#include <system_error>
#include <utility>

namespace ipscore::stages {

namespace {

constexpr const char* stdin_word = "-";

/// `feeds` may be nullptr.
IngestInput input_of(const IngestArgs& args, const io::Feeds* feeds, std::filesystem::path path,
                     bool is_stdin) {
    IngestInput input;
    input.max_rejects = args.max_rejects;
    if (feeds != nullptr) {
        const io::Feed& feed = feeds->feed_of(path);
        input.feed = feed.name;
        input.form = feed.form_of(path);
        input.min_rows = feed.min_rows;
        if (feed.max_rejects) {
            input.max_rejects = *feed.max_rejects;
            input.max_rejects_of = fmt::format("max_rejects of feed {}", io::quoted_for_message(feed.name));
        }
    } else {
        input.form = {.format = args.format.value_or(io::format_of_name(path)),
                      .columns = args.columns,
                      .time = args.time};
    }
    input.path = std::move(path);
    input.is_stdin = is_stdin;
    return input;
}

} // namespace

io::ByteSource IngestInput::open(std::uint64_t zstd_window_bytes_max) const {
    return is_stdin ? io::ByteSource::standard_input(path, zstd_window_bytes_max)
                    : io::ByteSource(path, zstd_window_bytes_max);
}

bool IngestInput::may_be_zstd() const { return is_stdin || path.extension() == ".zst"; }

std::optional<std::uint64_t> IngestInput::text_bytes() const {
    std::error_code error;
    if (is_stdin || path.extension() == ".gz" || path.extension() == ".zst" ||
        !std::filesystem::is_regular_file(path, error)) {
        return std::nullopt;
    }
    const std::uintmax_t bytes = std::filesystem::file_size(path, error);
    if (error) return std::nullopt;
    return bytes;
}

std::optional<std::uint64_t> IngestInput::rows_at_most() const {
    constexpr std::uint64_t row_bytes_min = 15; // "::,946684800,k" and a line end
    const std::optional<std::uint64_t> bytes = text_bytes();
    if (!bytes) return std::nullopt;
    return *bytes / row_bytes_min + 1;
}

std::vector<IngestInput> ingest_inputs(const IngestArgs& args) {
    std::optional<io::Feeds> feeds;
    if (!args.feeds.empty()) feeds.emplace(args.feeds);
    const io::Feeds* of = feeds ? &*feeds : nullptr;
    std::vector<IngestInput> inputs;
    bool has_stdin = false;
    for (const std::filesystem::path& word : args.files) {
        if (word == stdin_word) {
            if (std::exchange(has_stdin, true))
                throw InputError("- is given twice: there is one standard input");
            inputs.push_back(input_of(args, of, args.stdin_name, true));
            continue;
        }
        for (std::filesystem::path& path : io::input_paths(word))
            inputs.push_back(input_of(args, of, std::move(path), false));
    }
    return inputs;
}

} // namespace ipscore::stages
