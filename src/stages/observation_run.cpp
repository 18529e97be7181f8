#include "observation_run.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/memory.hpp"
#include "ipscore/core/saturating.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_invoke.h>
#include <tbb/parallel_sort.h>

namespace ipscore::stages {

namespace {

/// Thrown out of a sort, which has no other way to end early.
void look_at(const StopFlag& stop) {
    if (stop.requested()) throw Interrupted("stopped on request");
}

Address address_of(const Ipv4Row& row) noexcept { return address_of_ipv4(row.address); }
Address address_of(const ObservationRow& row) noexcept { return row.address; }

/// Room for all rows at once: growing would hold them twice for a moment. What is not used is never touched.
template <class Row>
void reserve(std::vector<Row>& rows, std::uint64_t bytes_max, std::uint64_t rows_max) {
    rows.reserve(std::min(bytes_max / sizeof(Row), rows_max));
    use_large_pages(rows);
}

template <class Row>
void renumber_keys(std::vector<Row>& rows, const std::vector<std::uint32_t>& number) {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows.size()), [&](const auto& range) {
        for (std::size_t i = range.begin(); i < range.end(); ++i) rows[i].key = number[rows[i].key];
    });
}

/// Writes sorted rows, those of the same address, key and day as one.
class SumWriter {
public:
    SumWriter(io::SegmentWriter& writer, const StopFlag& stop) : writer_(writer), stop_(stop) {}

    /// Rows that are equal to some of these are all among these.
    template <class Row>
    void append(std::span<const Row> rows) {
        for (std::size_t i = 0; i < rows.size();) {
            const Row& row = rows[i];
            const Address address = address_of(row);
            if (address != address_) {
                look_at(stop_);
                writer_.begin_address(address);
                address_ = address;
            }
            std::uint32_t hits = row.hits;
            for (++i; i < rows.size() && sort_words(rows[i]) == sort_words(row); ++i)
                hits = add_saturating(hits, rows[i].hits);
            writer_.append(row.key, row.day, hits);
        }
    }

private:
    io::SegmentWriter& writer_;
    const StopFlag& stop_;
    std::optional<Address> address_; ///< of the rows before
};

} // namespace

ObservationRun::ObservationRun(std::uint64_t bytes_max, std::uint64_t rows_max)
    : bytes_max_(bytes_max), rows_max_(rows_max) {
    reserve(ipv4_rows_, bytes_max, rows_max);
    reserve(other_rows_, bytes_max, rows_max);
}

bool ObservationRun::has_room_for(const io::ObservationBatch& batch) const noexcept {
    const std::uint64_t more_rows = batch.address.size();
    return rows() + more_rows <= rows_max_ &&
           ipv4_rows_.size() * sizeof(Ipv4Row) + (other_rows_.size() + more_rows) * sizeof(ObservationRow) +
                   keys_.bytes_with(batch.keys.size(), batch.keys.bytes().size()) <=
               bytes_max_;
}

std::size_t ObservationRun::add(const io::ObservationBatch& batch, std::size_t from) {
    const std::uint64_t room = rows_max_ - std::min<std::uint64_t>(rows_max_, rows());
    const std::size_t end = from + std::min<std::uint64_t>(room, batch.address.size() - from);
    if (from > 0 || end < batch.address.size()) {
        add_some(batch, from, end);
        return end;
    }
    const std::vector<std::uint32_t> ids = keys_.insert(batch.keys, batch.key_hash);
    for (std::size_t i = 0; i < end; ++i) add_row(batch, i, ids[batch.key[i]]);
    return end;
}

void ObservationRun::add_row(const io::ObservationBatch& batch, std::size_t row, std::uint32_t key) {
    const Address address = batch.address[row];
    if (is_ipv4(address)) {
        ipv4_rows_.push_back({static_cast<std::uint32_t>(address.lo), key, batch.hits[row], batch.day[row]});
    } else {
        other_rows_.push_back({address, key, batch.hits[row], batch.day[row]});
    }
}

/// A key that none of these rows has must not get into the dictionary.
void ObservationRun::add_some(const io::ObservationBatch& batch, std::size_t from, std::size_t end) {
    constexpr std::uint32_t not_yet = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> ids(batch.keys.size(), not_yet);
    for (std::size_t i = from; i < end; ++i) {
        const std::uint32_t key = batch.key[i];
        if (ids[key] == not_yet) ids[key] = keys_.insert(batch.keys[key], batch.key_hash[key]);
        add_row(batch, i, ids[key]);
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
    std::vector<std::uint32_t> rank(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::uint32_t>(i);

    io::SegmentWriter writer(path);
    std::vector<std::span<Ipv4Row>> ipv4;
    std::vector<std::span<ObservationRow>> before_ipv4;
    std::vector<std::span<ObservationRow>> after_ipv4;
    tbb::parallel_invoke(
        [&] {
            renumber_keys(ipv4_rows_, rank);
            ipv4 = split_rows(std::span(ipv4_rows_), stop);
        },
        [&] {
            renumber_keys(other_rows_, rank);
            const auto is_before = [](const ObservationRow& row) { return row.address < address_of_ipv4(0); };
            const auto after = std::partition(other_rows_.begin(), other_rows_.end(), is_before);
            before_ipv4 = split_rows(std::span(other_rows_.begin(), after), stop);
            after_ipv4 = split_rows(std::span(after, other_rows_.end()), stop);
        },
        [&] {
            for (const std::uint32_t key : order) writer.add_key(keys[key]);
        });
    // Sorting takes their memory.
    keys_ = {};
    order = {};
    rank = {};

    SumWriter sums(writer, stop);
    const auto append_sums = [&](const auto& rows) { sums.append(rows); };
    sort_stretches<ObservationRow>(before_ipv4, stop, append_sums);
    sort_stretches<Ipv4Row>(ipv4, stop, append_sums);
    sort_stretches<ObservationRow>(after_ipv4, stop, append_sums);
    io::SegmentInfo info = writer.finish();
    ipv4_rows_.clear();
    other_rows_.clear();
    return info;
}

} // namespace ipscore::stages
