#include "cost_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace ipscore::stages::planning {

namespace {

using Cost = CostModel::Cost;

enum class Unit {
    once,        ///< the same whatever the size: classification, companies and model are as they were
    input_keys,  ///< keys of the dictionaries that are merged
    merged_rows, ///< rows, as often as they are compared
    scored_rows, ///< observations and the rows that are made of them
    observations,
    evidence_rows,
    company_rows,
    bytes,
    parts,
};

enum class Spread {
    cores,   ///< over the cores of all nodes
    nodes,   ///< over the nodes
    doubles, ///< once, and once more for each doubling of the ranks: a message goes from one to the other in
             ///< a tree
    nobody,  ///< rank 0 does it
};

struct Law {
    std::string_view verb;
    std::string_view phase;
    Unit unit;
    Spread spread;
};

// Phases that are not here take next to nothing. The ranks keep company evidence in memory, as nodes have
// room for: where they do not, it is read back, which takes longer (docs/scale.md, "More ranks").
constexpr std::array laws{
    Law{"prepare", "check", Unit::once, Spread::nobody},
    Law{"prepare", "broadcast", Unit::once, Spread::doubles},
    Law{"prepare", "merge-levels", Unit::observations, Spread::cores},
    Law{"prepare", "dictionary", Unit::input_keys, Spread::nobody},
    Law{"prepare", "merge", Unit::merged_rows, Spread::cores},
    Law{"prepare", "flush", Unit::bytes, Spread::nodes},
    Law{"prepare", "index", Unit::parts, Spread::nobody},
    Law{"score", "check", Unit::once, Spread::nobody},
    Law{"score", "broadcast", Unit::once, Spread::doubles},
    Law{"score", "score", Unit::scored_rows, Spread::cores},
    Law{"score", "flush", Unit::bytes, Spread::nodes},
    Law{"score", "companies", Unit::evidence_rows, Spread::cores},
    Law{"score", "index", Unit::company_rows, Spread::nobody},
};

bool makes_parts(const Law& law) { return law.unit == Unit::merged_rows || law.unit == Unit::scored_rows; }

// Launching mpirun and its ranks, and ending them (docs/performance.md, "Starting ranks").
constexpr double start_seconds = 0.15;
constexpr double start_seconds_a_rank = 0.03;

// Of the time of a part, so much goes with the rows that it writes: making and encoding them and the evidence
// of companies. The rest goes with the observations that it reads: decoding, and adding up (docs/scale.md,
// "More ranks").
constexpr double written_of_score = 0.7;

/// A tree of k segments compares each row log2(k) times; reading and writing it costs as much as one
/// comparison.
double merge_depth(double inputs) { return 1 + std::log2(std::max(inputs, 1.0)); }

double units(Unit unit, const Work& work, double bytes_written, double rows_per_observation) {
    switch (unit) {
    case Unit::once:
        return 1;
    case Unit::input_keys:
        return work.input_keys;
    case Unit::merged_rows:
        return work.observations * merge_depth(work.inputs);
    case Unit::scored_rows:
        // In observations of the runs.
        return work.observations * (1 - written_of_score) +
               written_of_score * work.score_rows / rows_per_observation;
    case Unit::observations:
        return work.observations;
    case Unit::evidence_rows:
        return work.evidence_rows;
    case Unit::company_rows:
        return work.company_rows;
    case Unit::bytes:
        return bytes_written;
    case Unit::parts:
        return work.parts;
    }
    return 1;
}

/// What is not divided evenly: workers take whole parts, and at the end most of them wait for the last ones.
double share_of_a_core(double workers, double parts) {
    if (workers <= 1) return 1;
    constexpr double of_the_last_part = 0.5;
    return std::max(1 / parts, 1 / workers + of_the_last_part / parts);
}

/// How much of one unit of work is on the way from the beginning to the end.
struct Share {
    double of_core_seconds = 1;
    double of_node_seconds = 0;
};

struct Layout {
    double nodes = 1;
    double ranks = 1;
    double threads = 1; ///< of all ranks
};

Share share(Spread spread, const Layout& layout, double parts) {
    switch (spread) {
    case Spread::cores:
        return {share_of_a_core(layout.threads, parts), 1 / layout.nodes};
    case Spread::nodes:
        return {0, 1 / layout.nodes};
    case Spread::doubles:
        return {1 + std::log2(layout.ranks), 0};
    case Spread::nobody:
        break;
    }
    return {1, 0};
}

/// One measurement of a phase: seconds = core * costs.core_seconds + node * costs.node_seconds.
struct Equation {
    double seconds = 0;
    double core = 0;
    double node = 0;
};

/// Neither below 0, with the least squares of relative errors.
Cost solve(const std::vector<Equation>& equations) {
    double cc = 0;
    double cn = 0;
    double nn = 0;
    double c = 0;
    double n = 0;
    for (const Equation& equation : equations) {
        if (!(equation.seconds > 0)) continue;
        const double core = equation.core / equation.seconds;
        const double node = equation.node / equation.seconds;
        cc += core * core;
        cn += core * node;
        nn += node * node;
        c += core;
        n += node;
    }
    if (cc == 0) return {0, nn > 0 ? n / nn : 0};
    const Cost of_cores_alone{c / cc, 0};
    const double determinant = cc * nn - cn * cn;
    constexpr double independent =
        1e-3; // else all runs had about as many cores, which tells nothing of others
    if (determinant <= independent * cc * nn) return of_cores_alone;
    const Cost cost{(c * nn - n * cn) / determinant, (n * cc - c * cn) / determinant};
    if (cost.node_seconds <= 0) return of_cores_alone;
    if (cost.core_seconds <= 0) return {0, n / nn};
    return cost;
}

Work work_of(const MeasuredRun& run) {
    Work work{.observations = run.rows_in,
              .score_rows = run.rows_out,
              .inputs = run.inputs,
              .input_keys = run.input_keys,
              .parts = run.parts,
              .evidence_rows = run.evidence_rows,
              .company_rows = run.company_rows};
    (run.verb == "prepare" ? work.table_bytes : work.scores_bytes) = run.bytes_written;
    return work;
}

double measured_seconds(const MeasuredRun& run, std::string_view phase) {
    const auto found = run.phases_seconds.find(std::string(phase));
    return found == run.phases_seconds.end() ? 0 : found->second;
}

double bytes_written(std::string_view verb, const Work& work) {
    return verb == "prepare" ? work.table_bytes : work.scores_bytes;
}

/// Bytes read and written while the parts are made.
double bytes_moved(std::string_view verb, const Work& work) {
    if (verb == "score") return work.table_bytes + work.scores_bytes;
    return work.store_bytes + work.table_bytes;
}

/// Of two runs and more, of the largest.
double rows_per_observation(const std::vector<MeasuredRun>& runs) {
    const auto& run = *std::ranges::max_element(runs, {}, &MeasuredRun::rows_in);
    return std::max(run.rows_out, 1.0) / run.rows_in;
}

} // namespace

CostModel::CostModel(const std::vector<MeasuredRun>& runs)
    : verb_(runs.front().verb), rows_per_observation_(rows_per_observation(runs)) {
    for (std::size_t i = 0; i < laws.size(); ++i) {
        const Law& law = laws[i];
        if (law.verb != verb_) continue;
        std::vector<Equation> equations;
        for (const MeasuredRun& run : runs) {
            const Work work = work_of(run);
            const double unit = units(law.unit, work, run.bytes_written, rows_per_observation_);
            const Share part = share(law.spread, {run.nodes, run.ranks, run.threads}, run.parts);
            equations.push_back(
                {measured_seconds(run, law.phase), unit * part.of_core_seconds, unit * part.of_node_seconds});
        }
        costs_[i] = solve(equations);
    }
}

Prediction CostModel::predict(const Work& work, const Cluster& cluster) const {
    Prediction time;
    time.alone_seconds = start_seconds + start_seconds_a_rank * cluster.nodes;
    time.seconds = time.alone_seconds;
    const Layout layout{cluster.nodes, cluster.nodes, cluster.nodes * cluster.cores};
    for (const auto& [i, cost] : costs_) {
        const Law& law = laws[i];
        const Share part = share(law.spread, layout, work.parts);
        const double unit = units(law.unit, work, bytes_written(verb_, work), rows_per_observation_);
        const double core_seconds = unit * cost.core_seconds / cluster.core_speed;
        double phase_seconds =
            core_seconds * part.of_core_seconds + unit * cost.node_seconds * part.of_node_seconds;
        if (law.spread == Spread::nobody || law.spread == Spread::doubles)
            time.alone_seconds += phase_seconds;
        if (law.spread == Spread::cores)
            time.last_seconds += core_seconds * (part.of_core_seconds - 1 / layout.threads);
        if (makes_parts(law) && cluster.bytes_per_second > 0) {
            const double storage_seconds = bytes_moved(verb_, work) / cluster.bytes_per_second;
            if (storage_seconds > phase_seconds) time.storage_seconds = phase_seconds = storage_seconds;
        }
        time.seconds += phase_seconds;
    }
    return time;
}

double evidence_rows_for(const MeasuredRun& score, double observations, double parts) {
    return std::min(score.evidence_rows * observations / score.rows_in, parts * score.company_rows);
}

double score_rows_for(const MeasuredRun& score, double observations, double addresses) {
    // Observations thrown at the tags of an address hit each of them at least once with 1 - exp(-c m / T) of
    // T.
    if (score.tags < 1 || score.rows_out < 1) return 0;
    const double hit = std::min(score.rows_out / score.addresses / score.tags, 1 - 1e-9);
    const double a_observation = -std::log1p(-hit) / (score.rows_in / score.addresses);
    return addresses * score.tags * -std::expm1(-a_observation * observations / addresses);
}

} // namespace ipscore::stages::planning
