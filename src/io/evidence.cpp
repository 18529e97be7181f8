#include "ipscore/io/evidence.hpp"

#include "ipscore/io/format.hpp"

#include <utility>

namespace ipscore::io {

EvidenceWriter::EvidenceWriter(H5File& file, std::size_t chunk_values)
    : company_(file, format::evidence_company, Codec::scale_offset, chunk_values),
      tag_(file, format::evidence_tag, Codec::scale_offset, chunk_values),
      addresses_(file, format::evidence_addresses, Codec::scale_offset, chunk_values),
      hits_(file, format::evidence_hits, Codec::scale_offset, chunk_values),
      ages_lo_(file, format::evidence_ages_lo, Codec::scale_offset, chunk_values),
      ages_hi_(file, format::evidence_ages_hi, Codec::scale_offset, chunk_values),
      raw_(file, format::evidence_raw, Codec::scale_offset, chunk_values),
      recent_(file, format::evidence_recent, Codec::scale_offset, chunk_values),
      base_(file, format::evidence_base, Codec::scale_offset, chunk_values) {}

void EvidenceWriter::append(const scoring::CompanyEvidence& evidence) {
    company_.append(evidence.company);
    tag_.append(evidence.tag);
    addresses_.append(evidence.addresses);
    hits_.append(evidence.hits);
    ages_lo_.append(evidence.days.lo);
    ages_hi_.append(evidence.days.hi);
    raw_.append(evidence.raw);
    recent_.append(evidence.recent);
    base_.append(evidence.base);
}

std::vector<std::uint64_t> EvidenceWriter::finish() {
    std::vector<std::uint64_t> checksums;
    const auto finish = [&](auto& column) {
        column.finish();
        checksums.push_back(column.checksum());
    };
    finish(company_);
    finish(tag_);
    finish(addresses_);
    finish(hits_);
    finish(ages_lo_);
    finish(ages_hi_);
    finish(raw_);
    finish(recent_);
    finish(base_);
    return checksums;
}

EvidenceReader::EvidenceReader(H5File file)
    : file_(std::make_unique<H5File>(std::move(file))),
      company_(*file_, format::evidence_company),
      tag_(*file_, format::evidence_tag),
      addresses_(*file_, format::evidence_addresses),
      hits_(*file_, format::evidence_hits),
      ages_lo_(*file_, format::evidence_ages_lo),
      ages_hi_(*file_, format::evidence_ages_hi),
      raw_(*file_, format::evidence_raw),
      recent_(*file_, format::evidence_recent),
      base_(*file_, format::evidence_base) {
    for (const std::uint64_t size : {tag_.size(), addresses_.size(), hits_.size(), ages_lo_.size(),
                                     ages_hi_.size(), raw_.size(), recent_.size(), base_.size()}) {
        if (size != company_.size()) file_->damaged("the columns of company evidence differ in length");
    }
}

std::span<const scoring::CompanyEvidence> EvidenceReader::next() {
    constexpr std::size_t rows_max = 256;
    const auto company = company_.next(rows_max);
    rows_.resize(company.size());
    const auto fill = [&](auto& column, auto set) {
        const auto values = column.next(rows_.size());
        if (values.size() != rows_.size())
            file_->damaged("the columns of company evidence are cut into different chunks");
        for (std::size_t i = 0; i < rows_.size(); ++i) set(rows_[i], values[i]);
    };
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i].company = company[i];
    fill(tag_, [](auto& row, std::uint32_t value) { row.tag = value; });
    fill(addresses_, [](auto& row, std::uint64_t value) { row.addresses = value; });
    fill(hits_, [](auto& row, std::uint64_t value) { row.hits = value; });
    fill(ages_lo_, [](auto& row, std::uint64_t value) { row.days.lo = value; });
    fill(ages_hi_, [](auto& row, std::uint64_t value) { row.days.hi = value; });
    fill(raw_, [](auto& row, std::uint64_t value) { row.raw = value; });
    fill(recent_, [](auto& row, std::uint64_t value) { row.recent = value; });
    fill(base_, [](auto& row, std::uint64_t value) { row.base = value; });
    return rows_;
}

} // namespace ipscore::io
