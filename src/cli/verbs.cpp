#include "ipscore/cli/verbs.hpp"

namespace ipscore::cli {

// Each in its own file.
Verb generate_verb();
Verb ingest_verb();
Verb compact_verb();
Verb prune_verb();
Verb forget_verb();
Verb prepare_verb();
Verb score_verb();
Verb export_verb();
Verb diff_verb();
Verb explain_verb();
Verb status_verb();
Verb inspect_verb();
Verb plan_verb();

std::vector<Verb> all_verbs() {
    return {generate_verb(), ingest_verb(),  prepare_verb(), score_verb(),   export_verb(),
            diff_verb(),     explain_verb(), status_verb(),  inspect_verb(), plan_verb(),
            compact_verb(),  prune_verb(),   forget_verb()};
}

} // namespace ipscore::cli
