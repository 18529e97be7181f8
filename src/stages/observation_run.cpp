#include "observation_run.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/memory.hpp"
#include "ipscore/core/saturating.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>

namespace ipscore::stages {

namespace {

/// Thrown out of a sort, which has no other way to end early.
void look_at(const StopFlag& stop) {
    if (stop.requested()) throw Interrupted("stopped on request");
}

} // namespace

ObservationRun::ObservationRun(std::uint64_t bytes_max, std::uint64_t rows_max)
    : bytes_max_(bytes_max), rows_max_(rows_max) {
    // All at once: growing would hold the rows twice for a moment. What is not used is never touched.
    rows_.reserve(std::min(bytes_max / row_bytes, rows_max));
    use_large_pages(rows_);
}

bool ObservationRun::has_room_for(const io::ObservationBatch& batch) const noexcept {
    const std::uint64_t rows = rows_.size() + batch.address.size();
    return rows <= rows_.capacity() &&
           rows * row_bytes + keys_.bytes_with(batch.keys.size(), batch.keys.bytes().size()) <= bytes_max_;
}

std::size_t ObservationRun::add(const io::ObservationBatch& batch, std::size_t from) {
    const std::uint64_t room = rows_max_ - std::min<std::uint64_t>(rows_max_, rows_.size());
    const std::size_t end = from + std::min<std::uint64_t>(room, batch.address.size() - from);
    if (from > 0 || end < batch.address.size()) {
        add_some(batch, from, end);
        return end;
    }
    const std::vector<std::uint32_t> ids = keys_.insert(batch.keys, batch.key_hash);
    for (std::size_t i = 0; i < end; ++i)
        rows_.push_back({batch.address[i], ids[batch.key[i]], batch.hits[i], batch.day[i]});
    return end;
}

/// A key that none of these rows has must not get into the dictionary.
void ObservationRun::add_some(const io::ObservationBatch& batch, std::size_t from, std::size_t end) {
    constexpr std::uint32_t not_yet = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> ids(batch.keys.size(), not_yet);
    for (std::size_t i = from; i < end; ++i) {
        const std::uint32_t key = batch.key[i];
        if (ids[key] == not_yet) ids[key] = keys_.insert(batch.keys[key], batch.key_hash[key]);
        rows_.push_back({batch.address[i], ids[key], batch.hits[i], batch.day[i]});
    }
}

io::SegmentInfo ObservationRun::write(const std::filesystem::path& path, const StopFlag& stop) {
    const ByteStrings& keys = keys_.strings();
    std::vector<std::uint32_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0U);
    tbb::parallel_sort(order, [&](std::uint32_t a, std::uint32_t b) {
        look_at(stop);
        return keys[a] < keys[b];
    });
    io::SegmentWriter writer(path);
    std::vector<std::uint32_t> rank(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        writer.add_key(keys[order[i]]);
        rank[order[i]] = static_cast<std::uint32_t>(i);
    }
    keys_ = {};
    order = {};
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows_.size()), [&](const auto& range) {
        for (std::size_t i = range.begin(); i < range.end(); ++i) rows_[i].key = rank[rows_[i].key];
    });
    sort_rows(rows_, stop);

    for (std::size_t i = 0; i < rows_.size();) {
        const Row& row = rows_[i];
        if (i == 0 || rows_[i - 1].address != row.address) {
            look_at(stop);
            writer.begin_address(row.address);
        }
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
    return info;
}

} // namespace ipscore::stages
