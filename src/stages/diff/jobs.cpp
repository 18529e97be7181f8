#include "jobs.hpp"

#include "ipscore/io/format.hpp"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace ipscore::stages::diffing {

namespace {

using Json = nlohmann::ordered_json;
using Values = std::map<std::string, std::string>;

/// All values of a JSON text by their path: `model.tags.finance.half_life_days`.
void flatten(const Json& json, const std::string& name, Values& values) {
    if (json.is_object() && !json.empty()) {
        const std::string above = name.empty() ? name : name + ".";
        for (const auto& [member, value] : json.items()) flatten(value, above + member, values);
    } else {
        values[name] = json.is_string() ? json.get<std::string>() : json.dump();
    }
}

/// What a job was given: its identity, and the version. What is said besides tells which files the hashes of
/// the identity belong to.
struct GivenValues {
    Values values;
    Json about;

    /// For people; empty where there is no such value.
    [[nodiscard]] std::string text(const std::string& name) const {
        const auto value = values.find(name);
        if (value == values.end()) return {};
        const auto input = about.find(name);
        if (input == about.end()) return value->second;
        const Json& path = input->is_object() && input->contains("path") ? input->at("path") : *input;
        if (!path.is_string() || path == value->second) return value->second;
        return path.get<std::string>() + ", content " + value->second;
    }
};

std::optional<GivenValues> read_job(const std::filesystem::path& directory) {
    std::ifstream file(directory / io::format::job_name);
    if (!file) return std::nullopt;
    const Json job = Json::parse(file, nullptr, false);
    if (!job.is_object() || !job.contains("identity")) return std::nullopt;
    GivenValues given;
    flatten(job.at("identity"), "", given.values);
    given.about = job.value("about", Json::object());
    if (given.about.contains("version")) flatten(given.about.at("version"), "version", given.values);
    return given;
}

} // namespace

std::optional<std::vector<InputDifference>> compare_jobs(const std::filesystem::path& before,
                                                         const std::filesystem::path& now) {
    const auto given_before = read_job(before);
    const auto given_now = read_job(now);
    if (!given_before || !given_now) return std::nullopt;
    std::set<std::string> names;
    for (const auto* given : {&*given_before, &*given_now}) {
        for (const auto& [name, value] : given->values) names.insert(name);
    }
    std::vector<InputDifference> differences;
    for (const std::string& name : names) {
        const auto before_value = given_before->values.find(name);
        const auto now_value = given_now->values.find(name);
        const bool in_both =
            before_value != given_before->values.end() && now_value != given_now->values.end();
        if (in_both && before_value->second == now_value->second) continue;
        differences.push_back({name, given_before->text(name), given_now->text(name)});
    }
    return differences;
}

} // namespace ipscore::stages::diffing
