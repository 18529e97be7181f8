// The file format, written down once: what every file is called, what it holds and which version that is.
// docs/format.md says the same for readers in other languages.
#pragma once

#include <cstdint>
#include <string>

namespace ipscore::io::format {

/// Raised when a reader of the version before would misread a file. Readers refuse what is newer than they
/// are.
inline constexpr std::uint64_t version = 1;

// A manifest has its own: 2 where rows that a reader of 1 would count do not count, or where it would mix
// rows of different sources.
inline constexpr std::uint64_t manifest_version = 2;

// And so has the index of a table: 2 where there are rows of some keys only, which a reader of 1 would score
// as if that were all.
inline constexpr std::uint64_t table_index_version = 2;

// Attributes of "/" in every file.
inline constexpr const char* attribute_format = "format";
inline constexpr const char* attribute_version = "format_version";
inline constexpr const char* attribute_job = "job";   ///< hash of the job that a part belongs to
inline constexpr const char* attribute_part = "part"; ///< number of the part

// Values of attribute_format.
inline constexpr const char* segment = "ipscore segment";
inline constexpr const char* table_part = "ipscore table part";
inline constexpr const char* table_index = "ipscore table index";
inline constexpr const char* scores_part = "ipscore scores part";
inline constexpr const char* scores_index = "ipscore scores index";
inline constexpr const char* packed_scores = "ipscore scores";
inline constexpr const char* packed_table = "ipscore table";

// JSON text, as bytes: what a part was made of; what an index stands for.
inline constexpr const char* counts = "counts";
inline constexpr const char* description = "description";

// Sorted observations (segments and table parts): one entry an address, one a row.
inline constexpr const char* address_hi = "addresses/hi";
inline constexpr const char* address_lo = "addresses/lo";
inline constexpr const char* address_rows = "addresses/rows";
inline constexpr const char* row_key = "rows/key";
inline constexpr const char* row_day = "rows/day"; ///< u16, days since 1970-01-01: 2000 to 2099 fit
inline constexpr const char* row_hits = "rows/hits";
inline constexpr const char* row_source = "rows/source"; ///< u32, of segments with rows of several sources

// Byte strings are two columns: <name>/bytes and <name>/offsets.
inline constexpr const char* dictionary = "dictionary";
inline constexpr const char* tags = "tags";
inline constexpr const char* companies = "companies";
/// Of the index of a table that has the keys of a classification only: those that are not in its dictionary.
inline constexpr const char* unseen_keys = "unseen_keys";

// Places to start reading sorted observations at, of segments only.
inline constexpr const char* seek_address_hi = "seek/address_hi";
inline constexpr const char* seek_address_lo = "seek/address_lo";
inline constexpr const char* seek_address = "seek/address"; ///< index of that address
inline constexpr const char* seek_row = "seek/row";         ///< index of its first row

// Scores parts, besides addresses/hi, lo and rows.
inline constexpr const char* address_company = "addresses/company"; ///< u32 index into companies, or 2^32-1
inline constexpr const char* score_tag = "rows/tag";
inline constexpr const char* score_score = "rows/score";
inline constexpr const char* score_surge = "rows/surge";
inline constexpr const char* score_confident = "rows/confident"; ///< u8, 0 or 1
inline constexpr const char* score_hits = "rows/hits";
inline constexpr const char* score_keys = "rows/keys";
inline constexpr const char* score_days = "rows/days";
inline constexpr const char* score_first_day = "rows/first_day";
inline constexpr const char* score_last_day = "rows/last_day";
inline constexpr const char* score_raw = "rows/raw";
inline constexpr const char* evidence_company = "evidence/company";
inline constexpr const char* evidence_tag = "evidence/tag";
inline constexpr const char* evidence_addresses = "evidence/addresses";
inline constexpr const char* evidence_hits = "evidence/hits";
inline constexpr const char* evidence_ages_lo = "evidence/ages_lo";
inline constexpr const char* evidence_ages_hi = "evidence/ages_hi";
inline constexpr const char* evidence_raw = "evidence/raw";
inline constexpr const char* evidence_recent = "evidence/recent";
inline constexpr const char* evidence_base = "evidence/base";

// Indexes.
inline constexpr const char* part_first_hi = "parts/first_address_hi";
inline constexpr const char* part_first_lo = "parts/first_address_lo";
inline constexpr const char* part_last_hi = "parts/last_address_hi";
inline constexpr const char* part_last_lo = "parts/last_address_lo";
inline constexpr const char* part_addresses = "parts/addresses";
inline constexpr const char* part_rows = "parts/rows";
inline constexpr const char* part_checksum = "parts/checksum";

// The scores index.
inline constexpr const char* posting_offsets = "postings/offsets";
inline constexpr const char* posting_tag = "postings/tag";
inline constexpr const char* posting_weight = "postings/weight_millionths";
inline constexpr const char* network_hi = "networks/first_hi";
inline constexpr const char* network_lo = "networks/first_lo";
inline constexpr const char* network_prefix_length = "networks/prefix_length";
inline constexpr const char* network_company = "networks/company";
inline constexpr const char* network_confidence = "networks/confidence_millionths";
inline constexpr const char* network_types = "networks/type";
inline constexpr const char* tag_profile = "tag_rules/profile";
inline constexpr const char* decay = "decay"; ///< 128 values a profile
inline constexpr const char* company_company = "company_rows/company";
inline constexpr const char* company_tag = "company_rows/tag";
inline constexpr const char* company_score = "company_rows/score";
inline constexpr const char* company_surge = "company_rows/surge";
inline constexpr const char* company_addresses = "company_rows/addresses";
inline constexpr const char* company_hits = "company_rows/hits";
inline constexpr const char* company_days = "company_rows/days";
inline constexpr const char* company_raw = "company_rows/raw";

/// "part-00042.h5"
[[nodiscard]] std::string part_name(std::uint64_t part);
inline constexpr const char* index_name = "index.h5";
inline constexpr const char* job_name = "job.json";
inline constexpr const char* run_name = "run.json";
inline constexpr const char* status_name = "status"; ///< directory: what the ranks say of themselves
inline constexpr const char* runs_name =
    "runs"; ///< directory of an unfinished result: what was merged in between

inline constexpr std::uint64_t parts_max = 4096;

} // namespace ipscore::io::format
