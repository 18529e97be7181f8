// How a loop that has nothing to put away ends on request.
#pragma once

#include "ipscore/core/error.hpp"
#include "ipscore/core/stop.hpp"

namespace ipscore::stages {

/// Throws Interrupted when `stop` was requested.
inline void look_for_stop(const StopFlag& stop) {
    if (stop.requested()) throw Interrupted("stopped on request");
}

} // namespace ipscore::stages
