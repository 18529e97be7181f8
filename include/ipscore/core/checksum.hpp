// Checksums of values (XXH3, 64 bits) and hashes of content (XXH3, 128 bits). Neither is meant against an
// attacker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace ipscore {

/// Hash of a byte stream that is fed piece by piece.
class StreamHash {
public:
    StreamHash();
    ~StreamHash();
    StreamHash(StreamHash&&) noexcept;
    StreamHash& operator=(StreamHash&&) noexcept;

    void update(std::span<const std::byte> bytes) noexcept;
    void update(std::string_view text) noexcept { update(std::as_bytes(std::span(text))); }
    template <class T>
    void update_values(std::span<const T> values) noexcept {
        update(std::as_bytes(values));
    }

    [[nodiscard]] std::uint64_t digest64() const noexcept;
    /// 32 hexadecimal digits.
    [[nodiscard]] std::string digest128_text() const;

private:
    struct Free {
        void operator()(XXH3_state_s* state) const noexcept;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

/// XXH3-64 of one buffer.
[[nodiscard]] std::uint64_t checksum64(std::span<const std::byte> bytes) noexcept;

/// 128-bit hash of one text as 32 hexadecimal digits.
[[nodiscard]] std::string content_hash(std::string_view text);

/// 16 hexadecimal digits.
[[nodiscard]] std::string checksum_text(std::uint64_t checksum);

} // namespace ipscore
