#include "measured_run.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>

namespace ipscore::stages::planning {

namespace {

using Json = nlohmann::json;

/// Throws Json::exception.
MeasuredRun from_json(const Json& json) {
    MeasuredRun run;
    run.verb = json.at("verb");
    run.phases_seconds = json.at("phases_seconds").get<std::map<std::string, double>>();
    std::set<std::string> hosts;
    run.ranks = static_cast<double>(json.at("ranks").size());
    run.threads = 0;
    for (const Json& rank : json.at("ranks")) {
        hosts.insert(rank.at("host").get<std::string>());
        run.threads += rank.at("threads").get<double>();
        run.peak_memory_bytes = std::max(run.peak_memory_bytes, rank.at("peak_memory_bytes").get<double>());
    }
    run.nodes = static_cast<double>(hosts.size());
    run.parts = json.at("parts");
    run.keys = json.at("keys");
    const Json& counts = json.at("counts");
    run.bytes_written = counts.at("stored_bytes");
    if (run.verb == "prepare") {
        run.rows_in = counts.at("rows_read");
        run.rows_of_days = run.rows_in - counts.at("rows_outside_days").get<double>();
        run.rows_out = counts.at("rows");
        run.addresses = counts.at("addresses");
        run.inputs = json.at("inputs");
        run.input_keys = json.at("input_keys");
    } else {
        run.rows_in = counts.at("observations").at("read");
        run.rows_out = counts.at("rows").at("written");
        run.addresses = counts.at("addresses").at("read");
        run.tags = json.at("coverage").at("tags");
        run.company_rows = json.at("company_rows");
        run.evidence_rows = counts.at("company_evidence_rows");
    }
    return run;
}

/// Throws std::invalid_argument for numbers that no run can have.
void check(const MeasuredRun& run) {
    constexpr double most = 1e18; // of anything, so that sums and products stay numbers
    const auto can_be = [](double value, double least) { return value >= least && value <= most; };
    bool all_can_be = can_be(run.seconds(), 1e-6);
    for (const auto& phase : run.phases_seconds) all_can_be = all_can_be && can_be(phase.second, 0);
    for (const double count : {run.ranks, run.threads, run.nodes, run.parts, run.keys})
        all_can_be = all_can_be && can_be(count, 1);
    for (const double count :
         {run.rows_in, run.rows_out, run.rows_of_days, run.addresses, run.bytes_written,
          run.peak_memory_bytes, run.inputs, run.input_keys, run.tags, run.evidence_rows, run.company_rows})
        all_can_be = all_can_be && can_be(count, 0);
    if (!all_can_be) throw std::invalid_argument("a number that no run can have");
}

} // namespace

double MeasuredRun::seconds() const noexcept {
    return std::accumulate(phases_seconds.begin(), phases_seconds.end(), 0.0,
                           [](double sum, const auto& phase) { return sum + phase.second; });
}

MeasuredRun read_measured_run(const std::filesystem::path& path) {
    std::error_code none;
    const auto file = std::filesystem::is_directory(path, none) ? path / io::format::run_name : path;
    const std::string text = io::read_file(file);
    try {
        const Json json = Json::parse(text);
        const std::string verb = json.at("verb");
        if (verb != "prepare" && verb != "score")
            throw InputError(
                fmt::format("{}: is of {}; plan goes by runs of prepare and score", file.string(), verb));
        if (json.at("parts_already_there") != 0)
            throw InputError(
                fmt::format("{}: is of a run that found some of its parts there already, so that its "
                            "seconds tell nothing; take one that made them all",
                            file.string()));
        MeasuredRun run = from_json(json);
        if (run.rows_in < 1 || run.rows_out < 1 || run.addresses < 1)
            throw InputError(fmt::format(
                "{}: is of a run without observations, which tells nothing of others", file.string()));
        check(run);
        run.path = file;
        return run;
    } catch (const InputError&) {
        throw;
    } catch (const std::exception&) {
        throw InputError(fmt::format(
            "{}: is no run.json of this version's prepare or score; make one with it", file.string()));
    }
}

} // namespace ipscore::stages::planning
