// What a process has used of memory, and what it may use. tests/cli/memory_test.py looks from inside a
// cgroup.
#include "ipscore/core/memory.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace ipscore {
namespace {

TEST(Memory, peak_is_what_was_touched) {
    constexpr std::size_t bytes = 64U << 20U;
    const std::uint64_t before = peak_memory_bytes();
    EXPECT_GT(before, 0U);
    {
        std::vector<char> block(bytes);
        std::memset(block.data(), 1, block.size());
        EXPECT_EQ(block[bytes / 2], 1);
    }
    const std::uint64_t after = peak_memory_bytes();
    EXPECT_GE(after, before + bytes / 2) << "the peak stays when the block has gone";
}

TEST(Memory, limit_is_at_most_what_the_machine_has) {
    std::ifstream meminfo("/proc/meminfo");
    std::string name;
    std::uint64_t kib = 0;
    ASSERT_TRUE(meminfo >> name >> kib);
    ASSERT_EQ(name, "MemTotal:");
    const std::uint64_t limit = memory_limit_bytes();
    EXPECT_GT(limit, 0U);
    EXPECT_LE(limit, kib * 1024);
}

} // namespace
} // namespace ipscore
