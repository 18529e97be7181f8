#include "ipscore/io/strings.hpp"

#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ipscore::io {

namespace {

std::span<const std::uint8_t> as_u8(std::span<const char> text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace

std::uint64_t write_strings(H5File& file, const std::string& name, const ByteStrings& strings) {
    const std::array checksums{
        write_column<std::uint8_t>(file, name + "/bytes", Codec::deflate, as_u8(strings.bytes())),
        write_column<std::uint64_t>(file, name + "/offsets", Codec::scale_offset, strings.offsets())};
    return checksum64(std::as_bytes(std::span(checksums)));
}

ByteStrings read_strings(const H5File& file, const std::string& name) {
    ColumnReader<std::uint8_t> reader(file, name + "/bytes");
    std::vector<char> bytes;
    bytes.reserve(reader.size());
    for (auto chunk = reader.next(); !chunk.empty(); chunk = reader.next()) {
        const auto* text = reinterpret_cast<const char*>(chunk.data());
        bytes.insert(bytes.end(), text, text + chunk.size());
    }
    auto offsets = read_column<std::uint64_t>(file, name + "/offsets");
    if (offsets.empty() || offsets.front() != 0 || offsets.back() != bytes.size() ||
        !std::ranges::is_sorted(offsets)) {
        file.damaged("the offsets of " + name + " do not fit its bytes");
    }
    return {std::move(bytes), std::move(offsets)};
}

StringsWriter::StringsWriter(H5File& file, const std::string& name)
    : bytes_(file, name + "/bytes", Codec::deflate), offsets_(file, name + "/offsets", Codec::scale_offset) {
    offsets_.append(std::uint64_t{0});
}

void StringsWriter::append(std::string_view text) {
    bytes_.append(as_u8(text));
    offsets_.append(bytes_.size());
}

void StringsWriter::finish() {
    bytes_.finish();
    offsets_.finish();
}

std::uint64_t StringsWriter::checksum() const {
    const std::array checksums{bytes_.checksum(), offsets_.checksum()};
    return checksum64(std::as_bytes(std::span(checksums)));
}

StringsReader::StringsReader(const H5File& file, const std::string& name)
    : file_(&file), name_(name), bytes_(file, name + "/bytes"), offsets_(file, name + "/offsets") {
    if (offsets_.size() == 0 || next_offset() != 0)
        file.damaged("the offsets of " + name + " do not fit its bytes");
}

std::uint64_t StringsReader::next_offset() {
    if (offsets_left_.empty()) offsets_left_ = offsets_.next();
    const std::uint64_t offset = offsets_left_.front();
    offsets_left_ = offsets_left_.subspan(1);
    return offset;
}

bool StringsReader::next(std::string_view& text) {
    if (offsets_left_.empty() && offsets_.position() == offsets_.size()) {
        if (offset_ != bytes_.size()) file_->damaged("the offsets of " + name_ + " do not fit its bytes");
        return false;
    }
    const std::uint64_t end = next_offset();
    if (end < offset_ || end > bytes_.size())
        file_->damaged("the offsets of " + name_ + " do not fit its bytes");
    std::uint64_t left = end - offset_;
    offset_ = end;
    const auto piece = [&] {
        const auto bytes = bytes_.next(left);
        left -= bytes.size();
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    text = piece();
    if (left == 0) return true;
    joined_ = text;
    while (left > 0) joined_ += piece();
    text = joined_;
    return true;
}

std::uint64_t write_text(H5File& file, const std::string& name, std::string_view text) {
    return write_column<std::uint8_t>(file, name, Codec::deflate, as_u8(text));
}

std::string read_text(const H5File& file, const std::string& name) {
    const auto bytes = read_column<std::uint8_t>(file, name);
    return {bytes.begin(), bytes.end()};
}

void write_format(H5File& file, const char* format, std::uint64_t version) {
    file.write_attribute("/", format::attribute_format, std::string_view(format));
    file.write_attribute("/", format::attribute_version, version);
}

void check_format(const H5File& file, const char* format) {
    const std::string found = file.read_text("/", format::attribute_format);
    if (found != format) {
        throw InputError(fmt::format("{}: is an {}, not an {}", file.path().string(), found, format));
    }
    const std::uint64_t version = file.read_u64("/", format::attribute_version);
    const std::uint64_t newest = found == format::table_index ? format::table_index_version : format::version;
    if (version > newest) {
        throw InputError(
            fmt::format("{}: has format version {}, but this program reads up to {}; use a newer ipscore",
                        file.path().string(), version, newest));
    }
}

} // namespace ipscore::io
