// What prepare and score take, predicted from runs that were measured.
//
// Each phase grows with something: the work that run.json lets us count. Most is done by all cores of all
// nodes part by part, some of it by each node however many cores it has (the page cache), and the rest by
// rank 0 alone. docs/scale.md has the figures that these laws were found by.
#pragma once

#include "measured_run.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ipscore::stages::planning {

/// What the job is on.
struct Work {
    double observations = 0; ///< read by prepare, and by score
    double score_rows = 0;
    double inputs = 1;
    double input_keys = 0;
    double parts = 1;
    double store_bytes = 0;
    double table_bytes = 0;
    double scores_bytes = 0;
    double evidence_rows = 0; ///< of companies, of all parts
    double company_rows = 0;
};

/// What it runs on: a rank a node.
struct Cluster {
    double nodes = 1;
    double cores = 1; ///< of each
    double core_speed = 1;
    double bytes_per_second = 0; ///< of the file system that all share; 0: no limit
};

struct Prediction {
    double seconds = 0; ///< from the start of mpirun to its end
    double alone_seconds =
        0; ///< of these, what no further node makes shorter: the start, and what rank 0 does alone
    double last_seconds = 0;    ///< and what workers wait for the last parts
    double storage_seconds = 0; ///< and what the shared file system takes where that is slower than the nodes
};

class CostModel {
public:
    /// Of runs of one verb, at least one. The more numbers of threads they have between them, the better it
    /// tells what a node with more cores brings.
    explicit CostModel(const std::vector<MeasuredRun>& runs);

    [[nodiscard]] Prediction predict(const Work& work, const Cluster& cluster) const;

    /// What a unit of the work of a phase takes.
    struct Cost {
        double core_seconds = 0; ///< divided by all cores
        double node_seconds = 0; ///< divided by the nodes, whatever their cores
    };

private:
    std::string verb_;
    double rows_per_observation_;
    std::map<std::size_t, Cost> costs_; ///< by law
};

/// Rows of company evidence of so many observations: no part has more of them than there are companies times
/// tags.
[[nodiscard]] double evidence_rows_for(const MeasuredRun& score, double observations, double parts);

/// Rows of scores of so many observations and addresses: an address has a row for each tag that any of its
/// observations brings it, and the more it has, the more of them bring none that is new.
[[nodiscard]] double score_rows_for(const MeasuredRun& score, double observations, double addresses);

} // namespace ipscore::stages::planning
