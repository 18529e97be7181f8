#include "part_results.hpp"

#include "ipscore/io/durable_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace ipscore::stages {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(std::uint64_t part, const io::PartRecord& record) {
    return {part,
            record.addresses,
            record.rows,
            record.first_address.hi,
            record.first_address.lo,
            record.last_address.hi,
            record.last_address.lo,
            record.checksum};
}

io::PartRecord from_json(const Json& json) {
    io::PartRecord record;
    record.addresses = json.at(1);
    record.rows = json.at(2);
    record.first_address = {json.at(3), json.at(4)};
    record.last_address = {json.at(5), json.at(6)};
    record.checksum = json.at(7);
    return record;
}

} // namespace

PartResults::PartResults(std::uint64_t parts) : parts_(parts), missing_(parts) {
    std::iota(missing_.begin(), missing_.end(), std::uint64_t{0});
}

void PartResults::add(std::uint64_t part, io::PartRecord record, std::filesystem::path path) {
    add_counts(counts_, record.counts);
    record.counts = {};
    records_.emplace_back(part, std::move(record));
    paths_.push_back(std::move(path));
}

void PartResults::add_made(std::uint64_t part, io::PartRecord record, std::filesystem::path path) {
    const std::lock_guard lock(mutex_);
    add(part, std::move(record), std::move(path));
}

void PartResults::add_verified(std::uint64_t part, io::PartRecord record, std::filesystem::path path) {
    const std::lock_guard lock(mutex_);
    add(part, std::move(record), std::move(path));
    ++verified_here_;
}

void PartResults::add_damaged(std::uint64_t part) {
    const std::lock_guard lock(mutex_);
    damaged_.push_back(part);
}

void PartResults::agree_on_missing(mpi::World& world) {
    Json mine{{"present", Json::array()}, {"damaged", damaged_}};
    for (const auto& [part, record] : records_) mine["present"].push_back(part);
    const auto texts = world.gather_texts(mine.dump());
    damaged_.clear();
    if (world.is_root()) {
        std::vector<bool> present(parts_);
        for (const std::string& text : texts) {
            const Json theirs = Json::parse(text);
            for (const Json& part : theirs.at("present")) present.at(part.get<std::uint64_t>()) = true;
            for (const Json& part : theirs.at("damaged")) damaged_.push_back(part);
        }
        std::ranges::sort(damaged_);
        std::erase_if(missing_, [&](std::uint64_t part) { return present[part]; });
    }
    world.broadcast_values(missing_);
}

void PartResults::flush_to_disk(const StopFlag& stop) const {
    for (const auto& path : paths_) {
        if (stop.requested()) return;
        io::sync_to_disk(path);
    }
    if (!paths_.empty()) io::sync_to_disk(paths_.front().parent_path());
}

std::vector<io::PartRecord> PartResults::gather(mpi::World& world, const StopFlag& stop) {
    Json mine{{"stopped", stop.requested()},
              {"verified", verified_here_},
              {"records", Json::array()},
              {"counts", counts_}};
    for (const auto& [part, record] : records_) mine["records"].push_back(to_json(part, record));
    const auto texts = world.gather_texts(mine.dump());
    std::vector<io::PartRecord> records(world.is_root() ? parts_ : 0);
    world.root_decides([&] {
        std::vector<bool> present(parts_);
        parts_verified_ = 0;
        counts_ = {};
        for (const std::string& text : texts) {
            const Json theirs = Json::parse(text);
            if (theirs.at("stopped").get<bool>()) throw Interrupted("stopped on request");
            if (theirs.at("counts").is_object()) add_counts(counts_, theirs.at("counts"));
            parts_verified_ += theirs.at("verified").get<std::uint64_t>();
            for (const Json& json : theirs.at("records")) {
                const auto part = json.at(0).get<std::uint64_t>();
                records.at(part) = from_json(json);
                present.at(part) = true;
            }
        }
        for (std::uint64_t part = 0; part < parts_; ++part) {
            if (!present[part]) throw EnvironmentError(fmt::format("part {} was not made by any rank", part));
        }
    });
    return records;
}

void add_counts(Json& total, const Json& part) {
    if (!total.is_object()) total = Json::object();
    for (const auto& [name, value] : part.items()) {
        if (value.is_object()) {
            add_counts(total[name], value);
        } else {
            total[name] = total.value(name, std::uint64_t{0}) + value.get<std::uint64_t>();
        }
    }
}

} // namespace ipscore::stages
