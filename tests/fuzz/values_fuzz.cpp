// Addresses, networks, days, hits and decimals: what is written reads back.
#include "fuzz_lib.hpp"
#include "ipscore/core/decimal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace ipscore;
    // A copy of its own, so that a read beyond its end is seen.
    const std::vector<char> exact(data, data + bytes);
    const std::string_view text(exact.data(), exact.size());
    if (const auto address = parse_address(text)) fuzz::expect(parse_address(to_string(*address)) == address);
    const ParsedNetwork network = parse_network(text);
    if (network.fault == NetworkFault::none)
        fuzz::expect(parse_network(to_string(network.network)).network == network.network);
    for (const ParsedDay& parsed :
         {parse_date(text), parse_date_or_timestamp(text), parse_epoch(text, 1), parse_epoch(text, 1000)}) {
        if (parsed.fault != DayFault::none) continue;
        fuzz::expect(parsed.day >= first_valid_day && parsed.day <= last_valid_day);
        fuzz::expect(parse_date(date_text(parsed.day)).day == parsed.day);
    }
    if (const auto hits = parse_hits(text))
        fuzz::expect(*hits > 0 && parse_hits(std::to_string(*hits)) == hits);
    const ParsedMillionths share = parse_millionths(text);
    if (share.fault == DecimalFault::none) fuzz::expect(share.value > 0 && share.value <= one_in_millionths);
    if (const auto names = io::parse_column_names(text)) fuzz::expect(io::fault_of(*names).empty());
    return 0;
}
