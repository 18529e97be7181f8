#include "export_parts.hpp"
#include "export_text.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/core/decimal.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/scores.hpp"

#include <fmt/format.h>
#include <limits>

namespace ipscore::stages::exporting {

namespace {

using io::ScoresIndex;
using io::ScoresPartReader;
using scoring::CompanyRow;
using scoring::no_company;

constexpr std::string_view scores_header =
    "ip,company,tag,score,surge,confident,hits,keys,days,first_day,last_day,raw\n";
constexpr std::string_view companies_header = "company,tag,score,surge,addresses,hits,days,raw\n";

struct ScoreRow {
    std::uint32_t tag;
    float score;
    float surge;
    std::uint32_t keys;
    std::uint64_t hits;
    std::uint64_t raw;
    Day first_day;
    Day last_day;
    std::uint8_t days;
    std::uint8_t confident;
};
using ScoreBlock = AddressBlock<ScoreRow>;

/// Which rows are asked for, of addresses or of companies.
struct RowFilter {
    RowFilter(const ExportArgs& args, const ScoresIndex& index)
        : tags(choose(index.tags, args.tags, "tag", args.input)),
          companies(choose(index.companies.names, args.company_names, "company", args.input)),
          min_score(args.min_score ? static_cast<float>(*args.min_score)
                                   : -std::numeric_limits<float>::infinity()) {}

    [[nodiscard]] bool passes_company(std::uint32_t company) const {
        return companies.empty() || (company != no_company && companies[company]);
    }
    [[nodiscard]] bool passes_row(std::uint32_t tag, float score) const {
        return score >= min_score && (tags.empty() || tags[tag]);
    }

    std::vector<bool> tags;
    std::vector<bool> companies;
    float min_score;
};

/// The rows of all parts that pass the filters, block by block.
class ScoreRows {
public:
    ScoreRows(const ExportArgs& args, const ScoresIndex& index, std::size_t block_rows)
        : index_(&index),
          filter_(args, index),
          addresses_(args.networks),
          parts_(args.input, index.parts, io::format::scores_part),
          block_rows_(block_rows) {
        parts_.keep(addresses_);
    }
    ScoreRows(const ScoreRows&) = delete;
    ScoreRows& operator=(const ScoreRows&) = delete;

    /// False at the end. A block may stay empty: so that filters that let little pass do not keep a request
    /// to stop waiting.
    bool read(ScoreBlock& block) {
        constexpr int addresses_max = 65536;
        for (int addresses = 0; addresses < addresses_max && block.rows.size() < block_rows_; ++addresses) {
            if (!rows_.empty() || next_rows()) {
                take(block);
                continue;
            }
            if (!reader_ || !reader_->next_address() || addresses_.is_past(reader_->address())) {
                if (!next_part()) return !block.rows.empty();
            } else {
                begin_address();
            }
        }
        return true;
    }

private:
    using Rows = ScoresPartReader::Rows;

    bool next_part() {
        reader_.reset();
        address_passes_ = false;
        const auto path = parts_.next();
        if (!path) return false;
        path_ = *path;
        reader_.emplace(path_);
        return true;
    }

    void begin_address() {
        const std::uint32_t company = reader_->company();
        if (company != no_company && company >= index_->companies.names.size())
            damaged("a company is not in the index");
        address_passes_ = addresses_.passes(reader_->address()) && filter_.passes_company(company);
    }

    /// The next rows of an address that passes.
    bool next_rows() {
        if (!reader_ || !address_passes_) return false;
        rows_ = {reader_->next_rows(), 0};
        return !rows_.empty();
    }

    /// Moves rows into the block until it is full or they are at an end.
    void take(ScoreBlock& block) {
        const std::size_t before = block.rows.size();
        const Rows& from = rows_.columns;
        std::size_t& i = rows_.taken;
        for (; i < from.size() && block.rows.size() < block_rows_; ++i) {
            if (from.tag[i] >= index_->tags.size()) damaged("a tag is not in the index");
            if (from.first_day[i] < first_valid_day || from.last_day[i] > last_valid_day ||
                from.first_day[i] > from.last_day[i])
                damaged("a day is out of range");
            if (!filter_.passes_row(from.tag[i], from.score[i])) continue;
            block.rows.push_back({.tag = from.tag[i],
                                  .score = from.score[i],
                                  .surge = from.surge[i],
                                  .keys = from.keys[i],
                                  .hits = from.hits[i],
                                  .raw = from.raw[i],
                                  .first_day = from.first_day[i],
                                  .last_day = from.last_day[i],
                                  .days = from.days[i],
                                  .confident = from.confident[i]});
        }
        const std::size_t taken = block.rows.size() - before;
        if (taken > 0)
            block.runs.push_back({reader_->address(), reader_->company(), static_cast<std::uint32_t>(taken)});
    }

    [[noreturn]] void damaged(std::string_view fault) const {
        throw InputError(fmt::format("{}: damaged: {}", path_.string(), fault));
    }

    /// Rows that the reader has given, and how many of them have been taken.
    struct Given {
        Rows columns;
        std::size_t taken = 0;
        [[nodiscard]] bool empty() const noexcept { return taken == columns.size(); }
    };

    const ScoresIndex* index_;
    RowFilter filter_;
    AddressFilter addresses_;
    PartWalk parts_;
    std::size_t block_rows_;
    std::filesystem::path path_;
    std::optional<ScoresPartReader> reader_;
    bool address_passes_ = false;
    Given rows_;
};

/// Makes text of rows; shared by all workers.
class ScoreText {
public:
    explicit ScoreText(const ScoresIndex& index) : tags_(index.tags), companies_(index.companies.names) {}

    [[nodiscard]] std::size_t row_bytes_max() const noexcept {
        return address_text_bytes_max + companies_.bytes_max + tags_.bytes_max + 2 * score_text_bytes_max +
               5 * number_bytes_max + 2 * date_text_bytes + scores_header.size();
    }
    [[nodiscard]] std::size_t company_row_bytes_max() const noexcept {
        return companies_.bytes_max + tags_.bytes_max + 2 * score_text_bytes_max + 4 * number_bytes_max +
               companies_header.size();
    }

    char* put_block(const ScoreBlock& block, char* out) const {
        const ScoreRow* row = block.rows.data();
        for (const ScoreBlock::Run& run : block.runs) {
            // Every row of an address begins with the same text: put once, then copied.
            const char* const begin = out;
            out = put(format_address(out, run.address), ',');
            if (run.company != no_company) out = put(out, companies_.fields[run.company]);
            out = put(out, ',');
            const std::string_view same(begin, static_cast<std::size_t>(out - begin));
            for (std::uint32_t i = 0; i < run.rows; ++i) {
                if (i > 0) out = put(out, same);
                out = put_row(*row++, out);
            }
        }
        return out;
    }

    char* put_company_row(const CompanyRow& row, char* out) const {
        out = put(put(out, companies_.fields[row.company]), ',');
        out = put(put(out, tags_.fields[row.tag]), ',');
        out = put(format_score(out, row.score), ',');
        out = put(format_score(out, row.surge), ',');
        out = put(put_number(out, row.addresses), ',');
        out = put(put_number(out, row.hits), ',');
        out = put(put_number(out, unsigned{row.days}), ',');
        return put(put_number(out, row.raw), '\n');
    }

private:
    char* put_row(const ScoreRow& row, char* out) const {
        out = put(put(out, tags_.fields[row.tag]), ',');
        out = put(format_score(out, row.score), ',');
        out = put(format_score(out, row.surge), ',');
        out = put(out, row.confident != 0 ? "1," : "0,");
        out = put(put_number(out, row.hits), ',');
        out = put(put_number(out, row.keys), ',');
        out = put(put_number(out, unsigned{row.days}), ',');
        out = put(format_date(out, row.first_day), ',');
        out = put(format_date(out, row.last_day), ',');
        return put(put_number(out, row.raw), '\n');
    }

    CsvFields tags_;
    CsvFields companies_;
};

struct CompanyBlock {
    std::vector<CompanyRow> rows;
    void clear() noexcept { rows.clear(); }
};

} // namespace

ExportReport export_scores(const ExportArgs& args, const StopFlag& stop) {
    const ScoresIndex index = io::read_scores_index(args.input);
    const ScoreText text(index);
    const std::size_t block_rows = block_rows_max(text.row_bytes_max());
    ScoreRows rows(args, index, block_rows);
    const TextJob job{args.output, scores_header, block_rows * text.row_bytes_max(), args.threads, &stop};
    return write_text<ScoreBlock>(
        job, [&](ScoreBlock& block) { return rows.read(block); },
        [&](const ScoreBlock& block, char* out) { return text.put_block(block, out); });
}

ExportReport export_company_rows(const ExportArgs& args, const StopFlag& stop) {
    const ScoresIndex index = io::read_scores_index(args.input);
    const ScoreText text(index);
    const RowFilter filter(args, index);
    const std::size_t block_rows = block_rows_max(text.company_row_bytes_max());
    auto next = index.company_rows.begin();
    const auto read = [&](CompanyBlock& block) {
        for (; next != index.company_rows.end() && block.rows.size() < block_rows; ++next) {
            if (next->company >= index.companies.names.size() || next->tag >= index.tags.size()) {
                throw InputError(fmt::format("{}: damaged: a company row of what is not in the index",
                                             (args.input / io::format::index_name).string()));
            }
            if (filter.passes_company(next->company) && filter.passes_row(next->tag, next->score))
                block.rows.push_back(*next);
        }
        return !block.rows.empty();
    };
    const auto format = [&](const CompanyBlock& block, char* out) {
        for (const CompanyRow& row : block.rows) out = text.put_company_row(row, out);
        return out;
    };
    const TextJob job{args.output, companies_header, block_rows * text.company_row_bytes_max(), args.threads,
                      &stop};
    return write_text<CompanyBlock>(job, read, format);
}

} // namespace ipscore::stages::exporting
