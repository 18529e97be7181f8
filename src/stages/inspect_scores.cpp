// What `inspect` counts of the rows of scores.
#include "export_parts.hpp"
#include "heaviest.hpp"
#include "inspect_rows.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/core/saturating.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/strings.hpp"
#include "memory_needs.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::stages::inspecting {

namespace {

struct Count {
    std::uint64_t rows = 0;
    std::uint64_t hits = 0;

    void add(std::uint64_t more_rows, std::uint64_t more_hits) {
        rows += more_rows;
        hits = add_saturating(hits, more_hits);
    }
};

class ScoreCounter {
public:
    ScoreCounter(std::size_t tags, std::size_t companies, std::size_t top)
        : tags_(tags), companies_(companies), top_(top), addresses_heaviest_(top) {}

    void add_part(const std::filesystem::path& path, const StopFlag& stop) {
        io::ScoresPartReader reader(path);
        while (reader.next_address()) {
            if (stop.requested()) throw Interrupted("stopped on request");
            Count address;
            for (auto rows = reader.next_rows(); rows.size() > 0; rows = reader.next_rows()) {
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    if (rows.tag[i] >= tags_.size()) damaged(path, "a tag is not in the index");
                    address.add(1, rows.hits[i]);
                    tags_[rows.tag[i]].add(1, rows.hits[i]);
                    add_score(rows.score[i], rows.confident[i] != 0);
                }
            }
            figures_.hits = add_saturating(figures_.hits, address.hits);
            addresses_heaviest_.offer(reader.address(), address.rows, address.hits);
            if (reader.company() == scoring::no_company) continue;
            if (reader.company() >= companies_.size()) damaged(path, "a company is not in the index");
            companies_[reader.company()].add(address.rows, address.hits);
        }
    }
    ScoreRowFigures finish(const ByteStrings& tags, const ByteStrings& companies) {
        figures_.tags_without_rows =
            static_cast<std::uint64_t>(std::ranges::count(tags_, std::uint64_t{0}, &Count::rows));
        figures_.heaviest_addresses =
            heaviest_of(addresses_heaviest_, [](Address address) { return to_string(address); });
        figures_.heaviest_tags = heaviest(tags_, tags);
        figures_.heaviest_companies = heaviest(companies_, companies);
        return figures_;
    }

private:
    [[noreturn]] static void damaged(const std::filesystem::path& path, std::string_view fault) {
        throw InputError(fmt::format("{}: damaged: {}", path.string(), fault));
    }
    void add_score(float score, bool confident) {
        constexpr float bin_width = 100.0F / static_cast<float>(score_bins);
        const float bin = std::clamp(score / bin_width, 0.0F, static_cast<float>(score_bins - 1));
        ++figures_.rows_per_score[static_cast<std::size_t>(bin)];
        if (confident) ++figures_.confident_rows;
    }
    [[nodiscard]] Heaviest heaviest(const std::vector<Count>& counts, const ByteStrings& names) const {
        HeaviestPair<std::size_t> pair(top_);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            if (counts[i].rows > 0) pair.offer(i, counts[i].rows, counts[i].hits);
        }
        return heaviest_of(pair, [&](std::size_t i) { return std::string(names[i]); });
    }

    ScoreRowFigures figures_;
    std::vector<Count> tags_;
    std::vector<Count> companies_;
    std::size_t top_;
    HeaviestPair<Address> addresses_heaviest_;
};

/// Bytes of strings in memory.
std::uint64_t bytes_of_strings(const io::H5File& file, const char* name) {
    const std::string strings = name;
    return file.open_dataset(strings + "/bytes", io::ElementType::u8).size() +
           file.open_dataset(strings + "/offsets", io::ElementType::u64).size() *
               (sizeof(std::uint64_t) + sizeof(Count));
}

} // namespace

ScoreRowFigures count_scores(const std::filesystem::path& scores, const std::vector<io::PartRecord>& parts,
                             std::size_t top, MemoryBudget& budget, const StopFlag& stop) {
    const io::H5File index = io::H5File::open(scores / io::format::index_name);
    budget.need("the tags", bytes_of_strings(index, io::format::tags));
    budget.need("the companies", bytes_of_strings(index, io::format::companies));
    budget.need("an open part", memory::score_worker_bytes);
    budget.check();
    const ByteStrings tags = io::read_strings(index, io::format::tags);
    const ByteStrings companies = io::read_strings(index, io::format::companies);
    ScoreCounter counter(tags.size(), companies.size(), top);
    exporting::PartWalk walk(scores, parts, io::format::scores_part);
    while (const auto path = walk.next()) counter.add_part(*path, stop);
    ScoreRowFigures figures = counter.finish(tags, companies);
    figures.memory_bytes = budget.least_bytes();
    return figures;
}

} // namespace ipscore::stages::inspecting
