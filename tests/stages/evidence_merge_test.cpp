// Runs of company evidence merged into one, in memory and through files, against a map.
#include "evidence_merge.hpp"

#include "../io/full_disk.hpp"
#include "../scoring/random_evidence.hpp"
#include "ipscore/core/error.hpp"
#include "segment_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace ipscore::stages {
namespace {

auto fields(const CompanyEvidence& evidence) {
    return std::tuple(evidence.company, evidence.tag, evidence.addresses, evidence.hits, evidence.days.lo,
                      evidence.days.hi, evidence.raw, evidence.recent, evidence.base);
}

void expect_equal(const SortedRun& run, const SortedRun& expected) {
    ASSERT_EQ(run.size(), expected.size());
    for (std::size_t i = 0; i < run.size(); ++i) ASSERT_EQ(fields(run[i]), fields(expected[i])) << i;
}

class EvidenceMerge : public ::testing::Test {
protected:
    static EvidenceSource source_of(const SortedRun& run) {
        return [&run, next = std::make_shared<std::size_t>(0)] {
            const std::span<const CompanyEvidence> left = std::span(run).subspan(*next);
            const auto some = left.first(std::min(left.size(), 1 + *next % 7));
            *next += some.size();
            return some;
        };
    }
    static EvidenceSink sink_into(SortedRun& run) {
        return [&run](const CompanyEvidence& evidence) { run.push_back(evidence); };
    }

    FreshDirectory directory_;
    StopFlag stop_;
    std::mt19937_64 random_{61};
};

TEST_F(EvidenceMerge, adds_up_what_many_sources_say) {
    for (int i = 0; i < 300; ++i) {
        std::vector<SortedRun> runs(random_() % 12);
        for (SortedRun& run : runs) run = random_run(random_, random_() % 30);
        std::vector<EvidenceSource> sources;
        for (const SortedRun& run : runs) sources.push_back(source_of(run));
        SortedRun merged;
        merge_evidence(sources, stop_, sink_into(merged));
        expect_equal(merged, sum_of(runs));
    }
}

TEST_F(EvidenceMerge, is_the_same_through_files_on_any_number_of_levels) {
    for (const std::size_t fan_in : {2U, 3U, 8U, 1000U}) {
        for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 9U, 50U}) {
            EvidenceSpill spill(directory_.path(), fan_in);
            std::vector<SortedRun> runs;
            for (std::size_t i = 0; i < count; ++i) {
                runs.push_back(random_run(random_, random_() % 900));
                if (i % 3 == 2) { // one that is merged from two on its way
                    runs.push_back(random_run(random_, 500));
                    spill.add_merged({source_of(runs[runs.size() - 2]), source_of(runs.back())}, stop_);
                } else {
                    spill.add(runs.back());
                }
            }
            EXPECT_EQ(spill.runs(), count);
            runs.push_back(random_run(random_, 100)); // stays in memory
            SortedRun merged;
            spill.merge(runs.back(), stop_, sink_into(merged));
            expect_equal(merged, sum_of(runs));
            EXPECT_EQ(spill.runs(), 0U);
            EXPECT_TRUE(std::filesystem::is_empty(directory_.path())) << "a spill file has no name";
            // And once more from the beginning.
            spill.add(runs.back());
            merged.clear();
            spill.merge({}, stop_, sink_into(merged));
            expect_equal(merged, runs.back());
        }
    }
}

TEST_F(EvidenceMerge, stops_when_asked) {
    const SortedRun run = random_run(random_, 500);
    EvidenceSpill spill(directory_.path(), 2);
    for (int i = 0; i < 5; ++i) spill.add(run);
    stop_.request();
    SortedRun merged;
    EXPECT_THROW(merge_evidence({source_of(run)}, stop_, sink_into(merged)), Interrupted);
    EXPECT_THROW(spill.merge({}, stop_, sink_into(merged)), Interrupted);
    EXPECT_TRUE(merged.empty());
}

TEST_F(EvidenceMerge, says_that_the_disk_is_full) {
    const SortedRun run = random_run(random_, 900);
    for (const rlim_t bytes_max : {rlim_t{0}, rlim_t{run.size() * sizeof(CompanyEvidence) * 3}}) {
        const io::Child child = io::run_on_full_disk(bytes_max, [&] {
            EvidenceSpill spill(directory_.path(), 2);
            for (int i = 0; i < 3; ++i)
                spill.add(run); // the second limit lets all in, but not a merge of them
            spill.merge({}, stop_, [](const CompanyEvidence&) {});
        });
        EXPECT_EQ(child.said,
                  "cannot write a temporary file in " + directory_.path().string() + ": File too large")
            << bytes_max;
    }
}

} // namespace
} // namespace ipscore::stages
