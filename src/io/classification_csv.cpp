#include "ipscore/io/classification_csv.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/on_threads.hpp"
#include "ipscore/core/string_index.hpp"
#include "ipscore/io/spill_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <tbb/parallel_sort.h>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::io {

namespace {

constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t tag_bytes_max = 128;

/// What a row says besides its key; tags by order of appearance.
struct Said {
    std::uint32_t tag = 0;
    Millionths weight = 0;
    std::uint64_t line = 0;

    friend auto operator<=>(const Said&, const Said&) = default;
};

/// Rows of the file, up to some bytes of them.
class RowBuffer {
public:
    struct Row {
        std::uint64_t prefix = 0; ///< the key's first bytes: most comparisons end there
        std::uint64_t key_at = 0;
        std::uint32_t key_bytes = 0;
        Said said;
    };

    explicit RowBuffer(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    [[nodiscard]] bool has_room_for(std::string_view key) const noexcept {
        return keys_.size() + key.size() + (rows_.size() + 1) * sizeof(Row) <= bytes_max_;
    }
    void add(std::string_view key, const Said& said) {
        reserve();
        rows_.push_back({prefix_of(key), keys_.size(), static_cast<std::uint32_t>(key.size()), said});
        keys_.insert(keys_.end(), key.begin(), key.end());
    }
    /// By key, tag, weight and line; of rows that say the same the first one is kept.
    void sort(const StopFlag& stop) {
        tbb::parallel_sort(rows_, [&](const Row& a, const Row& b) {
            if (stop.requested()) throw Interrupted("stopped on request");
            if (a.prefix != b.prefix) return a.prefix < b.prefix;
            const int order = key_of(a).compare(key_of(b));
            return order != 0 ? order < 0 : a.said < b.said;
        });
        const auto says_the_same = [&](const Row& a, const Row& b) {
            return a.said.tag == b.said.tag && a.said.weight == b.said.weight && key_of(a) == key_of(b);
        };
        rows_.erase(std::unique(rows_.begin(), rows_.end(), says_the_same), rows_.end());
    }
    void clear() noexcept {
        keys_.clear();
        rows_.clear();
    }
    [[nodiscard]] const std::vector<Row>& rows() const noexcept { return rows_; }
    [[nodiscard]] std::string_view key_of(const Row& row) const noexcept {
        return {keys_.data() + row.key_at, row.key_bytes};
    }

    /// Sorted rows name keys all over the memory.
    void prefetch_key(std::size_t row) const noexcept {
        if (row < rows_.size()) __builtin_prefetch(keys_.data() + rows_[row].key_at);
    }

private:
    static std::uint64_t prefix_of(std::string_view key) noexcept {
        std::array<unsigned char, sizeof(std::uint64_t)> bytes{};
        std::memcpy(bytes.data(), key.data(), std::min(key.size(), bytes.size()));
        std::uint64_t prefix = 0;
        for (const unsigned char byte : bytes) prefix = prefix << 8U | byte;
        return prefix;
    }
    /// Growing holds an array twice for a moment: not so where that would matter.
    void reserve() {
        constexpr std::uint64_t small_bytes = 1U << 20U;
        if (keys_.size() + rows_.size() * sizeof(Row) < small_bytes ||
            rows_.capacity() * sizeof(Row) >= bytes_max_)
            return;
        rows_.reserve(bytes_max_ / sizeof(Row) + 1);
        keys_.reserve(bytes_max_);
    }

    std::uint64_t bytes_max_;
    std::vector<char> keys_;
    std::vector<Row> rows_;
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

/// Runs merged row by row, in order of key, then what is said.
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
    static bool later(const RunReader* a, const RunReader* b) {
        const int order = a->key().compare(b->key());
        return order != 0 ? order > 0 : b->said() < a->said();
    }
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
        said_.clear();
        if (merge_) {
            if (merge_->at_end()) return false;
            key_ = merge_->key();
            for (; !merge_->at_end() && merge_->key() == key_; merge_->advance())
                said_.push_back(merge_->said());
        } else {
            const auto& rows = buffer_.rows();
            if (next_row_ == rows.size()) return false;
            buffer_.prefetch_key(next_row_ + prefetched_rows);
            key_ = buffer_.key_of(rows[next_row_]);
            for (; next_row_ < rows.size() && buffer_.key_of(rows[next_row_]) == key_; ++next_row_)
                said_.push_back(rows[next_row_].said);
        }
        if (looked_at_++ % look_every == 0 && stop_.requested()) throw Interrupted("stopped on request");
        make_postings();
        key = {key_, postings_};
        return true;
    }

    [[nodiscard]] std::uint64_t line_of_key() const noexcept {
        return std::ranges::min(said_, {}, &Said::line).line;
    }
    [[nodiscard]] const ByteStrings& tags() const noexcept { return tags_; }
    [[nodiscard]] const InputFile& file() const noexcept { return file_; }
    [[nodiscard]] std::uint64_t spilled_runs() const noexcept { return spilled_runs_; }

private:
    using Run = std::pair<std::uint64_t, std::uint64_t>; ///< begin and end in the spill file
    static constexpr std::uint64_t look_every = 4096;
    static constexpr std::size_t prefetched_rows = 16; // a cache miss takes about as long as these

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
        if (!buffer_.rows().empty() && !buffer_.has_room_for(key)) {
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
        for (const auto& row : buffer_.rows()) write_row(*spill_file_, buffer_.key_of(row), row.said);
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
        for (Said& said : said_) said.tag = tag_ids_[said.tag];
        std::ranges::sort(said_, [](const Said& a, const Said& b) {
            return std::tuple(a.tag, a.line) < std::tuple(b.tag, b.line);
        });
        postings_.clear();
        for (std::size_t i = 0; i < said_.size(); ++i) {
            if (i == 0 || said_[i].tag != said_[i - 1].tag) {
                postings_.push_back({said_[i].tag, said_[i].weight});
            } else if (said_[i].weight != said_[i - 1].weight) {
                throw InputError(fmt::format(
                    "{}:{}: column weight: key {} has tag {} with two weights; the other is in line {}",
                    file_.path, said_[i].line, quoted_for_message(key_),
                    quoted_for_message(tags_[said_[i].tag]), said_[i - 1].line));
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
    std::size_t next_row_ = 0;      ///< of the buffer, where there are none
    std::uint64_t looked_at_ = 0;
    std::string key_;
    std::vector<Said> said_;
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
