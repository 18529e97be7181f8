// The program `ipscore`. What it does is in stages/, and how a verb reads its words is in cli/.
#include "ipscore/cli/run.hpp"

int main(int argc, char** argv) {
    char** const begin = argc > 0 ? argv + 1 : argv;
    return ipscore::cli::run({begin, argv + argc});
}
