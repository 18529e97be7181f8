// Segments for tests, row by row, and what a merge writes, read back.
#pragma once

#include "ipscore/core/address.hpp"
#include "ipscore/core/day.hpp"
#include "ipscore/io/segment.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unistd.h>

namespace ipscore::stages {

/// A fresh directory that goes with its owner; in memory where the system has such a place, since every part
/// is flushed to the disk.
class FreshDirectory {
public:
    FreshDirectory() {
        const std::filesystem::path memory = "/dev/shm";
        const bool usable = ::access(memory.c_str(), W_OK | X_OK) == 0;
        std::string path = (usable ? memory : std::filesystem::temp_directory_path()) / "ipscore-test-XXXXXX";
        if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
        path_ = path;
    }
    FreshDirectory(const FreshDirectory&) = delete;
    FreshDirectory& operator=(const FreshDirectory&) = delete;
    ~FreshDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Hits by (address, key, day).
using SortedRows = std::map<std::tuple<Address, std::string, Day>, std::uint32_t>;

class SegmentFiles : public ::testing::Test {
protected:
    /// A segment of these rows, whose dictionary also holds `more_keys`.
    [[nodiscard]] std::unique_ptr<io::Segment> write_segment(const SortedRows& rows,
                                                             const std::set<std::string>& more_keys = {}) {
        std::map<std::string, std::uint32_t> ids;
        for (const std::string& key : more_keys) ids[key] = 0;
        for (const auto& [row, hits] : rows) ids[std::get<std::string>(row)] = 0;
        const auto path = directory_.path() / ("segment-" + std::to_string(segments_written_++) + ".h5");
        io::SegmentWriter writer(path);
        std::uint32_t next_id = 0;
        for (auto& [key, id] : ids) {
            id = next_id++;
            writer.add_key(key);
        }
        const Address* before = nullptr;
        for (const auto& [row, hits] : rows) {
            const auto& [address, key, day] = row;
            if (before == nullptr || *before != address) writer.begin_address(address);
            before = &address;
            writer.append(ids.at(key), static_cast<std::uint16_t>(day), hits);
        }
        const io::SegmentInfo info = writer.finish();
        EXPECT_EQ(info.rows, rows.size());
        return std::make_unique<io::Segment>(path);
    }

    FreshDirectory directory_;

private:
    int segments_written_ = 0;
};

} // namespace ipscore::stages
