// Distinct and heaviest addresses and keys of segments and tables.
#include "dictionary_merge.hpp"
#include "export_parts.hpp"
#include "heaviest.hpp"
#include "inspect_rows.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/saturating.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/io/strings.hpp"
#include "look_for_stop.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <sys/resource.h>
#include <utility>

namespace ipscore::stages::inspecting {

namespace {

struct KeyCount {
    std::uint64_t rows = 0;
    std::uint64_t hits = 0;
};

/// Takes rows address by address, in rising order.
class ObservationCounter {
public:
    /// `keys`: size of the dictionary, where there is one.
    ObservationCounter(std::optional<std::uint64_t> keys, std::size_t top)
        : has_keys_(keys.has_value()),
          key_counts_(keys.value_or(0)),
          day_rows_(days_max),
          addresses_heaviest_(top),
          keys_heaviest_(top) {}

    void begin_address(Address address) {
        end_address();
        address_ = address;
    }
    /// `key_ids`: of the rows' own keys; empty where those are the same.
    void add(const io::RowSpan& rows, std::span<const std::uint32_t> key_ids) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            ++rows_;
            ++day_rows_[rows.day[i]];
            hits_ = add_saturating(hits_, std::uint64_t{rows.hits[i]});
            if (!has_keys_) continue;
            KeyCount& count = key_counts_[key_ids.empty() ? rows.key[i] : key_ids[rows.key[i]]];
            ++count.rows;
            count.hits = add_saturating(count.hits, std::uint64_t{rows.hits[i]});
        }
    }
    /// All but the names of keys, which `name_keys` gives to their ids, in rising order.
    ObservationFigures finish(const std::function<void(std::map<std::uint32_t, std::string>&)>& name_keys) {
        end_address();
        figures_.heaviest_addresses =
            heaviest_of(addresses_heaviest_, [](Address address) { return to_string(address); });
        for (std::size_t day = 0; day < days_max; ++day) {
            if (day_rows_[day] > 0) figures_.rows_per_day[static_cast<Day>(day)] = day_rows_[day];
        }
        if (!has_keys_) return std::move(figures_);
        std::uint64_t keys = 0;
        for (std::size_t key = 0; key < key_counts_.size(); ++key) {
            if (key_counts_[key].rows == 0) continue;
            ++keys;
            keys_heaviest_.offer(static_cast<std::uint32_t>(key), key_counts_[key].rows,
                                 key_counts_[key].hits);
        }
        figures_.keys = keys;
        std::map<std::uint32_t, std::string> names;
        for (const auto* list : {&keys_heaviest_.by_rows, &keys_heaviest_.by_hits}) {
            for (const auto& entry : list->sorted()) names[entry.name];
        }
        name_keys(names);
        figures_.heaviest_keys =
            heaviest_of(keys_heaviest_, [&](std::uint32_t key) { return names.at(key); });
        return std::move(figures_);
    }

private:
    static constexpr std::size_t days_max = 1U << 16U;

    void end_address() {
        if (rows_ == 0) return;
        ++figures_.addresses;
        addresses_heaviest_.offer(address_, rows_, hits_);
        figures_.hits = add_saturating(figures_.hits, hits_);
        rows_ = 0;
        hits_ = 0;
    }

    ObservationFigures figures_;
    bool has_keys_;
    std::vector<KeyCount> key_counts_;
    std::vector<std::uint64_t> day_rows_;
    HeaviestPair<Address> addresses_heaviest_;
    HeaviestPair<std::uint32_t> keys_heaviest_;
    Address address_;
    std::uint64_t rows_ = 0; ///< of the address
    std::uint64_t hits_ = 0;
};

/// Names the keys as they come in order, from 0 on.
class KeyNames {
public:
    explicit KeyNames(std::map<std::uint32_t, std::string>& names) : names_(names), next_(names.begin()) {}
    void add(std::string_view key) {
        if (next_ != names_.end() && next_->first == id_) (next_++)->second = key;
        ++id_;
    }

private:
    std::map<std::uint32_t, std::string>& names_;
    std::map<std::uint32_t, std::string>::iterator next_;
    std::uint64_t id_ = 0;
};

/// The system may allow more open files than it gives a program to begin with.
void allow_open_files(std::uint64_t files) {
    constexpr std::uint64_t of_others = 64;
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= files + of_others) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, files + of_others);
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

template <class Reader>
void count_rows(Reader& reader, std::span<const std::uint32_t> key_ids, ObservationCounter& counter,
                const StopFlag& stop) {
    for (auto rows = reader.next_rows(); !rows.empty(); rows = reader.next_rows()) {
        counter.add(rows, key_ids);
        look_for_stop(stop);
    }
}

/// A segment on its way through the merge.
struct Cursor {
    std::vector<std::uint32_t> key_ids; ///< in the merged dictionary
    std::unique_ptr<io::FilteredRowsReader> reader;
};

void merge_rows(std::vector<Cursor>& cursors, ObservationCounter& counter, const StopFlag& stop) {
    using Next = std::pair<Address, std::size_t>; // a cursor's next address
    std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
    const auto advance = [&](std::size_t cursor) {
        io::FilteredRowsReader& reader = *cursors[cursor].reader;
        if (reader.next_address()) next.emplace(reader.address(), cursor);
    };
    for (std::size_t c = 0; c < cursors.size(); ++c) advance(c);
    while (!next.empty()) {
        const Address address = next.top().first;
        counter.begin_address(address);
        while (!next.empty() && next.top().first == address) {
            const std::size_t cursor = next.top().second;
            next.pop();
            const Cursor& at = cursors[cursor];
            count_rows(*at.reader, at.key_ids, counter, stop);
            advance(cursor);
        }
    }
}

void need_key_counters(MemoryBudget& budget, std::uint64_t keys) {
    budget.need("counters of the keys", keys * sizeof(KeyCount));
    budget.check();
}

void name_keys(const io::H5File& file, std::map<std::uint32_t, std::string>& names) {
    io::StringsReader dictionary(file, io::format::dictionary);
    KeyNames namer(names);
    std::string_view key;
    while (dictionary.next(key)) namer.add(key);
}

} // namespace

ObservationFigures count_segments(const std::vector<SegmentFile>& files, std::uint64_t segment_keys,
                                  std::size_t top, MemoryBudget& budget, const StopFlag& stop) {
    budget.need(fmt::format("{} open segments", files.size()),
                files.size() * (memory::segment_file_bytes + memory::row_cursor_bytes));
    budget.need("ids of the keys", segment_keys * sizeof(std::uint32_t));
    budget.check();
    allow_open_files(files.size());
    constexpr std::uint64_t seek_points_kept = 1; // none is needed
    OpenSegments segments;
    std::vector<Cursor> cursors(files.size());
    for (std::size_t s = 0; s < files.size(); ++s) {
        segments.push_back(std::make_unique<io::Segment>(files[s].path, seek_points_kept));
        cursors[s].key_ids.reserve(segments[s]->keys());
    }
    const Dictionaries dictionaries = dictionaries_of(segments);
    const std::uint64_t keys = merge_dictionaries(
        dictionaries, stop, [](std::string_view) {},
        [&](std::size_t segment, std::uint32_t id) { cursors[segment].key_ids.push_back(id); });
    need_key_counters(budget, keys);
    ObservationCounter counter(keys, top);
    for (std::size_t s = 0; s < segments.size(); ++s)
        cursors[s].reader = std::make_unique<io::FilteredRowsReader>(
            segments[s]->reader(cursors[s].key_ids.size(), files[s].filter));
    merge_rows(cursors, counter, stop);
    cursors.clear();
    ObservationFigures figures = counter.finish([&](auto& names) {
        KeyNames namer(names);
        merge_dictionaries(
            dictionaries, stop, [&](std::string_view key) { namer.add(key); },
            [](std::size_t, std::uint32_t) {});
    });
    figures.memory_bytes = budget.least_bytes();
    return figures;
}

ObservationFigures count_table(const std::filesystem::path& table, const std::vector<io::PartRecord>& parts,
                               std::size_t top, MemoryBudget& budget, const StopFlag& stop) {
    const io::H5File index = io::H5File::open(table / io::format::index_name);
    const std::uint64_t keys = io::StringsReader(index, io::format::dictionary).size();
    budget.need("an open part", memory::segment_file_bytes + memory::row_cursor_bytes);
    need_key_counters(budget, keys);
    ObservationCounter counter(keys, top);
    exporting::PartWalk walk(table, parts, io::format::table_part);
    while (const auto path = walk.next()) {
        const io::H5File file = io::H5File::open(*path);
        io::SortedRowsReader reader(file, keys);
        while (reader.next_address()) {
            counter.begin_address(reader.address());
            count_rows(reader, {}, counter, stop);
        }
    }
    ObservationFigures figures = counter.finish([&](auto& names) { name_keys(index, names); });
    figures.memory_bytes = budget.least_bytes();
    return figures;
}

ObservationFigures count_file(const std::filesystem::path& path, std::size_t top, MemoryBudget& budget,
                              const StopFlag& stop) {
    constexpr std::uint64_t keys_unknown = 1ULL << 32U;
    const io::H5File file = io::H5File::open(path);
    std::optional<std::uint64_t> keys;
    if (file.has(io::format::dictionary)) keys = io::StringsReader(file, io::format::dictionary).size();
    budget.need("the open file", memory::segment_file_bytes + memory::row_cursor_bytes);
    need_key_counters(budget, keys.value_or(0));
    ObservationCounter counter(keys, top);
    io::SortedRowsReader reader(file, keys.value_or(keys_unknown));
    while (reader.next_address()) {
        counter.begin_address(reader.address());
        count_rows(reader, {}, counter, stop);
    }
    ObservationFigures figures = counter.finish([&](auto& names) { name_keys(file, names); });
    figures.memory_bytes = budget.least_bytes();
    return figures;
}

} // namespace ipscore::stages::inspecting
