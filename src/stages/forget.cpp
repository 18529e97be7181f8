#include "ipscore/stages/forget.hpp"

#include "forget_parts.hpp"
#include "forgetting.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/scores.hpp"
#include "ipscore/io/store_lock.hpp"
#include "ipscore/io/table.hpp"
#include "look_for_stop.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <system_error>

namespace ipscore::stages {

namespace {

namespace fs = std::filesystem;

/// Makes the addresses count nowhere in the store, now and in days to come.
void forget_in_manifest(const io::Store& store, const NetworkSet& addresses, const StopFlag& stop,
                        ForgetReport& report) {
    store.publish([&](io::Manifest& newest) {
        const NetworkSet before = newest.forgotten;
        newest.forgotten.add(addresses.networks());
        report.rows = report.segments = 0;
        for (io::SegmentInfo& segment : newest.segments) {
            look_for_stop(stop);
            report.rows += forget_in_segment(store.segment_path(segment.id), addresses, segment);
            if (!segment.filter.forgotten.empty()) ++report.segments;
        }
        return report.rows > 0 || newest.forgotten != before;
    });
}

std::vector<fs::path> files_in(const fs::path& directory) {
    std::vector<fs::path> files;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory, none)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

void forget_in_rejects_of(const io::Store& store, const NetworkSet& addresses, const StopFlag& stop,
                          ForgetReport& report) {
    for (const fs::path& path : files_in(store.rejects_directory())) {
        look_for_stop(stop);
        // What is not whole yet is of an ingest, which looks into it itself.
        if (!io::is_temporary_name(path)) report.rejects += forget_in_rejects(path, addresses);
    }
}

/// Looks for what is left of the addresses, file by file.
class Check {
public:
    Check(const NetworkSet& addresses, const StopFlag& stop, ForgetReport& report)
        : addresses_(addresses), stop_(stop), report_(report) {}

    void store(const io::Store& store) {
        for (const fs::path& path : files_in(store.path() / "segments")) hdf5(path);
        for (const fs::path& path : files_in(store.rejects_directory())) {
            look_for_stop(stop_);
            ++report_.files_checked;
            const std::uint64_t rows = count_in_rejects(path, addresses_);
            if (rows > 0) left_.push_back(fmt::format("{} ({} bad rows)", path.string(), rows));
        }
    }
    /// A table or scores, whatever lies in it.
    void output(const fs::path& directory) {
        for (const fs::path& path : files_in(directory)) {
            if (path.extension() == ".h5" || io::is_temporary_name(path)) hdf5(path);
        }
        for (const fs::path& path : files_in(directory / io::format::runs_name)) hdf5(path);
    }
    /// Throws InputError where anything was found.
    void conclude() const {
        if (left_.empty()) return;
        constexpr std::size_t shown = 5;
        const auto end = left_.begin() + static_cast<std::ptrdiff_t>(std::min(shown, left_.size()));
        throw InputError(fmt::format("{} files hold addresses that are to be forgotten: {}{}", left_.size(),
                                     fmt::join(left_.begin(), end, ", "),
                                     left_.size() > shown ? ", and more" : ""));
    }

private:
    void hdf5(const fs::path& path) {
        look_for_stop(stop_);
        ++report_.files_checked;
        try {
            const std::uint64_t addresses = count_addresses(path, addresses_);
            if (addresses > 0) left_.push_back(fmt::format("{} ({} addresses)", path.string(), addresses));
        } catch (const InputError&) {
            // It may be damaged, or of a run that is at work or was killed: nobody knows what it holds.
            left_.push_back(fmt::format("{} (cannot be read)", path.string()));
        }
    }

    const NetworkSet& addresses_;
    const StopFlag& stop_;
    ForgetReport& report_;
    std::vector<std::string> left_;
};

} // namespace

ForgetReport forget(const ForgetArgs& args, const StopFlag& stop, RunMonitor& monitor) {
    monitor.write_metrics_to(args.metrics);
    monitor.begin_phase(args.check ? "check" : "forget");
    const io::Store store = io::Store::open(args.store);
    ForgetReport report;
    const NetworkSet addresses = args.networks.empty() ? store.read().forgotten : NetworkSet(args.networks);
    report.networks = addresses.networks().size();
    if (addresses.empty()) {
        throw InputError(
            fmt::format("{}: is to forget no address yet; give --ip or --network", args.store.string()));
    }
    if (args.check) {
        Check check(addresses, stop, report);
        check.store(store);
        for (const fs::path& table : args.tables) check.output(table);
        for (const fs::path& scores : args.scores) check.output(scores);
        check.conclude();
        monitor.end_phases();
        return report;
    }
    // What cannot be rewritten must not be found out half-way.
    for (const fs::path& table : args.tables) (void)io::read_table_index(table, false);
    for (const fs::path& scores : args.scores) (void)io::read_scores_index(scores);
    {
        const io::StoreWriter writer(store); // no file may go meanwhile
        forget_in_manifest(store, addresses, stop, report);
        forget_in_rejects_of(store, addresses, stop, report);
    }
    const auto add = [&](const ForgottenParts& parts) {
        report.parts_rewritten += parts.rewritten;
        report.addresses += parts.addresses;
    };
    for (const fs::path& table : args.tables) add(forget_in_table(table, addresses, stop));
    for (const fs::path& scores : args.scores) add(forget_in_scores(scores, addresses, stop));
    monitor.end_phases();
    return report;
}

} // namespace ipscore::stages
