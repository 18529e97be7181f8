// Rows by hand, and a comparison of them that is so simple that it must be right.
#pragma once

#include "ipscore/comparing/differences.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ipscore::comparing {

/// A row of scores with three of its columns.
struct ScoreLine {
    Address address;
    std::string tag;
    std::string company;
    float score = 0;
    std::uint64_t hits = 0;
};

inline Schema small_schema() {
    return {{{"ip", KeyKind::address}, {"tag", KeyKind::name}},
            {{"company", ValueKind::name}, {"score", ValueKind::number}, {"hits", ValueKind::count}}};
}

inline Terms small_terms(const NameTable& names, std::size_t samples = 3) {
    return {small_schema(), &names, std::vector<Tolerance>(3), samples};
}

/// Gives lines in their order, some at a time.
class LineSource final : public RowSource {
public:
    LineSource(std::vector<ScoreLine> lines, NameTable& names, std::size_t block_rows)
        : lines_(std::move(lines)), names_(names), block_rows_(block_rows) {}
    bool next(RowBlock& block) override {
        block = RowBlock(small_schema());
        for (; next_ < lines_.size() && block.size() < block_rows_; ++next_) {
            const ScoreLine& line = lines_[next_];
            block.add_key(line.address);
            block.add_key(std::string_view(line.tag));
            block.add_name(names_.insert(line.tag));
            block.add_value(names_.insert(line.company));
            block.add_value(value_of(line.score));
            block.add_value(line.hits);
            block.end_row();
        }
        return !block.empty();
    }

private:
    std::vector<ScoreLine> lines_;
    NameTable& names_;
    std::size_t block_rows_;
    std::size_t next_ = 0;
};

inline bool comes_before(const ScoreLine& a, const ScoreLine& b) {
    return a.address != b.address ? a.address < b.address : a.tag < b.tag;
}

} // namespace ipscore::comparing
