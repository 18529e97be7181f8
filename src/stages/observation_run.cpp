#include "observation_run.hpp"

#include "ipscore/core/saturating.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>

namespace ipscore::stages {

std::size_t ObservationRun::add(const io::ObservationBatch& batch, std::size_t from, std::uint64_t rows_max) {
    const std::uint64_t room = rows_max - std::min<std::uint64_t>(rows_max, rows_.size());
    const std::size_t end = from + std::min<std::uint64_t>(room, batch.address.size() - from);
    // A key that none of these rows has must not get into the dictionary.
    constexpr std::uint32_t not_yet = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> ids(batch.keys.size(), not_yet);
    for (std::size_t i = from; i < end; ++i) {
        const std::uint32_t key = batch.key[i];
        if (ids[key] == not_yet) ids[key] = keys_.insert(batch.keys[key], batch.key_hash[key]);
        rows_.push_back({batch.address[i], ids[key], batch.hits[i], batch.day[i]});
    }
    return end;
}

io::SegmentInfo ObservationRun::write(const std::filesystem::path& path) {
    const ByteStrings& keys = keys_.strings();
    std::vector<std::uint32_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0U);
    tbb::parallel_sort(order, [&](std::uint32_t a, std::uint32_t b) { return keys[a] < keys[b]; });
    ByteStrings dictionary;
    std::vector<std::uint32_t> rank(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        dictionary.push_back(keys[order[i]]);
        rank[order[i]] = static_cast<std::uint32_t>(i);
    }
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows_.size()), [&](const auto& range) {
        for (std::size_t i = range.begin(); i < range.end(); ++i) rows_[i].key = rank[rows_[i].key];
    });
    tbb::parallel_sort(rows_, [](const Row& a, const Row& b) {
        if (a.address != b.address) return a.address < b.address;
        return a.key != b.key ? a.key < b.key : a.day < b.day;
    });

    io::SegmentWriter writer(path, dictionary);
    for (std::size_t i = 0; i < rows_.size();) {
        const Row& row = rows_[i];
        if (i == 0 || rows_[i - 1].address != row.address) writer.begin_address(row.address);
        std::uint32_t hits = row.hits;
        for (++i; i < rows_.size() && rows_[i].address == row.address && rows_[i].key == row.key &&
                  rows_[i].day == row.day;
             ++i) {
            hits = add_saturating(hits, rows_[i].hits);
        }
        writer.append(row.key, row.day, hits);
    }
    io::SegmentInfo info = writer.finish();
    rows_.clear();
    keys_ = {};
    return info;
}

} // namespace ipscore::stages
