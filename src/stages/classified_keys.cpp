#include "classified_keys.hpp"

#include "input_files.hpp"
#include "ipscore/io/classification_csv.hpp"
#include "memory_needs.hpp"

#include <optional>
#include <span>

namespace ipscore::stages {

ClassifiedKeys::ClassifiedKeys(const std::filesystem::path& path,
                               const std::filesystem::path& spill_directory, MemoryBudget& budget,
                               int threads, const StopFlag& stop)
    : spill_(spill_directory) {
    const io::ReadLimits limits = need_reading(budget, {path});
    std::optional<io::ClassificationFile> classification(
        std::in_place, path, sort_room(budget, spill_directory, threads), stop, limits);
    const ByteStrings& tags = classification->tags();
    constexpr const char* the_tags = "the tags";
    budget.need(the_tags, tags.bytes().size() + tags.size() * memory::score_worker_tag_bytes);
    for (scoring::ClassifiedKey classified; classification->next(classified); ++size_) {
        spill_.write_value(static_cast<std::uint32_t>(classified.key.size()));
        spill_.write(std::as_bytes(std::span(classified.key)));
    }
    file_ = classification->file();
    classification.reset();
    budget.release(the_tags);
    release_reading(budget);
    reader_ = std::make_unique<io::SpillReader>(spill_, 0, spill_.flush());
}

bool ClassifiedKeys::next(std::string_view& key) {
    if (reader_->at_end()) return false;
    key_.resize(reader_->read_value<std::uint32_t>());
    reader_->read(std::as_writable_bytes(std::span(key_)));
    key = key_;
    return true;
}

void write_table_keys(const Dictionaries& dictionaries, const std::filesystem::path& map_path,
                      ClassifiedKeys* classified, io::TableIndexWriter& index, const StopFlag& stop) {
    std::string_view next;
    bool more = classified != nullptr && classified->next(next);
    const auto pass_unseen = [&] {
        index.add_unseen_key(next);
        more = classified->next(next);
    };
    KeepKey keep; // all
    if (classified != nullptr) {
        keep = [&](std::string_view key) {
            while (more && next < key) pass_unseen();
            const bool found = more && next == key;
            if (found) more = classified->next(next);
            return found;
        };
    }
    merge_dictionaries(
        dictionaries, map_path, stop, [&](std::string_view key) { index.add_key(key); }, keep);
    while (more) pass_unseen();
}

} // namespace ipscore::stages
