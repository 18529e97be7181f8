#include "ipscore/core/checksum.hpp"

#include <fmt/format.h>
#include <new>
#include <xxhash.h>

namespace ipscore {

namespace {

// The 64-bit and the 128-bit variant of XXH3 share one state and one update, so a stream can be asked for
// both digests.
std::string text_of(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }

} // namespace

void StreamHash::Free::operator()(XXH3_state_s* state) const noexcept { XXH3_freeState(state); }

StreamHash::StreamHash() : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
}
StreamHash::~StreamHash() = default;
StreamHash::StreamHash(StreamHash&&) noexcept = default;
StreamHash& StreamHash::operator=(StreamHash&&) noexcept = default;

void StreamHash::update(std::span<const std::byte> bytes) noexcept {
    if (!bytes.empty()) XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

std::uint64_t StreamHash::digest64() const noexcept { return XXH3_64bits_digest(state_.get()); }

std::string StreamHash::digest128_text() const { return text_of(XXH3_128bits_digest(state_.get())); }

std::uint64_t checksum64(std::span<const std::byte> bytes) noexcept {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::string content_hash(std::string_view text) { return text_of(XXH3_128bits(text.data(), text.size())); }

std::string checksum_text(std::uint64_t checksum) { return fmt::format("{:016x}", checksum); }

} // namespace ipscore
