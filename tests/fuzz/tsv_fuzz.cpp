#include "fuzz_lib.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace ipscore;
    fuzz::observations_target(io::TextFormat::tsv, fuzz::text_of(data, bytes));
    return 0;
}
