// JSON as the text of a file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ipscore::io {

/// Indented, with a line end behind it. Bytes that are no UTF-8, as a file's name may have, are replaced.
[[nodiscard]] inline std::string json_text(const nlohmann::ordered_json& json) {
    return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace ipscore::io
