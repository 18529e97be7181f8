#include "ipscore/core/host.hpp"

#include <array>
#include <unistd.h>

namespace ipscore {

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "host";
    return name.data();
}

} // namespace ipscore
