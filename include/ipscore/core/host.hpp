// The name of this machine, for messages and for names that no other machine chooses.
#pragma once

#include <string>

namespace ipscore {

/// "host" where the system has none.
[[nodiscard]] std::string host_name();

} // namespace ipscore
