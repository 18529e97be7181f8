// What is the same of all formats: four texts become an observation of a batch, or a reason why not.
#pragma once

#include "ipscore/core/string_index.hpp"
#include "ipscore/io/observations.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace ipscore::io {

/// The values of one row as texts. They need not outlive the call that takes them.
struct ObservationTexts {
    std::string_view ip;
    std::string_view day;
    std::string_view key;
    std::optional<std::string_view> hits; ///< not set: 1
};

/// Fills one batch, row by row.
class ObservationRows {
public:
    /// `form` must outlive it. Makes room for all rows at once, which is not touched before it is needed.
    ObservationRows(const ObservationForm& form, std::size_t rows_expected);

    /// Empty, or why the row is bad: `column ip: "x" is not an IPv4 or IPv6 address`.
    [[nodiscard]] std::string add(const ObservationTexts& row);
    void reject(std::uint64_t line, std::string reason, std::string_view text);
    /// So many bad rows that the batch must end.
    [[nodiscard]] bool is_full() const noexcept {
        return batch_.rejects.size() >= ObservationParser::batch_rejects_max;
    }
    /// The last thing that may be asked.
    [[nodiscard]] ObservationBatch take_batch();

private:
    const ObservationForm& form_;
    ObservationBatch batch_;
    StringIndex keys_;
};

/// What a format makes of a source, see open_observations().
[[nodiscard]] std::unique_ptr<ObservationFile> open_csv(ByteSource& source, const ObservationForm& form,
                                                        std::size_t block_bytes);
[[nodiscard]] std::unique_ptr<ObservationFile> open_tsv(ByteSource& source, const ObservationForm& form,
                                                        std::size_t block_bytes);
[[nodiscard]] std::unique_ptr<ObservationFile> open_jsonl(ByteSource& source, const ObservationForm& form,
                                                          std::size_t block_bytes);

} // namespace ipscore::io
