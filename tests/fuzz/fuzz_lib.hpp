// What the fuzz targets share.
#pragma once

#include "ipscore/core/day.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/observations.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ipscore::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t bytes) {
    return {reinterpret_cast<const char*>(data), bytes};
}

/// A property that does not hold is a crash, in every build.
inline void expect(bool holds) {
    if (!holds) std::abort();
}

/// A file in memory: the parsers read files.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view text) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        expect(fd_ >= 0);
        expect(::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { ::close(fd_); }
    [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

struct Row {
    Address address;
    std::string key;
    std::uint16_t day = 0;
    std::uint32_t hits = 0;
    friend bool operator==(const Row&, const Row&) = default;
};
struct Observations {
    std::vector<Row> rows;
    std::vector<std::pair<std::uint64_t, std::string>> rejects; ///< line and reason
    friend bool operator==(const Observations&, const Observations&) = default;
};

inline Observations read(const MemoryFile& file, const io::ObservationForm& form, std::size_t block_bytes) {
    io::ByteSource source(file.path());
    const auto observations = io::open_observations(source, form, block_bytes);
    Observations all;
    io::TextBlock block;
    while (observations->next(block)) {
        const auto parser = observations->parser(block);
        do {
            const io::ObservationBatch batch = parser->next();
            for (std::size_t i = 0; i < batch.address.size(); ++i) {
                all.rows.push_back(
                    {batch.address[i], std::string(batch.keys[batch.key[i]]), batch.day[i], batch.hits[i]});
            }
            for (const io::Reject& reject : batch.rejects)
                all.rejects.emplace_back(reject.line, reject.reason);
        } while (!parser->done());
    }
    return all;
}

/// The first byte chooses the form. Whatever the blocks are, the rows are the same, and every one is in
/// order.
inline void observations_target(io::TextFormat format, std::string_view input) {
    if (input.empty()) return;
    const auto choice = static_cast<unsigned char>(input.front());
    io::ObservationForm form{.format = format, .columns = {}, .time = static_cast<io::TimeForm>(choice % 3)};
    if ((choice & 4U) != 0) form.columns = {.ip = "a", .day = "b", .key = "c", .hits = "d"};
    const MemoryFile file(input.substr(1));
    constexpr std::size_t large_block_bytes = 1U
                                              << 13U; // beyond all inputs; larger ones take longer to clear
    const auto result = [&](std::size_t block_bytes) {
        try {
            return std::pair(read(file, form, block_bytes), std::string());
        } catch (const InputError& error) {
            return std::pair(Observations(), std::string(error.what()));
        }
    };
    const auto whole = result(large_block_bytes);
    expect(result(1 + choice / 8U) == whole);
    for (const Row& row : whole.first.rows) {
        expect(!row.key.empty() && row.key.size() <= 1024 && row.hits > 0);
        expect(row.day >= first_valid_day && row.day <= last_valid_day);
    }
    for (const auto& [line, reason] : whole.first.rejects) expect(line > 0 && !reason.empty());
}

} // namespace ipscore::fuzz
