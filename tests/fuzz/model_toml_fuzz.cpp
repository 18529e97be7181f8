// A model is read or refused with a line, and what is read survives its JSON form.
#include "fuzz_lib.hpp"
#include "ipscore/io/model_toml.hpp"

#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace ipscore;
    const fuzz::MemoryFile file(fuzz::text_of(data, bytes));
    try {
        const scoring::Model model = io::read_model(file.path(), first_valid_day);
        fuzz::expect(io::model_of_json(io::model_json(model)) == model);
    } catch (const InputError& error) {
        fuzz::expect(std::string_view(error.what()).starts_with(file.path().string()));
    }
    return 0;
}
