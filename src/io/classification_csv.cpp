#include "ipscore/io/classification_csv.hpp"

#include "ipscore/core/byte_prefix.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/on_threads.hpp"
#include "ipscore/core/string_index.hpp"
#include "ipscore/io/spill_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <tbb/parallel_sort.h>
#include <tbb/task_group.h>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::io {

namespace {

constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t tag_bytes_max = 128;

// A cache miss takes about as long as so many keys.
constexpr std::size_t prefetched_keys = 16;

/// What a row says besides its key; tags by order of appearance.
struct Said {
    std::uint32_t tag = 0;
    Millionths weight = 0;
    std::uint64_t line = 0;
};

/// The rows of one key, whose memory is bounded by what they say, not by how often.
class RowsOfKey {
public:
    void clear() noexcept {
        rows_.clear();
        next_look_ = few_rows;
    }
    void add(std::span<const Said> rows) {
        rows_.insert(rows_.end(), rows.begin(), rows.end());
        if (rows_.size() >= next_look_) make_distinct();
    }
    /// Of rows that say the same perhaps the first one only.
    [[nodiscard]] std::vector<Said>& rows() noexcept { return rows_; }
    [[nodiscard]] const std::vector<Said>& rows() const noexcept { return rows_; }

private:
    static constexpr std::size_t few_rows = 1024;

    void make_distinct() {
        std::ranges::sort(rows_, {},
                          [](const Said& said) { return std::tuple(said.tag, said.weight, said.line); });
        const auto says_the_same = [](const Said& a, const Said& b) {
            return a.tag == b.tag && a.weight == b.weight;
        };
        rows_.erase(std::unique(rows_.begin(), rows_.end(), says_the_same), rows_.end());
        next_look_ = std::max(few_rows, 2 * rows_.size());
    }

    std::vector<Said> rows_;
    std::size_t next_look_ = few_rows;
};

/// Rows of the file, up to some bytes of them: consecutive ones of the same key are held together.
class RowBuffer {
public:
    struct Key {
        std::uint64_t prefix = 0; ///< while sorting: some of the bytes
        std::uint64_t text_at = 0;
        std::uint64_t first_row = 0;
        std::uint32_t text_bytes = 0;
        std::uint32_t rows = 0;
    };

    explicit RowBuffer(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] bool has_room_for(std::string_view key) const noexcept {
        return bytes() + key.size() + sizeof(Key) + sizeof(Said) <= bytes_max_;
    }
    void add(std::string_view key, const Said& said) {
        reserve();
        if (keys_.empty() || text_of(keys_.back()) != key) {
            keys_.push_back({0, text_.size(), rows_.size(), static_cast<std::uint32_t>(key.size()), 0});
            text_.insert(text_.end(), key.begin(), key.end());
        }
        ++keys_.back().rows;
        rows_.push_back(said);
    }
    /// By key. To be called in the arena of the threads that are to sort.
    void sort(const StopFlag& stop) { sort_from(keys_, 0, stop); }
    void clear() noexcept {
        text_.clear();
        keys_.clear();
        rows_.clear();
    }
    [[nodiscard]] const std::vector<Key>& keys() const noexcept { return keys_; }
    [[nodiscard]] std::string_view text_of(const Key& key) const noexcept {
        return {text_.data() + key.text_at, key.text_bytes};
    }
    /// After sort(): adds the rows of the key at index `at`; returns the index of the next one.
    [[nodiscard]] std::size_t collect(std::size_t at, RowsOfKey& rows) const {
        const std::string_view text = text_of(keys_[at]);
        do {
            prefetch(at + prefetched_keys);
            rows.add(std::span(rows_).subspan(keys_[at].first_row, keys_[at].rows));
            ++at;
        } while (at < keys_.size() && text_of(keys_[at]) == text);
        return at;
    }

private:
    /// Sorted keys lie all over the memory.
    void prefetch(std::size_t key) const noexcept {
        if (key >= keys_.size()) return;
        __builtin_prefetch(text_.data() + keys_[key].text_at);
        __builtin_prefetch(rows_.data() + keys_[key].first_row);
    }
    [[nodiscard]] std::uint64_t bytes() const noexcept {
        return text_.size() + keys_.size() * sizeof(Key) + rows_.size() * sizeof(Said);
    }
    /// Sorts keys that have the same first `depth` bytes: by the next ones as numbers, so that no comparison
    /// looks at the text, then those that are still equal by the next.
    void sort_from(std::span<Key> keys, std::size_t depth, const StopFlag& stop) {
        constexpr std::size_t few_keys = 16;
        constexpr std::size_t many_keys = 4096;
        if (stop.requested()) throw Interrupted("stopped on request");
        if (keys.size() <= few_keys) {
            std::ranges::sort(keys, {}, [&](const Key& key) { return text_of(key); });
            return;
        }
        bool all_at_end = true;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (i + prefetched_keys < keys.size())
                __builtin_prefetch(text_.data() + keys[i + prefetched_keys].text_at + depth);
            keys[i].prefix = byte_prefix(text_of(keys[i]), depth);
            all_at_end = all_at_end && keys[i].text_bytes <= depth;
        }
        if (all_at_end) { // zeros at the end were all that they differ in
            std::ranges::sort(keys, {}, &Key::text_bytes);
            return;
        }
        const auto comes_first = [](const Key& a, const Key& b) { return a.prefix < b.prefix; };
        if (keys.size() < many_keys) {
            std::sort(keys.begin(), keys.end(), comes_first);
            for_each_equal(keys,
                           [&](std::span<Key> equal) { sort_from(equal, depth + byte_prefix_bytes, stop); });
            return;
        }
        tbb::parallel_sort(keys.begin(), keys.end(), comes_first);
        tbb::task_group tasks;
        for_each_equal(keys, [&](std::span<Key> equal) {
            tasks.run([this, equal, depth, &stop] { sort_from(equal, depth + byte_prefix_bytes, stop); });
        });
        tasks.wait();
    }
    /// Calls `use` with each stretch of several keys of the same prefix.
    static void for_each_equal(std::span<Key> keys, const auto& use) {
        for (auto begin = keys.begin(); begin != keys.end();) {
            const auto end =
                std::find_if(begin, keys.end(), [&](const Key& key) { return key.prefix != begin->prefix; });
            if (end - begin > 1) use(std::span<Key>(begin, end));
            begin = end;
        }
    }

    /// Growing holds an array twice for a moment: not so where that would matter.
    void reserve() {
        constexpr std::uint64_t small_bytes = 1U << 20U;
        if (bytes() < small_bytes || rows_.capacity() * sizeof(Said) >= bytes_max_) return;
        rows_.reserve(bytes_max_ / sizeof(Said) + 1);
        keys_.reserve(bytes_max_ / sizeof(Key) + 1);
        text_.reserve(bytes_max_);
    }

    std::uint64_t bytes_max_;
    std::vector<char> text_;
    std::vector<Key> keys_;
    std::vector<Said> rows_;
};

/// Where the file has what.
struct Columns {
    std::size_t key = 0;
    std::size_t tag = 0;
    std::size_t weight = 0;
};

/// The rows of a block of the file, read and checked.
class RowsOfBlock {
public:
    struct Tag {
        std::string text;
        CsvPlace first_place;
    };

    /// Throws InputError for the first bad row.
    RowsOfBlock(CsvBlockRows& rows, const Columns& columns) {
        StringIndex tag_numbers;
        CsvRow row;
        while (rows.next(row)) {
            const CsvPlace& place = rows.place();
            const std::string_view key = row.fields[columns.key];
            const std::string_view tag = row.fields[columns.tag];
            if (key.empty()) place.bad_value("key", key, "is empty");
            if (key.size() > key_bytes_max) place.bad_value("key", key, "is longer than 1024 bytes");
            if (tag.empty()) place.bad_value("tag", tag, "is empty");
            if (tag.size() > tag_bytes_max) place.bad_value("tag", tag, "is longer than 128 bytes");
            const Millionths weight = share_of("weight", row.fields[columns.weight], place);
            const std::uint32_t number = tag_numbers.insert(tag, StringIndex::hash_of(tag));
            if (number == tags_.size()) tags_.push_back({std::string(tag), place});
            keys_ += key;
            rows_.push_back({static_cast<std::uint32_t>(key.size()), {number, weight, row.line}});
        }
    }

    /// In order of appearance; said.tag is an index into these.
    [[nodiscard]] const std::vector<Tag>& tags() const noexcept { return tags_; }
    /// Calls `use` with the key of each row, and what is said of it.
    void for_each(const auto& use) const {
        std::size_t key_at = 0;
        for (const Row& row : rows_) {
            use(std::string_view(keys_).substr(key_at, row.key_bytes), row.said);
            key_at += row.key_bytes;
        }
    }

private:
    struct Row {
        std::uint32_t key_bytes = 0;
        Said said;
    };
    std::string keys_;
    std::vector<Row> rows_;
    std::vector<Tag> tags_;
};

/// A sorted run in a spill file, and its next row.
class RunReader {
public:
    RunReader(const SpillFile& file, std::uint64_t begin, std::uint64_t end) : reader_(file, begin, end) {
        advance();
    }
    [[nodiscard]] bool at_end() const noexcept { return at_end_; }
    [[nodiscard]] std::string_view key() const noexcept { return key_; }
    [[nodiscard]] const Said& said() const noexcept { return said_; }
    void advance() {
        at_end_ = reader_.at_end();
        if (at_end_) return;
        key_.resize(reader_.read_value<std::uint32_t>());
        reader_.read(std::as_writable_bytes(std::span(key_)));
        said_ = reader_.read_value<Said>();
    }

private:
    SpillReader reader_;
    std::string key_;
    Said said_;
    bool at_end_ = false;
};

void write_row(SpillFile& file, std::string_view key, const Said& said) {
    file.write_value(static_cast<std::uint32_t>(key.size()));
    file.write(std::as_bytes(std::span(key)));
    file.write_value(said);
}

/// Runs merged row by row, in order of key.
class RunMerge {
public:
    RunMerge(const SpillFile& file, std::span<const std::pair<std::uint64_t, std::uint64_t>> runs) {
        readers_.reserve(runs.size());
        for (const auto& [begin, end] : runs)
            readers_.push_back(std::make_unique<RunReader>(file, begin, end));
        for (const auto& reader : readers_) {
            if (!reader->at_end()) heap_.push_back(reader.get());
        }
        std::ranges::make_heap(heap_, later);
    }
    [[nodiscard]] bool at_end() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::string_view key() const noexcept { return heap_.front()->key(); }
    [[nodiscard]] const Said& said() const noexcept { return heap_.front()->said(); }
    void advance() {
        std::ranges::pop_heap(heap_, later);
        heap_.back()->advance();
        if (heap_.back()->at_end()) {
            heap_.pop_back();
        } else {
            std::ranges::push_heap(heap_, later);
        }
    }

private:
    static bool later(const RunReader* a, const RunReader* b) { return b->key() < a->key(); }
    std::vector<std::unique_ptr<RunReader>> readers_;
    std::vector<RunReader*> heap_;
};

} // namespace

/// Reads the file into sorted runs, of which the last one stays in memory where it is the only one.
class ClassificationFile::Sort {
public:
    Sort(const std::filesystem::path& path, const SortRoom& room, const StopFlag& stop,
         const ReadLimits& limits)
        : room_(room), stop_(stop), buffer_(std::min(room.bytes, SortRoom::sort_bytes_max)) {
        read(path, limits);
        sort_tags();
        sort_buffer();
        if (runs_.empty()) return;
        spill();
        buffer_ = RowBuffer(0);
        merge_levels();
        merge_.emplace(*spill_file_, runs_);
    }

    bool next(scoring::ClassifiedKey& key) {
        rows_.clear();
        if (merge_) {
            if (merge_->at_end()) return false;
            key_ = merge_->key();
            for (; !merge_->at_end() && merge_->key() == key_; merge_->advance())
                rows_.add(std::span(&merge_->said(), 1));
        } else {
            if (next_key_ == buffer_.keys().size()) return false;
            key_ = buffer_.text_of(buffer_.keys()[next_key_]);
            next_key_ = buffer_.collect(next_key_, rows_);
        }
        if (looked_at_++ % look_every == 0 && stop_.requested()) throw Interrupted("stopped on request");
        make_postings();
        key = {key_, postings_};
        return true;
    }

    [[nodiscard]] std::uint64_t line_of_key() const noexcept {
        return std::ranges::min(rows_.rows(), {}, &Said::line).line;
    }
    [[nodiscard]] const ByteStrings& tags() const noexcept { return tags_; }
    [[nodiscard]] const InputFile& file() const noexcept { return file_; }
    [[nodiscard]] std::uint64_t spilled_runs() const noexcept { return spilled_runs_; }

private:
    using Run = std::pair<std::uint64_t, std::uint64_t>; ///< begin and end in the spill file
    static constexpr std::uint64_t look_every = 4096;

    void read(const std::filesystem::path& path, const ReadLimits& limits) {
        Columns columns;
        file_ = read_csv_in_blocks(
            path,
            [&](const CsvHeader& header) {
                columns = {header.require("key"), header.require("tag"), header.require("weight")};
            },
            [&](CsvBlockRows& rows) -> InOrder {
                auto block = std::make_shared<RowsOfBlock>(rows, columns);
                return [this, block] { add(*block); };
            },
            room_.threads, limits, stop_);
    }

    void add(const RowsOfBlock& block) {
        std::vector<std::uint32_t> ids; // by the tag's number in the block
        for (const RowsOfBlock::Tag& tag : block.tags()) {
            ids.push_back(found_tags_.insert(tag.text, StringIndex::hash_of(tag.text)));
            if (ids.back() < room_.tags_max) continue;
            tag.first_place.bad_value(
                "tag", tag.text,
                fmt::format("is one tag more than the {} that --memory has room for", room_.tags_max));
        }
        block.for_each([&](std::string_view key, Said said) {
            said.tag = ids[said.tag];
            add(key, said);
        });
    }

    void add(std::string_view key, const Said& said) {
        if (!buffer_.empty() && !buffer_.has_room_for(key)) {
            sort_buffer();
            spill();
        }
        buffer_.add(key, said);
    }

    void sort_buffer() {
        on_threads(room_.threads, [&] { buffer_.sort(stop_); });
    }

    void spill() {
        if (!spill_file_) spill_file_ = std::make_unique<SpillFile>(room_.spill_directory);
        const std::uint64_t begin = spill_file_->flush();
        const std::vector<RowBuffer::Key>& keys = buffer_.keys();
        for (std::size_t key = 0; key < keys.size();) {
            const std::string_view text = buffer_.text_of(keys[key]);
            rows_.clear();
            key = buffer_.collect(key, rows_);
            for (const Said& said : rows_.rows()) write_row(*spill_file_, text, said);
        }
        runs_.emplace_back(begin, spill_file_->flush());
        ++spilled_runs_;
        buffer_.clear();
    }

    /// Until the buffers of all runs fit at a time.
    void merge_levels() {
        constexpr std::uint64_t reader_bytes = SpillReader::buffer_bytes + 4096;
        const std::size_t fan_in = std::max<std::uint64_t>(2, room_.bytes / reader_bytes);
        while (runs_.size() > fan_in) {
            RunMerge merge(*spill_file_, std::span(runs_).first(fan_in));
            const std::uint64_t begin = spill_file_->flush();
            for (; !merge.at_end(); merge.advance()) {
                if (looked_at_++ % look_every == 0 && stop_.requested())
                    throw Interrupted("stopped on request");
                write_row(*spill_file_, merge.key(), merge.said());
            }
            runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(fan_in));
            runs_.emplace_back(begin, spill_file_->flush());
        }
    }

    /// Gives the tags their ids.
    void sort_tags() {
        const ByteStrings found = found_tags_.take_strings();
        found_tags_ = {};
        std::vector<std::uint32_t> order(found.size());
        std::iota(order.begin(), order.end(), 0U);
        std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) { return found[a] < found[b]; });
        tag_ids_.resize(order.size());
        for (std::size_t id = 0; id < order.size(); ++id) {
            tags_.push_back(found[order[id]]);
            tag_ids_[order[id]] = static_cast<std::uint32_t>(id);
        }
    }

    void make_postings() {
        std::vector<Said>& rows = rows_.rows();
        for (Said& said : rows) said.tag = tag_ids_[said.tag];
        std::ranges::sort(rows, {}, [](const Said& said) { return std::tuple(said.tag, said.line); });
        postings_.clear();
        const Said* first = nullptr; // of the tag
        for (const Said& said : rows) {
            if (first == nullptr || said.tag != first->tag) {
                first = &said;
                postings_.push_back({said.tag, said.weight});
            } else if (said.weight != first->weight) {
                throw InputError(fmt::format(
                    "{}:{}: column weight: key {} has tag {} with two weights; the other is in line {}",
                    file_.path, said.line, quoted_for_message(key_), quoted_for_message(tags_[said.tag]),
                    first->line));
            }
        }
    }

    const SortRoom room_;
    const StopFlag& stop_;
    InputFile file_;
    StringIndex found_tags_; ///< while reading
    ByteStrings tags_;
    std::vector<std::uint32_t> tag_ids_; ///< by order of appearance
    RowBuffer buffer_;
    std::unique_ptr<SpillFile> spill_file_;
    std::vector<Run> runs_;
    std::uint64_t spilled_runs_ = 0;
    std::optional<RunMerge> merge_; ///< where there are runs
    std::size_t next_key_ = 0;      ///< of the buffer, where there are none
    std::uint64_t looked_at_ = 0;
    std::string key_;
    RowsOfKey rows_; ///< of key_
    std::vector<scoring::Posting> postings_;
};

ClassificationFile::ClassificationFile(const std::filesystem::path& path, const SortRoom& room,
                                       const StopFlag& stop, const ReadLimits& limits)
    : sort_(std::make_unique<Sort>(path, room, stop, limits)) {}

ClassificationFile::ClassificationFile(ClassificationFile&&) noexcept = default;
ClassificationFile& ClassificationFile::operator=(ClassificationFile&&) noexcept = default;
ClassificationFile::~ClassificationFile() = default;

const ByteStrings& ClassificationFile::tags() const noexcept { return sort_->tags(); }
const InputFile& ClassificationFile::file() const noexcept { return sort_->file(); }
std::uint64_t ClassificationFile::spilled_runs() const noexcept { return sort_->spilled_runs(); }
bool ClassificationFile::next(scoring::ClassifiedKey& key) { return sort_->next(key); }
std::uint64_t ClassificationFile::line_of_key() const noexcept { return sort_->line_of_key(); }

} // namespace ipscore::io
