#include "dictionary_merge.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/key_map.hpp"
#include "loser_tree.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace ipscore::stages {

namespace {

/// A key of a dictionary, or its end, which comes after every key.
class NextKey {
public:
    explicit NextKey(std::string_view text) noexcept : text_(text) {
        std::memcpy(&prefix_, text.data(), std::min(text.size(), sizeof prefix_));
        prefix_ = __builtin_bswap64(prefix_);
    }
    static NextKey end() noexcept {
        NextKey key({});
        key.prefix_ = ~std::uint64_t{0};
        key.is_end_ = true;
        return key;
    }
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    friend bool operator<(const NextKey& a, const NextKey& b) noexcept {
        if (a.prefix_ != b.prefix_) return a.prefix_ < b.prefix_;
        return a.is_end_ != b.is_end_ ? b.is_end_ : a.text_ < b.text_;
    }
    friend bool operator==(const NextKey& a, const NextKey& b) noexcept {
        return a.prefix_ == b.prefix_ && a.is_end_ == b.is_end_ && a.text_ == b.text_;
    }

private:
    std::uint64_t prefix_ = 0; ///< the first bytes, as a number that orders as they do
    std::string_view text_;
    bool is_end_ = false;
};

} // namespace

OpenSegments open_segments(const std::vector<std::filesystem::path>& paths) {
    OpenSegments segments;
    for (const auto& path : paths)
        segments.push_back(std::make_unique<io::Segment>(path, memory::seek_points_kept));
    return segments;
}

Dictionaries dictionaries_of(const OpenSegments& segments) {
    Dictionaries dictionaries;
    dictionaries.reserve(segments.size());
    for (const auto& segment : segments)
        dictionaries.push_back({[from = segment.get()] { return from->dictionary(); }, segment->keys()});
    return dictionaries;
}

std::vector<std::uint64_t> key_counts(const Dictionaries& dictionaries) {
    std::vector<std::uint64_t> counts;
    counts.reserve(dictionaries.size());
    for (const Dictionary& dictionary : dictionaries) counts.push_back(dictionary.keys);
    return counts;
}

std::uint64_t merge_dictionaries(const Dictionaries& dictionaries, const StopFlag& stop,
                                 const std::function<void(std::string_view)>& add,
                                 const std::function<void(std::size_t, std::uint32_t)>& give_id,
                                 const KeepKey& keep) {
    std::vector<io::StringsReader> readers;
    readers.reserve(dictionaries.size());
    for (const Dictionary& dictionary : dictionaries) readers.push_back(dictionary.reader());
    std::vector<std::uint64_t> read(dictionaries.size()); // keys of each
    const auto next_of = [&](std::size_t d) {
        std::string_view key;
        for (; readers[d].next(key); ++read[d]) {
            if (dictionaries[d].unused == nullptr || !(*dictionaries[d].unused)[read[d]]) {
                ++read[d];
                return NextKey(key);
            }
            give_id(d, io::no_key);
        }
        return NextKey::end();
    };
    std::vector<NextKey> first;
    for (std::size_t d = 0; d < dictionaries.size(); ++d) first.push_back(next_of(d));
    LoserTree<NextKey> tree(dictionaries.size(), NextKey::end());
    tree.begin(first);
    constexpr std::uint64_t keys_max = 0xffff'ffff;
    constexpr std::uint64_t look_every = 1U << 16U;
    std::string text;
    std::uint64_t number = 0; // of the distinct keys
    std::uint64_t id = 0;     // of those that are kept
    for (; !tree.at_end(); ++number) {
        if (id == keys_max)
            throw InputError("more than 4294967295 distinct keys in the store; prepare a shorter look-back");
        if (number % look_every == 0 && stop.requested()) throw Interrupted("stopped on request");
        text = tree.key().text(); // goes with the reader's next one
        const NextKey key(text);
        const bool is_kept = !keep || keep(text);
        if (is_kept) add(text);
        while (!tree.at_end() && tree.key() == key) {
            const std::size_t dictionary = tree.source();
            give_id(dictionary, is_kept ? static_cast<std::uint32_t>(id) : io::no_key);
            tree.replace(next_of(dictionary));
        }
        if (is_kept) ++id;
    }
    return id;
}

std::uint64_t merge_dictionaries(const Dictionaries& dictionaries, const std::filesystem::path& map_path,
                                 const StopFlag& stop, const std::function<void(std::string_view)>& add,
                                 const KeepKey& keep) {
    io::KeyMapWriter map(map_path, key_counts(dictionaries));
    const std::uint64_t keys = merge_dictionaries(
        dictionaries, stop, add,
        [&](std::size_t dictionary, std::uint32_t id) { map.append(dictionary, id); }, keep);
    map.finish();
    return keys;
}

} // namespace ipscore::stages
