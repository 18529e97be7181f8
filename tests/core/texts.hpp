// Lists of texts to try, as a test writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipscore {

/// The texts between the bars.
inline std::vector<std::string> split_at_bars(std::string_view texts) {
    std::vector<std::string> parts(1);
    for (const char c : texts) {
        if (c == '|') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

} // namespace ipscore
