// Comparing two sides row by row, as `diff` does with text and with rows that lie differently: the same rows,
// and some that differ.
#include "ipscore/comparing/differences.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ipscore::comparing {
namespace {

constexpr std::uint32_t addresses = 20'000;
constexpr std::uint32_t tags = 20;

/// Score rows in blocks, made beforehand; every `differing`th row has other values (0: none).
std::vector<RowBlock> blocks_of(NameTable& names, std::uint32_t differing) {
    std::vector<RowBlock> blocks;
    std::uint32_t row = 0;
    for (std::uint32_t address = 0; address < addresses; ++address) {
        if (address % 50 == 0) blocks.emplace_back(scores_schema());
        RowBlock& block = blocks.back();
        for (std::uint32_t tag = 0; tag < tags; ++tag, ++row) {
            const std::string name = "tag " + std::to_string(100 + tag);
            block.add_key(address_of_ipv4(address * 7));
            block.add_key(std::string_view(name));
            block.add_name(names.insert(name));
            const bool differs = differing != 0 && row % differing == 0;
            for (std::size_t value = 0; value < scores_schema().values.size(); ++value) {
                const ValueKind kind = scores_schema().values[value].kind;
                if (kind == ValueKind::name) {
                    block.add_value(names.insert("a company"));
                } else if (kind == ValueKind::number) {
                    block.add_value(value_of(static_cast<float>(tag) + (differs ? 0.25F : 0.0F)));
                } else {
                    block.add_value(kind == ValueKind::flag ? 0 : address + tag);
                }
            }
            block.end_row();
        }
    }
    return blocks;
}

class Blocks final : public RowSource {
public:
    explicit Blocks(const std::vector<RowBlock>& blocks) : blocks_(blocks) {}
    bool next(RowBlock& block) override {
        if (next_ == blocks_.size()) return false;
        block = blocks_[next_++];
        return true;
    }

private:
    const std::vector<RowBlock>& blocks_;
    std::size_t next_ = 0;
};

void rows_are_compared(benchmark::State& state) {
    NameTable names(1U << 26U);
    const std::vector<RowBlock> before = blocks_of(names, 0);
    const std::vector<RowBlock> now = blocks_of(names, static_cast<std::uint32_t>(state.range(0)));
    const Terms terms{scores_schema(), &names, std::vector<Tolerance>(scores_schema().values.size()), 10};
    for (auto _ : state) {
        Differences found(terms);
        Blocks old_side(before);
        Blocks new_side(now);
        compare_rows(old_side, new_side, terms.schema, found);
        benchmark::DoNotOptimize(found.counts());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(addresses) * tags);
}

BENCHMARK(rows_are_compared)
    ->Arg(0)
    ->Arg(100)
    ->Arg(1)
    ->ArgName("differing_one_in")
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace ipscore::comparing

BENCHMARK_MAIN();
