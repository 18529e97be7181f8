#include "evidence_merge.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <memory>

namespace ipscore::stages {

using scoring::CompanyEvidence;

void merge_evidence(const std::vector<EvidenceSource>& sources, const StopFlag& stop,
                    const EvidenceSink& sink) {
    struct Head {
        CompanyEvidence evidence;
        const EvidenceSource* source;
    };
    constexpr auto later = [](const Head& a, const Head& b) { return comes_before(b.evidence, a.evidence); };
    std::vector<Head> heap;
    for (const EvidenceSource& source : sources) {
        Head head{{}, &source};
        if (source(head.evidence)) heap.push_back(head);
    }
    std::ranges::make_heap(heap, later);
    constexpr std::uint64_t look_every = 1U << 16U;
    for (std::uint64_t rows = 0; !heap.empty(); ++rows) {
        if (rows % look_every == 0 && stop.requested()) throw Interrupted("stopped on request");
        CompanyEvidence sum = heap.front().evidence;
        for (bool first = true; !heap.empty() && same_row(heap.front().evidence, sum); first = false) {
            std::ranges::pop_heap(heap, later);
            Head& head = heap.back();
            if (!first) sum.add(head.evidence);
            if ((*head.source)(head.evidence)) {
                std::ranges::push_heap(heap, later);
            } else {
                heap.pop_back();
            }
        }
        sink(sum);
    }
}

io::SpillFile& EvidenceSpill::file() {
    if (!file_) file_.emplace(directory_);
    return *file_;
}

EvidenceSource EvidenceSpill::source_of(const Run& run) {
    auto reader = std::make_shared<io::SpillReader>(file(), run.first, run.second);
    return [reader](CompanyEvidence& evidence) {
        if (reader->at_end()) return false;
        evidence = reader->read_value<CompanyEvidence>();
        return true;
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
    std::size_t next = 0;
    sources.emplace_back([&](CompanyEvidence& evidence) {
        if (next == last.size()) return false;
        evidence = last[next++];
        return true;
    });
    merge_evidence(sources, stop, sink);
    runs_.clear();
    file_.reset();
}

} // namespace ipscore::stages
