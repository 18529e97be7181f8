#include "row_columns.hpp"

#include "ipscore/scoring/formula.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace ipscore::scoring {

namespace {

/// static_cast<double>(value), in steps that exist as vector instructions: both halves are exact, and their
/// sum is rounded once.
[[gnu::always_inline]] inline double to_double(std::uint64_t value) noexcept {
    constexpr std::uint64_t bits_of_2_to_52 = 0x4330'0000'0000'0000;
    constexpr std::uint64_t bits_of_2_to_84 = 0x4530'0000'0000'0000;
    constexpr double sum_of_both = 0x1p84 + 0x1p52;
    const double high = std::bit_cast<double>(value >> 32U | bits_of_2_to_84) - sum_of_both;
    return high + std::bit_cast<double>((value & 0xffff'ffffU) | bits_of_2_to_52);
}

/// Pointers that do not alias, for loops that become vector instructions.
template <class T>
using Column = T* __restrict__;

[[gnu::always_inline]] inline void finish(const UnfinishedRows& of, const TagRules& rules,
                                          ScoreBatch& batch) noexcept {
    const std::size_t rows = of.rows;
    const std::size_t at = batch.rows - rows;
    const double recent_days = rules.recent_days;
    const Column<const std::uint64_t> raw = batch.raw.data() + at;
    const Column<const std::uint64_t> recent = of.recent.data();
    const Column<const std::uint64_t> base = of.base.data();
    const Column<const double> saturation_raw = of.saturation_raw.data();
    const Column<const double> base_days = of.base_days.data();
    const Column<float> score = batch.score.data() + at;
    const Column<float> surge = batch.surge.data() + at;
    for (std::size_t i = 0; i < rows; ++i) score[i] = score_of_f64(to_double(raw[i]), saturation_raw[i]);
    for (std::size_t i = 0; i < rows; ++i)
        surge[i] = surge_of_f64(to_double(recent[i]), to_double(base[i]), recent_days, base_days[i]);
    const Day as_of = rules.as_of;
    const Column<const AgeSet> ages = of.days.data();
    const Column<std::uint8_t> days = batch.days.data() + at;
    const Column<Day> first_day = batch.first_day.data() + at;
    const Column<Day> last_day = batch.last_day.data() + at;
    for (std::size_t i = 0; i < rows; ++i) {
        days[i] = static_cast<std::uint8_t>(ages[i].size());
        first_day[i] = as_of - ages[i].oldest();
        last_day[i] = as_of - ages[i].youngest();
    }
    constexpr std::uint64_t u32_max = std::numeric_limits<std::uint32_t>::max();
    const auto min_keys = static_cast<std::uint32_t>(std::min(rules.confident_min_keys, u32_max));
    const auto min_days = static_cast<std::uint32_t>(std::min(rules.confident_min_days, u32_max));
    const float min_score = rules.confident_min_score;
    const Column<const std::uint32_t> keys = batch.keys.data() + at;
    const Column<std::uint8_t> confident = batch.confident.data() + at;
    for (std::size_t i = 0; i < rows; ++i) {
        confident[i] = static_cast<std::uint8_t>(static_cast<unsigned>(score[i] >= min_score) &
                                                 static_cast<unsigned>(keys[i] >= min_keys) &
                                                 static_cast<unsigned>(days[i] >= min_days));
    }
}

using Finish = void (*)(const UnfinishedRows&, const TagRules&, ScoreBatch&) noexcept;

void finish_portable(const UnfinishedRows& of, const TagRules& rules, ScoreBatch& batch) noexcept {
    finish(of, rules, batch);
}

#if defined(__x86_64__)
[[gnu::target("avx2,bmi,bmi2,popcnt")]] void finish_avx2(const UnfinishedRows& of, const TagRules& rules,
                                                         ScoreBatch& batch) noexcept {
    finish(of, rules, batch);
}
#endif

Finish best_finish() noexcept {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
        __builtin_cpu_supports("popcnt"))
        return finish_avx2;
#endif
    return finish_portable;
}

} // namespace

void finish_columns(const UnfinishedRows& unfinished, const TagRules& rules, ScoreBatch& batch,
                    Instructions instructions) noexcept {
    static const Finish best = best_finish();
    (instructions == Instructions::best ? best : finish_portable)(unfinished, rules, batch);
}

} // namespace ipscore::scoring
