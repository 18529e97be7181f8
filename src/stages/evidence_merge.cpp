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

/// Orders as (company, tag).
std::uint64_t key_of(const CompanyEvidence& evidence) noexcept {
    return std::uint64_t{evidence.company} << 32U | evidence.tag;
}
constexpr std::uint64_t no_key = ~std::uint64_t{0}; // of no company

/// A source and what it gave last.
struct Run {
    const EvidenceSource* source;
    std::span<const CompanyEvidence> rows;

    explicit Run(const EvidenceSource& from) : source(&from), rows(from()) {}
    [[nodiscard]] std::uint64_t key() const noexcept { return rows.empty() ? no_key : key_of(rows.front()); }
    void advance() {
        rows = rows.subspan(1);
        if (rows.empty()) rows = (*source)();
    }
};

} // namespace

void merge_evidence(const std::vector<EvidenceSource>& sources, const StopFlag& stop,
                    const EvidenceSink& sink) {
    std::vector<Run> runs(sources.begin(), sources.end());
    std::vector<std::uint64_t> keys;
    keys.reserve(runs.size());
    for (const Run& run : runs) keys.push_back(run.key());
    LoserTree<std::uint64_t> tree(runs.size(), no_key);
    tree.begin(keys);
    constexpr std::uint64_t look_every = 1U << 16U;
    for (std::uint64_t rows = 0; !tree.at_end(); ++rows) {
        if (rows % look_every == 0 && stop.requested()) throw Interrupted("stopped on request");
        const std::uint64_t key = tree.key();
        CompanyEvidence sum = runs[tree.source()].rows.front();
        const auto advance = [&] {
            Run& run = runs[tree.source()];
            run.advance();
            tree.replace(run.key());
        };
        for (advance(); tree.key() == key; advance()) sum.add(runs[tree.source()].rows.front());
        sink(sum);
    }
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
    sources.emplace_back([last]() mutable { return std::exchange(last, {}); });
    merge_evidence(sources, stop, sink);
    runs_.clear();
    file_.reset();
}

} // namespace ipscore::stages
