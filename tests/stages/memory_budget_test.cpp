// How a budget is divided, and what is said of one that is too small.
#include "ipscore/stages/memory_budget.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/core/memory.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ipscore::stages {
namespace {

std::string refusal_of(const MemoryBudget& budget) {
    try {
        budget.check();
    } catch (const InputError& error) {
        return error.what();
    }
    return "nothing thrown";
}

TEST(MemoryBudget, leaves_what_nobody_needs) {
    MemoryBudget budget(100 * mebibyte);
    EXPECT_EQ(budget.bytes(), 100 * mebibyte);
    EXPECT_EQ(budget.left_bytes(), 100 * mebibyte);
    budget.need("tables", 60 * mebibyte);
    budget.need("chairs", 30 * mebibyte);
    EXPECT_EQ(budget.left_bytes(), 10 * mebibyte);
    budget.release("tables");
    EXPECT_EQ(budget.left_bytes(), 70 * mebibyte);
    budget.release("what it does not know");
    EXPECT_EQ(budget.left_bytes(), 70 * mebibyte);
    budget.need("chairs", 70 * mebibyte);
    EXPECT_EQ(budget.left_bytes(), 0U);
    EXPECT_TRUE(budget.fits());
    EXPECT_EQ(refusal_of(budget), "nothing thrown");
    budget.release("chairs"); // both of them
    EXPECT_EQ(budget.left_bytes(), 100 * mebibyte);
}

TEST(MemoryBudget, names_the_least_of_all_needs_once_they_are_known) {
    MemoryBudget budget(10 * mebibyte);
    budget.need("tables", 11 * mebibyte);
    EXPECT_FALSE(budget.fits());
    EXPECT_EQ(budget.left_bytes(), 0U);
    budget.need("chairs", 1536 * kibibyte);
    EXPECT_EQ(refusal_of(budget),
              "--memory 10.0 MiB is too little, 13MiB is the least that would do (tables 11.0 MiB, chairs "
              "1.5 MiB)");
    MemoryBudget enough(13 * mebibyte);
    enough.need("tables", 11 * mebibyte);
    enough.need("chairs", 1536 * kibibyte);
    EXPECT_EQ(refusal_of(enough), "nothing thrown");
}

TEST(MemoryBudget, counts_needs_of_different_times_apart) {
    MemoryBudget budget(10 * mebibyte);
    budget.need("reading", 9 * mebibyte);
    budget.release("reading");
    budget.need("writing", 10 * mebibyte);
    EXPECT_TRUE(budget.fits());
    budget.release("writing");
    budget.need("sorting", 8 * mebibyte);
    budget.need("a spare", 4 * mebibyte);
    budget.release("sorting");
    EXPECT_EQ(budget.left_bytes(), 6 * mebibyte);
    EXPECT_FALSE(budget.fits()) << "it was too little for a while";
    EXPECT_EQ(refusal_of(budget),
              "--memory 10.0 MiB is too little, 12MiB is the least that would do (sorting 8.0 MiB, a spare "
              "4.0 MiB)");
}

TEST(MemoryBudget, has_room_for_so_many_workers) {
    MemoryBudget budget(100 * mebibyte);
    budget.need("the program", 40 * mebibyte);
    EXPECT_EQ(budget.workers(8, 25 * mebibyte), 2);
    EXPECT_EQ(budget.left_bytes(), 10 * mebibyte);
    MemoryBudget large(100 * mebibyte);
    EXPECT_EQ(large.workers(3, mebibyte), 3);
    EXPECT_EQ(large.left_bytes(), 97 * mebibyte);
    MemoryBudget exact(40 * mebibyte);
    EXPECT_EQ(exact.workers(9, 10 * mebibyte), 4);
    EXPECT_EQ(exact.left_bytes(), 0U);
}

TEST(MemoryBudget, has_room_for_one_worker_or_none_of_the_work) {
    MemoryBudget budget(20 * mebibyte);
    budget.need("the program", 15 * mebibyte);
    try {
        (void)budget.workers(4, 6 * mebibyte);
        ADD_FAILURE() << "nothing thrown";
    } catch (const InputError& error) {
        EXPECT_STREQ(
            error.what(),
            "--memory 20.0 MiB is too little, 21MiB is the least that would do (the program 15.0 MiB, "
            "1 thread 6.0 MiB)");
    }
}

TEST(MemoryBudget, is_three_quarters_of_what_there_is_where_nothing_is_said) {
    const std::uint64_t limit = memory_limit_bytes();
    ASSERT_GT(limit, 0U);
    EXPECT_EQ(default_memory_bytes(1), limit / 4 * 3);
    EXPECT_EQ(default_memory_bytes(7), limit / 4 * 3 / 7);
    EXPECT_EQ(default_memory_bytes(0), limit / 4 * 3);

    mpi::World world;
    EXPECT_EQ(memory_budget(world, 0).bytes(), limit / 4 * 3);
    const MemoryBudget given = memory_budget(world, 500 * mebibyte);
    EXPECT_EQ(given.bytes(), 500 * mebibyte);
    EXPECT_LT(given.left_bytes(), 500 * mebibyte) << "the program itself takes some";
    EXPECT_FALSE(memory_budget(world, 1).fits());
}

} // namespace
} // namespace ipscore::stages
