#include "evidence_merge.hpp"

#include "ipscore/core/error.hpp"
#include "loser_tree.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace ipscore::stages {

using scoring::CompanyEvidence;

namespace {

constexpr std::uint64_t no_company = ~std::uint64_t{0};

/// A source and what it gave last.
struct Run {
    const EvidenceSource* source;
    std::span<const CompanyEvidence> rows;

    explicit Run(const EvidenceSource& from) : source(&from), rows(from()) {}
    [[nodiscard]] std::uint64_t company() const noexcept {
        return rows.empty() ? no_company : rows.front().company;
    }
    /// The rows at hand of the company that is next.
    [[nodiscard]] std::span<const CompanyEvidence> of_company() const noexcept {
        const auto end = std::ranges::find_if(
            rows, [&](const CompanyEvidence& row) { return row.company != rows.front().company; });
        return {rows.begin(), end};
    }
    void advance(std::size_t count) {
        rows = rows.subspan(count);
        if (rows.empty()) rows = (*source)();
    }
};

} // namespace

// A tournament finds the next company. Its tags are added up where their number says: which source has the
// next tag is as good as random, and no processor could foretell it.
void merge_evidence(const std::vector<EvidenceSource>& sources, const StopFlag& stop,
                    const EvidenceSink& sink) {
    std::vector<Run> runs(sources.begin(), sources.end());
    std::vector<std::uint64_t> companies;
    companies.reserve(runs.size());
    for (const Run& run : runs) companies.push_back(run.company());
    LoserTree<std::uint64_t> tree(runs.size(), no_company);
    tree.begin(companies);
    scoring::CompanySums sums;
    constexpr std::uint64_t look_every_rows = 1U << 16U;
    for (std::uint64_t rows = look_every_rows; !tree.at_end();) {
        if (rows >= look_every_rows) {
            if (stop.requested()) throw Interrupted("stopped on request");
            rows = 0;
        }
        const std::uint64_t company = tree.key();
        while (tree.key() == company) {
            Run& run = runs[tree.source()];
            const auto evidence = run.of_company();
            sums.make_room(std::size_t{evidence.back().tag} + 1);
            for (const CompanyEvidence& row : evidence) sums.add(row);
            rows += evidence.size();
            run.advance(evidence.size());
            tree.replace(run.company());
        }
        sums.drain(static_cast<std::uint32_t>(company), sink);
    }
}

EvidenceSource source_in_memory(EvidenceRun run) {
    return [run]() mutable { return std::exchange(run, {}); };
}

io::SpillFile& EvidenceSpill::file() {
    if (!file_) file_.emplace(directory_);
    return *file_;
}

EvidenceSource EvidenceSpill::source_of(const Run& run) {
    struct Block {
        io::SpillReader reader;
        std::vector<CompanyEvidence> rows;
    };
    auto block = std::make_shared<Block>(Block{io::SpillReader(file(), run.first, run.second), {}});
    return [block] {
        constexpr std::uint64_t rows_max = io::SpillReader::buffer_bytes / sizeof(CompanyEvidence) / 4;
        block->rows.resize(std::min(block->reader.bytes_left() / sizeof(CompanyEvidence), rows_max));
        block->reader.read(std::as_writable_bytes(std::span(block->rows)));
        return std::span<const CompanyEvidence>(block->rows);
    };
}

void EvidenceSpill::add(std::span<const CompanyEvidence> run) {
    const std::uint64_t begin = file().flush();
    file().write(std::as_bytes(run));
    runs_.emplace_back(begin, file().flush());
}

void EvidenceSpill::add_merged(const std::vector<EvidenceSource>& sources, const StopFlag& stop) {
    const std::uint64_t begin = file().flush();
    merge_evidence(sources, stop, [&](const CompanyEvidence& evidence) { file().write_value(evidence); });
    runs_.emplace_back(begin, file().flush());
}

void EvidenceSpill::merge(std::span<const CompanyEvidence> last, const StopFlag& stop,
                          const EvidenceSink& sink) {
    while (runs_.size() > fan_in_) {
        const auto end = runs_.begin() + static_cast<std::ptrdiff_t>(fan_in_);
        std::vector<EvidenceSource> sources;
        std::transform(runs_.begin(), end, std::back_inserter(sources),
                       [&](const Run& run) { return source_of(run); });
        runs_.erase(runs_.begin(), end);
        add_merged(sources, stop);
    }
    std::vector<EvidenceSource> sources;
    for (const Run& run : runs_) sources.push_back(source_of(run));
    sources.push_back(source_in_memory(last));
    merge_evidence(sources, stop, sink);
    runs_.clear();
    file_.reset();
}

} // namespace ipscore::stages
