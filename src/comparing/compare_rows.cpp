#include "ipscore/comparing/differences.hpp"

#include <utility>

namespace ipscore::comparing {

namespace {

/// One side, with a look at the row that comes next.
class Cursor {
public:
    Cursor(RowSource& source, const Schema& schema) : source_(&source), block_(schema), next_(schema) {
        at_end_ = !source_->next(block_);
    }

    [[nodiscard]] bool at_end() const noexcept { return at_end_; }
    [[nodiscard]] std::string_view key() const noexcept { return block_.key(row_); }
    [[nodiscard]] RowPlace place() const noexcept { return {&block_, row_}; }

    /// Whether the row after this one has the same key. May read on, but keeps the block of this row.
    [[nodiscard]] bool repeats() {
        if (row_ + 1 < block_.size()) return block_.key(row_ + 1) == key();
        if (!has_next_ && !next_at_end_) {
            next_at_end_ = !source_->next(next_);
            has_next_ = !next_at_end_;
        }
        return has_next_ && next_.key(0) == key();
    }

    void advance() {
        if (++row_ < block_.size()) return;
        row_ = 0;
        if (has_next_) {
            std::swap(block_, next_);
            has_next_ = false;
        } else {
            at_end_ = next_at_end_ || !source_->next(block_);
        }
    }

private:
    RowSource* source_;
    RowBlock block_;
    RowBlock next_;
    std::size_t row_ = 0;
    bool has_next_ = false;
    bool next_at_end_ = false;
    bool at_end_ = false;
};

/// A row of a key that comes more than once, and how many there are.
struct Repeated {
    RowBlock first;
    std::size_t rows = 0;
    [[nodiscard]] RowPlace place() const noexcept { return {rows > 0 ? &first : nullptr, 0}; }
};

/// Goes past all rows of that key.
Repeated take_all(Cursor& cursor, std::string_view key, const Schema& schema) {
    Repeated repeated{RowBlock(schema), 0};
    while (!cursor.at_end() && cursor.key() == key) {
        if (repeated.rows++ == 0) repeated.first.add_row(*cursor.place().block, cursor.place().row, schema);
        cursor.advance();
    }
    return repeated;
}

} // namespace

void compare_rows(RowSource& before, RowSource& now, const Schema& schema, Differences& found) {
    Cursor old_side(before, schema);
    Cursor new_side(now, schema);
    while (!old_side.at_end() || !new_side.at_end()) {
        int order = 0;
        if (old_side.at_end()) {
            order = 1;
        } else if (new_side.at_end()) {
            order = -1;
        } else {
            order = old_side.key().compare(new_side.key());
        }
        if ((order <= 0 && old_side.repeats()) || (order >= 0 && new_side.repeats())) {
            const std::string key(order <= 0 ? old_side.key() : new_side.key());
            const Repeated rows_before = take_all(old_side, key, schema);
            const Repeated rows_now = take_all(new_side, key, schema);
            found.duplicate(rows_before.place(), rows_before.rows, rows_now.place(), rows_now.rows);
            continue;
        }
        if (order == 0) {
            found.pair(old_side.place(), new_side.place());
        } else if (order < 0) {
            found.only_old(old_side.place());
        } else {
            found.only_new(new_side.place());
        }
        if (order <= 0) old_side.advance();
        if (order >= 0) new_side.advance();
    }
    found.end_stretch();
}

} // namespace ipscore::comparing
