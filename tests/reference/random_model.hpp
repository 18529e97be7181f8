#pragma once

#include "random_source.hpp"
#include "reference_text.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ipscore::reference {

/// A model as TOML lines, and what the other inputs have to know of it to be near its borders.
struct RandomModel {
    Day as_of{};
    std::optional<std::string> command_line_as_of;
    int lookback_days = 0;
    int recent_days = 0;
    std::vector<int> tag_lookbacks;
    std::vector<std::string> tags;
    std::vector<std::string> lines; ///< the names before the first table
    std::string tag_tables;

    std::string toml(const std::string& min_score_line, const std::string& confident_table) const;
};

RandomModel random_model(Random& random, std::size_t most_tags);

} // namespace ipscore::reference
