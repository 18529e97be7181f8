#include "ipscore/io/format.hpp"

#include <fmt/format.h>

namespace ipscore::io::format {

std::string part_name(std::uint64_t part) { return fmt::format("part-{:05}.h5", part); }

} // namespace ipscore::io::format
