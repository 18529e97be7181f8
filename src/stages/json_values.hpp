// Values of reports as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace ipscore::stages {

template <class Value>
[[nodiscard]] nlohmann::ordered_json or_null(const std::optional<Value>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

} // namespace ipscore::stages
