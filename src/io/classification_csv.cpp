#include "ipscore/io/classification_csv.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::io {

namespace {

constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t tag_bytes_max = 128;

/// The rows of the file, in its order.
struct Rows {
    ByteStrings keys;
    ByteStrings tags;
    std::vector<Millionths> weights;
    std::vector<std::uint64_t> lines;
};

Rows read_rows(const std::filesystem::path& path, InputFile& file) {
    Rows rows;
    std::size_t key = 0;
    std::size_t tag = 0;
    std::size_t weight = 0;
    file = read_csv(
        path,
        [&](const CsvHeader& header) {
            key = header.require("key");
            tag = header.require("tag");
            weight = header.require("weight");
        },
        [&](const CsvRow& row, const CsvPlace& place) {
            const std::string_view key_text = row.fields[key];
            const std::string_view tag_text = row.fields[tag];
            if (key_text.empty()) place.bad_value("key", key_text, "is empty");
            if (key_text.size() > key_bytes_max)
                place.bad_value("key", key_text, "is longer than 1024 bytes");
            if (tag_text.empty()) place.bad_value("tag", tag_text, "is empty");
            if (tag_text.size() > tag_bytes_max) place.bad_value("tag", tag_text, "is longer than 128 bytes");
            rows.weights.push_back(share_of("weight", row.fields[weight], place));
            rows.keys.push_back(key_text);
            rows.tags.push_back(tag_text);
            rows.lines.push_back(row.line);
        });
    return rows;
}

/// The distinct strings in byte order, and for every row which one it has.
std::pair<ByteStrings, std::vector<std::uint32_t>> intern(const ByteStrings& strings,
                                                          const std::vector<std::uint32_t>& order) {
    ByteStrings distinct;
    std::vector<std::uint32_t> ids(strings.size());
    for (const std::uint32_t row : order) {
        if (distinct.empty() || distinct[distinct.size() - 1] != strings[row])
            distinct.push_back(strings[row]);
        ids[row] = static_cast<std::uint32_t>(distinct.size() - 1);
    }
    return {std::move(distinct), std::move(ids)};
}

std::vector<std::uint32_t> rows_sorted_by(const ByteStrings& strings) {
    std::vector<std::uint32_t> order(strings.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) { return strings[a] < strings[b]; });
    return order;
}

} // namespace

ClassificationFile read_classification(const std::filesystem::path& path) {
    ClassificationFile result;
    const Rows rows = read_rows(path, result.file);
    if (rows.weights.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw InputError(path.string() + ": more than 4294967295 rows; split the classification");
    }
    scoring::Classification& classification = result.classification;
    std::vector<std::uint32_t> row_tag;
    std::tie(classification.tags, row_tag) = intern(rows.tags, rows_sorted_by(rows.tags));
    std::vector<std::uint32_t> order = rows_sorted_by(rows.keys);
    std::vector<std::uint32_t> row_key;
    std::tie(classification.keys, row_key) = intern(rows.keys, order);

    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
        return std::tuple(row_key[a], row_tag[a], rows.lines[a]) <
               std::tuple(row_key[b], row_tag[b], rows.lines[b]);
    });
    classification.offsets.resize(classification.keys.size() + 1);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::uint32_t row = order[i];
        if (i > 0 && row_key[order[i - 1]] == row_key[row] && row_tag[order[i - 1]] == row_tag[row]) {
            const std::uint32_t before = order[i - 1];
            if (rows.weights[before] == rows.weights[row]) continue;
            throw InputError(fmt::format(
                "{}:{}: column weight: key {} has tag {} with two weights; the other is in line {}",
                path.string(), rows.lines[row], quoted_for_message(rows.keys[row]),
                quoted_for_message(rows.tags[row]), rows.lines[before]));
        }
        classification.postings.push_back({row_tag[row], rows.weights[row]});
        classification.offsets[row_key[row] + 1] = classification.postings.size();
    }
    return result;
}

} // namespace ipscore::io
