#include "ipscore/cli/readers.hpp"

#include "ipscore/cli/quantity.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace ipscore::cli {

namespace {

constexpr int threads_max = 1024;

template <class Field>
Reader quantity_reader(Field& field, Field lowest, Field highest) {
    return [&field, lowest, highest](const std::string& value) -> std::optional<std::string> {
        const auto quantity = parse_quantity(value);
        if (quantity && *quantity >= static_cast<std::uint64_t>(lowest) &&
            *quantity <= static_cast<std::uint64_t>(highest)) {
            field = static_cast<Field>(*quantity);
            return std::nullopt;
        }
        constexpr std::uint64_t without_suffix = 10'000; // up to here, k and M would only confuse
        const auto most = static_cast<std::uint64_t>(highest);
        if (lowest == 0 && most == unbounded) return "a whole number, such as 100, 100k, 8.4M or 1G";
        if (most <= without_suffix) return fmt::format("a whole number from {} to {}", lowest, highest);
        return fmt::format("a whole number from {} to {}, such as 100, 100k or 8.4M", lowest, highest);
    };
}

template <class Field>
Reader decimal_reader(Field& field, int lowest, int highest) {
    return [&field, lowest, highest](const std::string& value) -> std::optional<std::string> {
        const auto decimal = parse_decimal(value);
        if (!decimal || *decimal < lowest || *decimal > highest)
            return fmt::format("a number from {} to {}", lowest, highest);
        field = *decimal;
        return std::nullopt;
    };
}

template <class Field>
Reader day_reader(Field& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        const ParsedDay parsed = parse_date(value);
        switch (parsed.fault) {
        case DayFault::none:
            field = parsed.day;
            return std::nullopt;
        case DayFault::not_a_day:
            return "a day as YYYY-MM-DD";
        case DayFault::out_of_range:
            break;
        }
        return fmt::format("a day from {} to {}", date_text(first_valid_day), date_text(last_valid_day));
    };
}

std::optional<stages::LogFormat> format_named(std::string_view name) {
    if (name == "text") return stages::LogFormat::text;
    if (name == "logfmt") return stages::LogFormat::logfmt;
    if (name == "json") return stages::LogFormat::json;
    return std::nullopt;
}

} // namespace

Reader path_into(std::filesystem::path& field) {
    return [&field](const std::string& value) {
        field = value;
        return std::nullopt;
    };
}

Reader paths_into(std::vector<std::filesystem::path>& field) {
    return [&field](const std::string& value) {
        field.emplace_back(value);
        return std::nullopt;
    };
}

Reader text_into(std::string& field) {
    return [&field](const std::string& value) {
        field = value;
        return std::nullopt;
    };
}

Reader texts_into(std::vector<std::string>& field) {
    return [&field](const std::string& value) {
        field.push_back(value);
        return std::nullopt;
    };
}

Reader quantity_into(std::uint64_t& field, std::uint64_t lowest, std::uint64_t highest) {
    return quantity_reader(field, lowest, highest);
}

Reader quantity_into(std::uint32_t& field, std::uint32_t lowest, std::uint32_t highest) {
    return quantity_reader(field, lowest, highest);
}

Reader quantity_into(int& field, int lowest, int highest) { return quantity_reader(field, lowest, highest); }

Reader quantity_into(std::optional<int>& field, int lowest, int highest) {
    return [&field, lowest, highest](const std::string& value) {
        int quantity = 0;
        auto expected = quantity_reader(quantity, lowest, highest)(value);
        if (!expected) field = quantity;
        return expected;
    };
}

Reader decimal_into(double& field, int lowest, int highest) { return decimal_reader(field, lowest, highest); }

Reader decimal_into(std::optional<double>& field, int lowest, int highest) {
    return decimal_reader(field, lowest, highest);
}

Reader day_into(Day& field) { return day_reader(field); }
Reader day_into(std::optional<Day>& field) { return day_reader(field); }

Reader networks_into(std::vector<Network>& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        constexpr std::uint8_t address_bits = 128;
        if (const auto address = parse_address(value)) {
            field.push_back({*address, address_bits});
            return std::nullopt;
        }
        const ParsedNetwork parsed = parse_network(value);
        switch (parsed.fault) {
        case NetworkFault::none:
            field.push_back(parsed.network);
            return std::nullopt;
        case NetworkFault::not_a_network:
            break;
        case NetworkFault::host_bits_set:
            return fmt::format("a network without host bits, such as {}", to_string(parsed.network));
        }
        return "an address or a network, such as 192.0.2.7, 198.51.100.0/24 or 2001:db8::/32";
    };
}

Reader memory_into(std::uint64_t& field) {
    return [&field](const std::string& value) -> std::optional<std::string> {
        const auto bytes = parse_size(value);
        if (!bytes || *bytes == 0) return "a size such as 512MiB or 2GiB";
        field = *bytes;
        return std::nullopt;
    };
}

Reader log_format_reader() {
    return [](const std::string& value) -> std::optional<std::string> {
        if (format_named(value)) return std::nullopt;
        return "text, logfmt or json";
    };
}

stages::LogFormat log_format_of(const Words& words) {
    constexpr std::string_view option = "--log-format";
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        std::optional<stages::LogFormat> format;
        if (words[i] == option && i + 1 < words.size()) {
            format = format_named(words[i + 1]);
        } else if (words[i].starts_with(option) && words[i].substr(option.size()).starts_with('=')) {
            format = format_named(words[i].substr(option.size() + 1));
        }
        if (format) return *format;
    }
    return ::isatty(STDERR_FILENO) == 1 ? stages::LogFormat::text : stages::LogFormat::logfmt;
}

Reader threads_into(int& field) { return quantity_into(field, 1, threads_max); }

} // namespace ipscore::cli
