// reference_score: the reference as a program, so that black-box tests can compare files.

#include "reference_scorer.hpp"

#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace {

using ipscore::reference::Inputs;
using ipscore::reference::Outputs;

constexpr const char* usage =
    "usage: reference_score --observations FILE [--observations FILE...] --classification FILE\n"
    "                       --companies FILE --model FILE [--as-of YYYY-MM-DD]\n"
    "                       --scores OUT --companies-out OUT --observations-out OUT\n";

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    if (!out.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

void run(const std::vector<std::string>& words) {
    Inputs inputs;
    std::string classification, companies, model, scores_out, companies_out, observations_out;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        if (i + 1 == words.size()) throw std::runtime_error(usage);
        const std::string& name = words[i];
        const std::string& value = words[i + 1];
        if (name == "--observations")
            inputs.observations_csv.push_back(read_file(value));
        else if (name == "--classification")
            classification = value;
        else if (name == "--companies")
            companies = value;
        else if (name == "--model")
            model = value;
        else if (name == "--as-of")
            inputs.as_of = value;
        else if (name == "--scores")
            scores_out = value;
        else if (name == "--companies-out")
            companies_out = value;
        else if (name == "--observations-out")
            observations_out = value;
        else
            throw std::runtime_error(usage);
    }
    for (const auto* path :
         {&classification, &companies, &model, &scores_out, &companies_out, &observations_out}) {
        if (path->empty()) throw std::runtime_error(usage);
    }
    inputs.classification_csv = read_file(classification);
    inputs.companies_csv = read_file(companies);
    inputs.model_toml = read_file(model);
    const Outputs outputs = ipscore::reference::score(inputs);
    write_file(scores_out, outputs.scores_csv);
    write_file(companies_out, outputs.companies_csv);
    write_file(observations_out, outputs.observations_csv);
    std::cerr << "bad rows: " << outputs.bad_rows << '\n';
}

} // namespace

int main(int argc, char** argv) {
    try {
        run({argv + 1, argv + argc});
        return 0;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return 2;
    }
}
