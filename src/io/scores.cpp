#include "ipscore/io/scores.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/model_toml.hpp"
#include "ipscore/io/strings.hpp"

#include <fmt/format.h>
#include <utility>

namespace ipscore::io {

namespace {

using Json = nlohmann::ordered_json;
using scoring::CompanyNetwork;
using scoring::CompanyRow;

/// One member of a list of structs as a column.
template <class T, class Struct, class Get>
std::uint64_t write_member(H5File& file, const char* name, Codec codec, const std::vector<Struct>& list,
                           Get get) {
    ColumnWriter<T> column(file, name, codec);
    for (const Struct& entry : list) column.append(static_cast<T>(get(entry)));
    column.finish();
    return column.checksum();
}

template <class T, class Struct, class Set>
void read_member(const H5File& file, const char* name, std::vector<Struct>& list, Set set) {
    const auto values = read_column<T>(file, name);
    if (list.empty()) list.resize(values.size());
    if (values.size() != list.size())
        file.damaged(fmt::format("column {} differs in length from the others", name));
    for (std::size_t i = 0; i < values.size(); ++i) set(list[i], values[i]);
}

void write_networks(H5File& file, const std::vector<CompanyNetwork>& networks) {
    ByteStrings types;
    for (const CompanyNetwork& network : networks) types.push_back(network.type);
    write_strings(file, format::network_types, types);
    write_member<std::uint64_t>(file, format::network_hi, Codec::scale_offset, networks,
                                [](const CompanyNetwork& n) { return n.network.first.hi; });
    write_member<std::uint64_t>(file, format::network_lo, Codec::scale_offset, networks,
                                [](const CompanyNetwork& n) { return n.network.first.lo; });
    write_member<std::uint8_t>(file, format::network_prefix_length, Codec::scale_offset, networks,
                               [](const CompanyNetwork& n) { return n.network.prefix_length; });
    write_member<std::uint32_t>(file, format::network_company, Codec::scale_offset, networks,
                                [](const CompanyNetwork& n) { return n.company; });
    write_member<std::uint32_t>(file, format::network_confidence, Codec::scale_offset, networks,
                                [](const CompanyNetwork& n) { return n.confidence; });
}

std::vector<CompanyNetwork> read_networks(const H5File& file) {
    std::vector<CompanyNetwork> networks;
    const ByteStrings types = read_strings(file, format::network_types);
    networks.resize(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) networks[i].type = types[i];
    read_member<std::uint64_t>(file, format::network_hi, networks,
                               [](CompanyNetwork& n, std::uint64_t value) { n.network.first.hi = value; });
    read_member<std::uint64_t>(file, format::network_lo, networks,
                               [](CompanyNetwork& n, std::uint64_t value) { n.network.first.lo = value; });
    read_member<std::uint8_t>(file, format::network_prefix_length, networks,
                              [](CompanyNetwork& n, std::uint8_t value) { n.network.prefix_length = value; });
    read_member<std::uint32_t>(file, format::network_company, networks,
                               [](CompanyNetwork& n, std::uint32_t value) { n.company = value; });
    read_member<std::uint32_t>(file, format::network_confidence, networks,
                               [](CompanyNetwork& n, std::uint32_t value) { n.confidence = value; });
    return networks;
}

void write_inputs(H5File& file, const scoring::ScoringInputs& inputs) {
    write_column<std::uint32_t>(file, format::posting_offsets, Codec::scale_offset, inputs.postings.offsets);
    write_member<std::uint32_t>(file, format::posting_tag, Codec::scale_offset, inputs.postings.postings,
                                [](const scoring::Posting& posting) { return posting.tag; });
    write_member<std::uint32_t>(file, format::posting_weight, Codec::scale_offset, inputs.postings.postings,
                                [](const scoring::Posting& posting) { return posting.weight; });
    write_member<std::uint32_t>(file, format::tag_profile, Codec::scale_offset, inputs.rules.tags,
                                [](const scoring::TagRule& rule) { return rule.profile; });
    ColumnWriter<std::uint32_t> decay(file, format::decay, Codec::scale_offset);
    for (const scoring::Profile& profile : inputs.rules.profiles) decay.append(profile.decay);
    decay.finish();
}

} // namespace

ScoresPartWriter::ScoresPartWriter(const std::filesystem::path& path)
    : file_(H5File::create(path)),
      hi_(file_, format::address_hi, Codec::scale_offset),
      lo_(file_, format::address_lo, Codec::scale_offset),
      company_(file_, format::address_company, Codec::scale_offset),
      address_rows_(file_, format::address_rows, Codec::scale_offset),
      tag_(file_, format::score_tag, Codec::scale_offset),
      score_(file_, format::score_score, Codec::none),
      surge_(file_, format::score_surge, Codec::none),
      confident_(file_, format::score_confident, Codec::scale_offset),
      hits_(file_, format::score_hits, Codec::scale_offset),
      keys_(file_, format::score_keys, Codec::scale_offset),
      days_(file_, format::score_days, Codec::scale_offset),
      first_day_(file_, format::score_first_day, Codec::scale_offset),
      last_day_(file_, format::score_last_day, Codec::scale_offset),
      raw_(file_, format::score_raw, Codec::scale_offset),
      evidence_(file_, evidence_chunk_values) {}

void ScoresPartWriter::append(const scoring::ScoreBatch& batch) {
    if (batch.address.empty()) return;
    if (hi_.size() == 0) first_ = batch.address.front();
    last_ = batch.address.back();
    for (const Address address : batch.address) {
        hi_.append(address.hi);
        lo_.append(address.lo);
    }
    company_.append(batch.company);
    for (const std::uint32_t rows : batch.tag_rows) address_rows_.append(rows);
    const auto filled = [&](const auto& column) { return std::span(column).first(batch.rows); };
    tag_.append(filled(batch.tag));
    score_.append(filled(batch.score));
    surge_.append(filled(batch.surge));
    confident_.append(filled(batch.confident));
    hits_.append(filled(batch.hits));
    keys_.append(filled(batch.keys));
    days_.append(filled(batch.days));
    first_day_.append(filled(batch.first_day));
    last_day_.append(filled(batch.last_day));
    raw_.append(filled(batch.raw));
}

void ScoresPartWriter::finish(const std::string& job_hash, std::uint64_t part, PartRecord& record) {
    record.addresses = hi_.size();
    record.rows = tag_.size();
    record.first_address = first_;
    record.last_address = last_;
    std::vector<std::uint64_t> checksums;
    const auto finish = [&](auto& column) {
        column.finish();
        checksums.push_back(column.checksum());
        stored_bytes_ += column.stored_bytes();
    };
    finish(hi_);
    finish(lo_);
    finish(company_);
    finish(address_rows_);
    finish(tag_);
    finish(score_);
    finish(surge_);
    finish(confident_);
    finish(hits_);
    finish(keys_);
    finish(days_);
    finish(first_day_);
    finish(last_day_);
    finish(raw_);
    for (const std::uint64_t checksum : evidence_.finish()) checksums.push_back(checksum);
    record.checksum = combine_checksums(checksums);
    write_part_record(file_, format::scores_part, job_hash, part, record);
    file_.close();
}

namespace {

/// What a file is comes before what its columns are.
H5File open_part(const std::filesystem::path& path) {
    H5File file = H5File::open(path);
    check_format(file, format::scores_part);
    return file;
}

/// A part, or scores that are packed in one file: their columns are the same.
H5File open_rows(const std::filesystem::path& path) {
    H5File file = H5File::open(path);
    const bool packed = file.has_attribute("/", format::attribute_format) &&
                        file.read_text("/", format::attribute_format) == format::packed_scores;
    check_format(file, packed ? format::packed_scores : format::scores_part);
    return file;
}

} // namespace

ScoresPartReader::ScoresPartReader(const std::filesystem::path& path)
    : file_(open_rows(path)),
      hi_(file_, format::address_hi),
      lo_(file_, format::address_lo),
      company_(file_, format::address_company),
      address_rows_(file_, format::address_rows),
      tag_(file_, format::score_tag),
      score_(file_, format::score_score),
      surge_(file_, format::score_surge),
      confident_(file_, format::score_confident),
      hits_(file_, format::score_hits),
      keys_(file_, format::score_keys),
      days_(file_, format::score_days),
      first_day_(file_, format::score_first_day),
      last_day_(file_, format::score_last_day),
      raw_(file_, format::score_raw) {
    for (const std::uint64_t size : {lo_.size(), company_.size(), address_rows_.size()}) {
        if (size != hi_.size()) file_.damaged("the columns of addresses differ in length");
    }
    for (const std::uint64_t size :
         {score_.size(), surge_.size(), confident_.size(), hits_.size(), keys_.size(), days_.size(),
          first_day_.size(), last_day_.size(), raw_.size()}) {
        if (size != tag_.size()) file_.damaged("the columns of rows differ in length");
    }
}

void ScoresPartReader::seek_row(std::uint64_t row) {
    tag_.seek(row);
    score_.seek(row);
    surge_.seek(row);
    confident_.seek(row);
    hits_.seek(row);
    keys_.seek(row);
    days_.seek(row);
    first_day_.seek(row);
    last_day_.seek(row);
    raw_.seek(row);
    rows_left_ = 0;
}

void ScoresPartReader::seek(const SeekPoint& point) {
    if (point.address_index > hi_.size() || point.row > tag_.size())
        file_.damaged("a seek point lies behind the end");
    hi_.seek(point.address_index);
    lo_.seek(point.address_index);
    company_.seek(point.address_index);
    address_rows_.seek(point.address_index);
    hi_left_ = lo_left_ = address_rows_left_ = {};
    company_left_ = {};
    seek_row(point.row);
}

bool ScoresPartReader::next_address() {
    if (rows_left_ > 0) seek_row(tag_.position() + rows_left_);
    if (hi_left_.empty()) hi_left_ = hi_.next();
    if (hi_left_.empty()) {
        if (tag_.position() != tag_.size()) file_.damaged("there are rows without an address");
        return false;
    }
    if (lo_left_.empty()) lo_left_ = lo_.next();
    if (company_left_.empty()) company_left_ = company_.next();
    if (address_rows_left_.empty()) address_rows_left_ = address_rows_.next();
    if (lo_left_.empty() || company_left_.empty() || address_rows_left_.empty()) {
        file_.damaged("the columns of addresses differ in length");
    }
    address_ = {hi_left_.front(), lo_left_.front()};
    company_id_ = company_left_.front();
    rows_left_ = address_rows_left_.front();
    hi_left_ = hi_left_.subspan(1);
    lo_left_ = lo_left_.subspan(1);
    company_left_ = company_left_.subspan(1);
    address_rows_left_ = address_rows_left_.subspan(1);
    if (rows_left_ == 0 || rows_left_ > tag_.size() - tag_.position()) {
        file_.damaged("address " + to_string(address_) + " has an impossible number of rows");
    }
    return true;
}

ScoresPartReader::Rows ScoresPartReader::next_rows() {
    Rows rows;
    rows.tag = tag_.next(rows_left_);
    const std::size_t count = rows.tag.size();
    const auto fill = [&](auto& span, auto& column) {
        span = column.next(count);
        if (span.size() != count) file_.damaged("the columns of rows are cut into different chunks");
    };
    fill(rows.score, score_);
    fill(rows.surge, surge_);
    fill(rows.confident, confident_);
    fill(rows.hits, hits_);
    fill(rows.keys, keys_);
    fill(rows.days, days_);
    fill(rows.first_day, first_day_);
    fill(rows.last_day, last_day_);
    fill(rows.raw, raw_);
    rows_left_ -= count;
    return rows;
}

EvidenceReader open_part_evidence(const std::filesystem::path& path) {
    return EvidenceReader(open_part(path));
}

ScoresNames read_scores_names(const H5File& file) {
    return {read_strings(file, format::tags), read_strings(file, format::companies)};
}

std::vector<CompanyRow> read_company_rows(const H5File& file) {
    std::vector<CompanyRow> rows;
    read_member<std::uint32_t>(file, format::company_company, rows,
                               [](CompanyRow& row, std::uint32_t value) { row.company = value; });
    read_member<std::uint32_t>(file, format::company_tag, rows,
                               [](CompanyRow& row, std::uint32_t value) { row.tag = value; });
    read_member<float>(file, format::company_score, rows,
                       [](CompanyRow& row, float value) { row.score = value; });
    read_member<float>(file, format::company_surge, rows,
                       [](CompanyRow& row, float value) { row.surge = value; });
    read_member<std::uint64_t>(file, format::company_addresses, rows,
                               [](CompanyRow& row, std::uint64_t value) { row.addresses = value; });
    read_member<std::uint64_t>(file, format::company_hits, rows,
                               [](CompanyRow& row, std::uint64_t value) { row.hits = value; });
    read_member<std::uint8_t>(file, format::company_days, rows,
                              [](CompanyRow& row, std::uint8_t value) { row.days = value; });
    read_member<std::uint64_t>(file, format::company_raw, rows,
                               [](CompanyRow& row, std::uint64_t value) { row.raw = value; });
    return rows;
}

std::uint64_t ScoresIndex::rows() const noexcept {
    std::uint64_t rows = 0;
    for (const PartRecord& part : parts) rows += part.rows;
    return rows;
}

std::uint64_t ScoresIndex::addresses() const noexcept {
    std::uint64_t addresses = 0;
    for (const PartRecord& part : parts) addresses += part.addresses;
    return addresses;
}

ScoresIndexWriter::ScoresIndexWriter(const std::filesystem::path& path)
    : file_(H5File::create(path)),
      company_(file_, format::company_company, Codec::scale_offset),
      tag_(file_, format::company_tag, Codec::scale_offset),
      score_(file_, format::company_score, Codec::none),
      surge_(file_, format::company_surge, Codec::none),
      addresses_(file_, format::company_addresses, Codec::scale_offset),
      hits_(file_, format::company_hits, Codec::scale_offset),
      days_(file_, format::company_days, Codec::scale_offset),
      raw_(file_, format::company_raw, Codec::scale_offset) {}

void ScoresIndexWriter::append(const CompanyRow& row) {
    company_.append(row.company);
    tag_.append(row.tag);
    score_.append(row.score);
    surge_.append(row.surge);
    addresses_.append(row.addresses);
    hits_.append(row.hits);
    days_.append(row.days);
    raw_.append(row.raw);
}

std::uint64_t ScoresIndexWriter::finish_company_rows() {
    std::vector<std::uint64_t> checksums;
    const auto finish = [&](auto& column) {
        column.finish();
        checksums.push_back(column.checksum());
    };
    finish(company_);
    finish(tag_);
    finish(score_);
    finish(surge_);
    finish(addresses_);
    finish(hits_);
    finish(days_);
    finish(raw_);
    return combine_checksums(checksums);
}

void ScoresIndexWriter::finish(ScoresIndex& index, const scoring::ScoringInputs& inputs) {
    const std::uint64_t tags = write_strings(file_, format::tags, index.tags);
    const std::uint64_t companies = write_strings(file_, format::companies, index.companies.names);
    const std::uint64_t company_rows = finish_company_rows();
    write_networks(file_, index.companies.networks);
    write_inputs(file_, inputs);
    write_part_list(file_, index.parts);
    StreamHash hash;
    const auto update = [&](std::uint64_t value) { hash.update(std::as_bytes(std::span(&value, 1))); };
    update(tags);
    update(companies);
    update(company_rows);
    for (const PartRecord& part : index.parts) update(part.checksum);
    index.content_hash = hash.digest128_text();
    const Json description{{"job_hash", index.job_hash},
                           {"content_hash", index.content_hash},
                           {"model", model_json(index.model)},
                           {"counts", index.counts}};
    write_text(file_, format::description, description.dump(1, ' ', false, Json::error_handler_t::replace));
    write_format(file_, format::scores_index);
    file_.close();
}

ScoresIndex read_scores_index(const std::filesystem::path& scores) {
    if (!std::filesystem::exists(scores / format::index_name)) {
        throw InputError(fmt::format("{}: is no finished result (there is no {}); run ipscore score",
                                     scores.string(), (scores / format::index_name).string()));
    }
    const H5File file = H5File::open(scores / format::index_name);
    check_format(file, format::scores_index);
    ScoresIndex index;
    try {
        const Json description = Json::parse(read_text(file, format::description));
        index.job_hash = description.at("job_hash");
        index.content_hash = description.at("content_hash");
        index.model = model_of_json(description.at("model"));
        index.counts = description.at("counts");
    } catch (const Json::exception& error) {
        file.damaged(error.what());
    }
    ScoresNames names = read_scores_names(file);
    index.tags = std::move(names.tags);
    index.companies.names = std::move(names.companies);
    index.companies.networks = read_networks(file);
    index.company_rows = read_company_rows(file);
    index.parts = read_part_list(file);
    for (std::size_t part = 0; part < index.parts.size(); ++part) {
        if (!std::filesystem::exists(scores / format::part_name(part))) {
            throw InputError(
                fmt::format("{}: is missing, but the index lists it; run the same ipscore score again",
                            (scores / format::part_name(part)).string()));
        }
    }
    return index;
}

scoring::ScoringInputs read_scoring_inputs(const std::filesystem::path& scores, const ScoresIndex& index) {
    const H5File file = H5File::open(scores / format::index_name);
    scoring::ScoringInputs inputs;
    inputs.postings.offsets = read_column<std::uint32_t>(file, format::posting_offsets);
    read_member<std::uint32_t>(file, format::posting_tag, inputs.postings.postings,
                               [](scoring::Posting& posting, std::uint32_t value) { posting.tag = value; });
    read_member<std::uint32_t>(
        file, format::posting_weight, inputs.postings.postings,
        [](scoring::Posting& posting, std::uint32_t value) { posting.weight = value; });
    std::vector<std::string_view> tags;
    for (std::size_t tag = 0; tag < index.tags.size(); ++tag) tags.push_back(index.tags[tag]);
    inputs.rules = scoring::TagRules(index.model, tags);
    return inputs;
}

bool scores_index_stands(const std::filesystem::path& scores, const std::string& content_hash) {
    try {
        const H5File file = H5File::open(scores / format::index_name);
        check_format(file, format::scores_index);
        if (Json::parse(read_text(file, format::description)).at("content_hash") != content_hash)
            return false;
        for (const char* strings : {format::tags, format::companies, format::network_types}) {
            verify_column(file, std::string(strings) + "/bytes", ElementType::u8);
            verify_column(file, std::string(strings) + "/offsets", ElementType::u64);
        }
        for (const char* column : {format::network_prefix_length, format::company_days})
            verify_column(file, column, ElementType::u8);
        for (const char* column :
             {format::network_company, format::network_confidence, format::company_company,
              format::company_tag, format::posting_offsets, format::posting_tag, format::posting_weight,
              format::tag_profile, format::decay})
            verify_column(file, column, ElementType::u32);
        for (const char* column :
             {format::network_hi, format::network_lo, format::company_addresses, format::company_hits,
              format::company_raw, format::part_first_hi, format::part_first_lo, format::part_last_hi,
              format::part_last_lo, format::part_addresses, format::part_rows, format::part_checksum})
            verify_column(file, column, ElementType::u64);
        for (const char* column : {format::company_score, format::company_surge})
            verify_column(file, column, ElementType::f32);
        return true;
    } catch (const InputError&) {
        return false;
    } catch (const Json::exception&) {
        return false;
    }
}

} // namespace ipscore::io
