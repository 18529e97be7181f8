#include "ipscore/core/memory.hpp"

#include <fstream>
#include <string>

namespace ipscore {

std::uint64_t peak_memory_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
}

} // namespace ipscore
