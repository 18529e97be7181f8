#include "ipscore/core/memory.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace ipscore {

namespace {

/// The number that a file of a cgroup holds; "max", and a file that is not there, are no limit.
std::uint64_t limit_in(const std::filesystem::path& file) {
    constexpr auto none = ~std::uint64_t{0};
    std::ifstream in(file);
    std::string text;
    if (!(in >> text)) return none;
    std::uint64_t limit = none;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), limit);
    return fault == std::errc() && end == text.data() + text.size() ? limit : none;
}

/// The lowest limit of a group and of those that it lies in.
std::uint64_t lowest_limit(const std::filesystem::path& mount, std::filesystem::path group,
                           const char* file) {
    std::uint64_t limit = limit_in(mount / file);
    for (; group.has_relative_path(); group = group.parent_path()) {
        limit = std::min(limit, limit_in(mount / group.relative_path() / file));
    }
    return limit;
}

/// Lines are `number:controllers:group`; version 2 has the number 0 and no controllers.
std::uint64_t cgroup_limit() {
    auto limit = ~std::uint64_t{0};
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::filesystem::path group = line.substr(second + 1);
        if (controllers == ",,") {
            limit = std::min({limit, lowest_limit("/sys/fs/cgroup", group, "memory.max"),
                              lowest_limit("/sys/fs/cgroup/unified", group, "memory.max")});
        } else if (controllers.find(",memory,") != std::string::npos) {
            limit = std::min(limit, lowest_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
        }
    }
    return limit;
}

} // namespace

std::uint64_t peak_memory_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
}

std::uint64_t memory_limit_bytes() {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page_bytes = ::sysconf(_SC_PAGESIZE);
    const std::uint64_t machine = pages > 0 && page_bytes > 0 ? static_cast<std::uint64_t>(pages) *
                                                                    static_cast<std::uint64_t>(page_bytes)
                                                              : 0;
    return machine == 0 ? 0 : std::min(machine, cgroup_limit());
}

void use_large_pages(void* begin, std::uint64_t bytes) noexcept {
    constexpr std::uint64_t worth_it_bytes = 16U << 20U;
    if (bytes < worth_it_bytes) return;
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t into_page = reinterpret_cast<std::uintptr_t>(begin) % page_bytes;
    const std::uint64_t skipped = into_page == 0 ? 0 : page_bytes - into_page;
    // Not every system knows them, and nothing depends on it.
    ::madvise(static_cast<char*>(begin) + skipped, (bytes - skipped) / page_bytes * page_bytes,
              MADV_HUGEPAGE);
}

} // namespace ipscore
