// The file of feeds (TOML): how the files of each supplier are to be read, by their names.
#pragma once

#include "ipscore/io/observation_form.hpp"
#include "ipscore/io/reject_limit.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ipscore::io {

struct Feed {
    std::string name;
    std::string pattern;              ///< of the names of its files, without directory: `acme-*.jsonl*`
    std::optional<TextFormat> format; ///< not set: as the name of a file says
    ColumnNames columns;
    TimeForm time = TimeForm::date;
    std::optional<RejectLimit> max_rejects; ///< of each of its files
    std::uint64_t min_rows = 0;             ///< good ones, in each of its files

    [[nodiscard]] ObservationForm form_of(const std::filesystem::path& file) const;
};

class Feeds {
public:
    /// Throws InputError that names file, line, column and value of what SPEC "Feeds" does not allow: an
    /// unknown name, a wrong type, a value that cannot be.
    explicit Feeds(std::filesystem::path path);

    /// The feed that a file is of. Throws InputError where that is none, or more than one.
    [[nodiscard]] const Feed& feed_of(const std::filesystem::path& file) const;
    /// By name.
    [[nodiscard]] const std::vector<Feed>& feeds() const noexcept { return feeds_; }

private:
    std::filesystem::path path_;
    std::vector<Feed> feeds_;
};

} // namespace ipscore::io
