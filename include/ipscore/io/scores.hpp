// Scores: parts with rows and company evidence, and the index that makes them a result.
#pragma once

#include "ipscore/core/byte_strings.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/evidence.hpp"
#include "ipscore/io/part.hpp"
#include "ipscore/io/sorted_rows.hpp"
#include "ipscore/scoring/classification.hpp"
#include "ipscore/scoring/companies.hpp"
#include "ipscore/scoring/company_scores.hpp"
#include "ipscore/scoring/model.hpp"
#include "ipscore/scoring/scorer.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace ipscore::io {

inline constexpr std::array scores_columns{
    ColumnName{"addresses/hi", ElementType::u64},       ColumnName{"addresses/lo", ElementType::u64},
    ColumnName{"addresses/company", ElementType::u32},  ColumnName{"addresses/rows", ElementType::u64},
    ColumnName{"rows/tag", ElementType::u32},           ColumnName{"rows/score", ElementType::f32},
    ColumnName{"rows/surge", ElementType::f32},         ColumnName{"rows/confident", ElementType::u8},
    ColumnName{"rows/hits", ElementType::u64},          ColumnName{"rows/keys", ElementType::u32},
    ColumnName{"rows/days", ElementType::u8},           ColumnName{"rows/first_day", ElementType::i32},
    ColumnName{"rows/last_day", ElementType::i32},      ColumnName{"rows/raw", ElementType::u64},
    ColumnName{"evidence/company", ElementType::u32},   ColumnName{"evidence/tag", ElementType::u32},
    ColumnName{"evidence/addresses", ElementType::u64}, ColumnName{"evidence/hits", ElementType::u64},
    ColumnName{"evidence/ages_lo", ElementType::u64},   ColumnName{"evidence/ages_hi", ElementType::u64},
    ColumnName{"evidence/raw", ElementType::u64},       ColumnName{"evidence/recent", ElementType::u64},
    ColumnName{"evidence/base", ElementType::u64}};

/// Writes one part of scores.
class ScoresPartWriter {
public:
    explicit ScoresPartWriter(const std::filesystem::path& path);

    void append(const scoring::ScoreBatch& batch);
    /// Company evidence in order of (company, tag).
    void append(const scoring::CompanyEvidence& evidence) { evidence_.append(evidence); }
    [[nodiscard]] std::uint64_t evidence_rows() const noexcept { return evidence_.size(); }
    [[nodiscard]] std::uint64_t addresses() const noexcept { return hi_.size(); }
    [[nodiscard]] std::uint64_t rows() const noexcept { return tag_.size(); }
    /// Finishes the columns, fills in the record's numbers (its counts are the caller's), and closes the
    /// file.
    void finish(const std::string& job_hash, std::uint64_t part, PartRecord& record);
    [[nodiscard]] std::uint64_t stored_bytes() const noexcept { return stored_bytes_; } ///< after finish()

private:
    H5File file_;
    ColumnWriter<std::uint64_t> hi_, lo_;
    ColumnWriter<std::uint32_t> company_;
    ColumnWriter<std::uint64_t> address_rows_;
    ColumnWriter<std::uint32_t> tag_;
    ColumnWriter<float> score_, surge_;
    ColumnWriter<std::uint8_t> confident_;
    ColumnWriter<std::uint64_t> hits_;
    ColumnWriter<std::uint32_t> keys_;
    ColumnWriter<std::uint8_t> days_;
    ColumnWriter<std::int32_t> first_day_, last_day_;
    ColumnWriter<std::uint64_t> raw_;
    EvidenceWriter evidence_;
    Address first_;
    Address last_;
    std::uint64_t stored_bytes_ = 0;
};

/// Reads the rows of one part of scores, or of packed scores, front to back. Throws InputError on what is
/// damaged.
class ScoresPartReader {
public:
    explicit ScoresPartReader(const std::filesystem::path& path);
    ScoresPartReader(const ScoresPartReader&) = delete;
    ScoresPartReader& operator=(const ScoresPartReader&) = delete;

    /// Up to a chunk of rows, as columns of equal length, valid until the next call.
    struct Rows {
        std::span<const std::uint32_t> tag;
        std::span<const float> score;
        std::span<const float> surge;
        std::span<const std::uint8_t> confident;
        std::span<const std::uint64_t> hits;
        std::span<const std::uint32_t> keys;
        std::span<const std::uint8_t> days;
        std::span<const std::int32_t> first_day;
        std::span<const std::int32_t> last_day;
        std::span<const std::uint64_t> raw;
        [[nodiscard]] std::size_t size() const noexcept { return tag.size(); }
    };

    /// Goes to the next address, past what is left of the current one. False at the end.
    bool next_address();
    [[nodiscard]] Address address() const noexcept { return address_; }
    [[nodiscard]] std::uint32_t company() const noexcept { return company_id_; }
    /// The next rows of the current address; empty when there are none left.
    Rows next_rows();
    /// Makes the seek point's address the one that next_address() goes to.
    void seek(const SeekPoint& point);
    [[nodiscard]] const H5File& file() const noexcept { return file_; }

private:
    void seek_row(std::uint64_t row);

    H5File file_;
    ColumnReader<std::uint64_t> hi_, lo_;
    ColumnReader<std::uint32_t> company_;
    ColumnReader<std::uint64_t> address_rows_;
    ColumnReader<std::uint32_t> tag_;
    ColumnReader<float> score_, surge_;
    ColumnReader<std::uint8_t> confident_;
    ColumnReader<std::uint64_t> hits_;
    ColumnReader<std::uint32_t> keys_;
    ColumnReader<std::uint8_t> days_;
    ColumnReader<std::int32_t> first_day_, last_day_;
    ColumnReader<std::uint64_t> raw_;
    std::span<const std::uint64_t> hi_left_, lo_left_;
    std::span<const std::uint32_t> company_left_;
    std::span<const std::uint64_t> address_rows_left_;
    Address address_;
    std::uint32_t company_id_ = 0;
    std::uint64_t rows_left_ = 0;
};

/// The company evidence of one part, in order of (company, tag). Throws InputError.
[[nodiscard]] EvidenceReader open_part_evidence(const std::filesystem::path& path);

/// index.h5 of scores: with a part list, it is all that readers, and `explain`, need besides the parts.
struct ScoresIndex {
    ByteStrings tags;
    scoring::Companies companies;
    scoring::Model model;
    std::string job_hash;
    nlohmann::ordered_json counts;
    std::string content_hash; ///< of all parts and company rows
    std::vector<PartRecord> parts;
    std::vector<scoring::CompanyRow> company_rows; ///< sorted by (company, tag)

    [[nodiscard]] std::uint64_t rows() const noexcept;
    [[nodiscard]] std::uint64_t addresses() const noexcept;
};

/// What the numbers in parts stand for.
struct ScoresNames {
    ByteStrings tags;
    ByteStrings companies;
};

// Of an index or of packed scores. They throw InputError.
[[nodiscard]] ScoresNames read_scores_names(const H5File& file);
[[nodiscard]] std::vector<scoring::CompanyRow> read_company_rows(const H5File& file);

/// Writes the index of scores, which is not renamed: the company rows one by one, in order of (company, tag),
/// then all the rest.
class ScoresIndexWriter {
public:
    /// Throws EnvironmentError, as all of this does.
    explicit ScoresIndexWriter(const std::filesystem::path& path);

    void append(const scoring::CompanyRow& row);
    [[nodiscard]] std::uint64_t company_rows() const noexcept { return tag_.size(); }
    /// Sets content_hash and closes the file. `inputs` are the resolved postings and rules, for `explain`;
    /// `index.company_rows` does not count.
    void finish(ScoresIndex& index, const scoring::ScoringInputs& inputs);

private:
    /// Returns the checksum of all their columns.
    std::uint64_t finish_company_rows();

    H5File file_;
    ColumnWriter<std::uint32_t> company_, tag_;
    ColumnWriter<float> score_, surge_;
    ColumnWriter<std::uint64_t> addresses_, hits_;
    ColumnWriter<std::uint8_t> days_;
    ColumnWriter<std::uint64_t> raw_;
};

/// Throws InputError when `scores` is no finished result or lacks a part.
[[nodiscard]] ScoresIndex read_scores_index(const std::filesystem::path& scores);

/// The postings and rules that these scores were made with; without networks. Throws InputError.
[[nodiscard]] scoring::ScoringInputs read_scoring_inputs(const std::filesystem::path& scores,
                                                         const ScoresIndex& index);

/// True when there is an index with that content hash and every chunk of it matches its checksum. Memory is
/// bounded, however many company rows there are.
[[nodiscard]] bool scores_index_stands(const std::filesystem::path& scores, const std::string& content_hash);

} // namespace ipscore::io
