#include "ipscore/comparing/difference.hpp"

#include "ipscore/comparing/rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace ipscore::comparing {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Difference measured(double absolute, double largest, const Tolerance& tolerance) noexcept {
    Difference difference;
    difference.is_measured = true;
    difference.absolute = absolute;
    difference.relative = std::isinf(absolute) ? infinity : absolute / largest;
    difference.within_tolerance = !std::isinf(absolute) && (absolute <= tolerance.absolute ||
                                                            difference.relative <= tolerance.relative);
    return difference;
}

std::optional<Difference> difference_of_counts(std::uint64_t before, std::uint64_t now,
                                               const Tolerance& tolerance) noexcept {
    if (before == now) return std::nullopt;
    const auto [low, high] = std::minmax(before, now);
    return measured(static_cast<double>(high - low), static_cast<double>(high), tolerance);
}

std::optional<Difference> difference_of_numbers(double before, double now,
                                                const Tolerance& tolerance) noexcept {
    if (before == now || (std::isnan(before) && std::isnan(now))) return std::nullopt;
    if (std::isnan(before) || std::isnan(now)) return Difference{};
    // Of two of the largest numbers the difference may be too large.
    return measured(std::abs(now - before), std::max(std::abs(before), std::abs(now)), tolerance);
}

template <class T>
std::optional<T> read_number(std::string_view text) noexcept {
    T number{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<Difference> difference_of_texts(std::string_view before, std::string_view now,
                                              const Tolerance& tolerance) noexcept {
    if (before == now) return std::nullopt;
    // Whole numbers as such: f64 does not hold the large ones.
    const auto count_before = read_number<std::uint64_t>(before);
    const auto count_now = read_number<std::uint64_t>(now);
    if (count_before && count_now) return difference_of_counts(*count_before, *count_now, tolerance);
    const auto number_before = read_number<double>(before);
    const auto number_now = read_number<double>(now);
    if (number_before && number_now) return difference_of_numbers(*number_before, *number_now, tolerance);
    return Difference{};
}

} // namespace

std::optional<Difference> difference_of(ValueKind kind, const Cell& before, const Cell& now,
                                        const Tolerance& tolerance) noexcept {
    if (before.is_missing || now.is_missing) {
        if (before.is_missing && now.is_missing) return std::nullopt;
        return Difference{};
    }
    switch (kind) {
    case ValueKind::count:
        return difference_of_counts(before.value, now.value, tolerance);
    case ValueKind::number:
        return difference_of_numbers(number_of(before.value), number_of(now.value), tolerance);
    case ValueKind::day: {
        if (before.value == now.value) return std::nullopt;
        // How large a day is says nothing: only a distance in days is allowed.
        Difference difference =
            measured(std::abs(static_cast<double>(day_of(now.value)) - day_of(before.value)), infinity,
                     {tolerance.absolute, -1});
        return difference;
    }
    case ValueKind::flag:
    case ValueKind::name:
        if (before.value == now.value) return std::nullopt;
        return Difference{};
    case ValueKind::text:
        return difference_of_texts(before.text, now.text, tolerance);
    }
    return std::nullopt;
}

} // namespace ipscore::comparing
