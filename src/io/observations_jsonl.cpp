// Observations from JSON Lines: an object a line.
#include "json_row.hpp"
#include "observation_rows.hpp"

#include <algorithm>
#include <utility>

namespace ipscore::io {

namespace {

/// Of a line that is too long to be kept, its beginning, which is still too long for JsonRow.
class LongLine final : public LongRow {
public:
    std::size_t feed(std::string_view text) override {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        constexpr std::size_t bytes_kept = JsonRow::line_bytes_max + 2; // one may be the CR of a line end
        text_ += line.substr(0, bytes_kept - std::min(bytes_kept, text_.size()));
        if (end == std::string_view::npos) return text.size();
        text_ += '\n';
        complete_ = true;
        return end + 1;
    }
    void end_of_text() override {}
    [[nodiscard]] bool complete() const noexcept override { return complete_; }
    [[nodiscard]] std::uint64_t lines() const noexcept override { return complete_ ? 1 : 0; }
    [[nodiscard]] std::string take_text() noexcept override { return std::move(text_); }

private:
    std::string text_;
    bool complete_ = false;
};

class LineRules final : public RowRules {
public:
    [[nodiscard]] std::size_t whole_rows_bytes(std::string_view text) const noexcept override {
        const std::size_t last = text.rfind('\n');
        return last == std::string_view::npos ? 0 : last + 1;
    }
    [[nodiscard]] std::unique_ptr<LongRow> long_row() const override { return std::make_unique<LongLine>(); }
};

const RowRules& line_rules() {
    static const LineRules rules;
    return rules;
}

class LinesParser final : public ObservationParser {
public:
    LinesParser(const TextBlock& block, const ObservationForm& form)
        : form_(form), rest_(block.text), line_(block.first_line) {}

    [[nodiscard]] ObservationBatch next() override {
        constexpr std::size_t row_bytes_min = 41; // {"ip":"::","day":"2000-01-01","key":"k"} and a line end
        ObservationRows batch(form_, rest_.size() / row_bytes_min);
        JsonRow row(form_.columns); // here, so that its buffers go before the batch waits for its turn
        while (!batch.is_full() && !rest_.empty()) {
            const std::size_t end = std::min(rest_.find('\n'), rest_.size());
            std::string_view line = rest_.substr(0, end);
            rest_.remove_prefix(std::min(end + 1, rest_.size()));
            const std::uint64_t number = line_++;
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (line.empty()) continue;
            std::string reason = row.parse(line);
            if (reason.empty()) reason = batch.add(row.texts());
            if (!reason.empty()) batch.reject(number, std::move(reason), line);
        }
        return batch.take_batch();
    }
    [[nodiscard]] bool done() const noexcept override { return rest_.empty(); }

private:
    const ObservationForm& form_;
    std::string_view rest_;
    std::uint64_t line_;
};

class LinesFile final : public ObservationFile {
public:
    LinesFile(ByteSource& source, ObservationForm form, std::size_t block_bytes)
        : form_(std::move(form)), blocks_(source, line_rules(), block_bytes, JsonRow::line_bytes_max + 2) {}

    bool next(TextBlock& block) override { return blocks_.next(block); }
    [[nodiscard]] std::unique_ptr<ObservationParser> parser(const TextBlock& block) const override {
        return std::make_unique<LinesParser>(block, form_);
    }
    [[nodiscard]] std::string content_hash() const override { return blocks_.content_hash(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept override { return blocks_.bytes(); }

private:
    ObservationForm form_;
    TextBlocks blocks_;
};

} // namespace

std::unique_ptr<ObservationFile> open_jsonl(ByteSource& source, const ObservationForm& form,
                                            std::size_t block_bytes) {
    return std::make_unique<LinesFile>(source, form, block_bytes);
}

} // namespace ipscore::io
