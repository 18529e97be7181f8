// Feeds are read or refused with a line; of what is read, every column has a name of its own.
#include "fuzz_lib.hpp"
#include "ipscore/io/feeds_toml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace ipscore;
    const fuzz::MemoryFile file(fuzz::text_of(data, bytes));
    try {
        const io::Feeds feeds(file.path());
        fuzz::expect(!feeds.feeds().empty());
        for (const io::Feed& feed : feeds.feeds()) fuzz::expect(io::fault_of(feed.columns).empty());
        try {
            (void)feeds.feed_of("acme-1.csv");
        } catch (const InputError&) { // none, or two
        }
    } catch (const InputError& error) {
        fuzz::expect(std::string_view(error.what()).starts_with(file.path().string()));
    }
    return 0;
}
