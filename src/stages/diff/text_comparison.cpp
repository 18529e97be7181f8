#include "comparisons.hpp"
#include "row_sorter.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <utility>

namespace ipscore::stages::diffing {

namespace {

using comparing::Differences;
using comparing::Terms;

/// Where text is on a side: it is read front to back, by rank 0 with all its threads.
class TextComparison {
public:
    TextComparison(const Sides& sides, const Terms& terms, std::uint64_t sort_bytes, const StopFlag& stop,
                   RunLog& log)
        : sides_(sides), terms_(terms), sort_bytes_(sort_bytes), stop_(stop), log_(log) {}

    Differences run() {
        for (;;) {
            try {
                Differences found(terms_);
                const auto before = rows_of(*sides_.before);
                const auto now = rows_of(*sides_.now);
                comparing::compare_rows(*before, *now, terms_.schema, found);
                return found;
            } catch (const NotInOrder& text) {
                log_.info(fmt::format("{}: is not in order of its keys, and is sorted first",
                                      text.side->path().string()));
                sort(*text.side);
            }
        }
    }

private:
    /// A sorter is used again; all others are made for one comparison.
    class SortedAgain final : public comparing::RowSource {
    public:
        explicit SortedAgain(RowSorter& sorter) : sorter_(sorter) { sorter_.sort(); }
        bool next(comparing::RowBlock& block) override { return sorter_.next(block); }

    private:
        RowSorter& sorter_;
    };

    std::unique_ptr<comparing::RowSource> rows_of(Side& side) {
        const auto sorted = sorted_.find(&side);
        if (sorted != sorted_.end()) return std::make_unique<SortedAgain>(*sorted->second);
        return side.open(terms_.schema, {});
    }

    void sort(const Side& side) {
        Side& text = &side == sides_.before.get() ? *sides_.before : *sides_.now;
        auto sorter = std::make_unique<RowSorter>(terms_.schema, sort_bytes_,
                                                  std::filesystem::temp_directory_path(), stop_);
        const auto rows = text.open_unsorted(terms_.schema);
        for (;;) {
            comparing::RowBlock block(terms_.schema);
            if (!rows->next(block)) break;
            sorter->add(std::move(block));
        }
        sorted_[&text] = std::move(sorter);
    }

    const Sides& sides_;
    const Terms& terms_;
    std::uint64_t sort_bytes_;
    const StopFlag& stop_;
    RunLog& log_;
    std::map<const Side*, std::unique_ptr<RowSorter>> sorted_;
};

} // namespace

Differences compare_texts(const Sides& sides, const Terms& terms, std::uint64_t sort_bytes,
                          const StopFlag& stop, RunLog& log) {
    return TextComparison(sides, terms, sort_bytes, stop, log).run();
}

} // namespace ipscore::stages::diffing
