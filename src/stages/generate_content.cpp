#include "generate_content.hpp"

#include "generate_random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace ipscore::stages::generating {

namespace {

constexpr std::uint64_t tags_of_key_max = 4;

/// Tags by number, the first being the most common, the last 3 in 100 rare.
class TagPicker {
public:
    explicit TagPicker(std::uint32_t tags) {
        std::uint64_t end = 0;
        for (std::uint64_t tag = 0; tag < tags; ++tag) {
            std::uint64_t weight = std::uint64_t{1'000'000'000} / (40 + 100 * tag / tags);
            if (tag >= 20 && tag * 100 >= std::uint64_t{tags} * 97) weight /= 40;
            ends_.push_back(end += weight);
        }
    }
    [[nodiscard]] std::uint32_t pick(Random& random) const {
        const auto end = std::upper_bound(ends_.begin(), ends_.end(), random.below(ends_.back()));
        return static_cast<std::uint32_t>(end - ends_.begin());
    }
    [[nodiscard]] std::uint32_t tags() const { return static_cast<std::uint32_t>(ends_.size()); }

private:
    std::vector<std::uint64_t> ends_;
};

/// "cafe-restaurants": at most 18 bytes, of letters, digits, bytes of UTF-8 and single hyphens.
std::string slug_of(std::string_view name) {
    constexpr std::size_t bytes_max = 18;
    std::string slug;
    for (const char byte : name) {
        const bool keeps = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || (byte & 0x80) != 0;
        if (slug.size() == bytes_max) break;
        if (keeps)
            slug += byte;
        else if (!slug.empty() && slug.back() != '-')
            slug += '-';
    }
    while (!slug.empty() && slug.back() == '-') slug.pop_back();
    return slug;
}

std::string hexadecimal(std::uint64_t number, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i > 0; --i, number >>= 4) text[i - 1] = "0123456789abcdef"[number & 15];
    return text;
}

/// How many tags a key has: most of the popular keys are classified, and to more tags, for they were worth
/// the work.
std::uint64_t draw_tag_count(Random& random, bool popular) {
    constexpr std::array<std::uint8_t, 16> of_popular{1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4};
    constexpr std::array<std::uint8_t, 16> of_others{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4};
    if (!random.chance(popular ? 970 : 735)) return 0;
    const std::span<const std::uint8_t, 16> counts = popular ? of_popular : of_others;
    return counts[random.below(counts.size())];
}

/// 1 to 6 decimals, mostly 2 or 3; the first tag of a key weighs most.
Millionths draw_weight(Random& random, bool first) {
    constexpr std::array<std::uint64_t, 8> grains{100'000, 10'000, 10'000, 10'000, 1'000, 1'000, 1, 1};
    const std::uint64_t draw = random.below(1000);
    if (first && draw < 60) return one_in_millionths;
    const std::uint64_t grain = grains[random.below(grains.size())];
    const std::uint64_t weight = first ? 400'000 + random.below(600'000) : 50'000 + random.below(700'000);
    return coarsened(weight, grain);
}

/// Distinct for distinct `number`s of `bits` bits: each shape spells the whole number out.
std::string key_text(Random& random, std::uint64_t number, unsigned bits, std::uint64_t seed,
                     const std::string& slug) {
    constexpr std::array<std::string_view, 8> hosts{"news.example.com", "blog.example.org", "daily.example",
                                                    "shop.example.net", "tv.example",       "www.example.com",
                                                    "forum.example",    "mag.example.org"};
    const std::string digits = std::to_string(10'000 + permuted(number, bits, seed));
    if (random.below(500) == 0) return "find?q=\"" + slug + "\",eu," + digits;
    const std::uint64_t shape = random.below(20);
    if (shape < 7) {
        std::string text(hosts[random.below(hosts.size())]);
        return text.append("/").append(slug).append("/a-").append(digits);
    }
    if (shape < 13) return "cid:" + hexadecimal(permuted(number, 48, seed), 12);
    if (shape < 17) return "site" + digits + ".example";
    return "in-app." + slug.substr(0, slug.find('-')) + ".n" + digits;
}

} // namespace

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string field = "\"";
    for (const char byte : text) {
        if (byte == '"') field += '"';
        field += byte;
    }
    return field + '"';
}

Content make_content(std::uint64_t seed, std::uint64_t keys, std::uint32_t tags) {
    const TagPicker picker(tags);
    const std::uint64_t extra_keys = keys / 500 + 1; // classified, never seen
    const std::uint64_t keys_and_extra_tags = keys + extra_keys + tags;
    const auto bits = std::max(16U, static_cast<unsigned>(std::bit_width(keys_and_extra_tags)));

    std::vector<std::string> slugs;
    for (std::uint32_t tag = 0; tag < tags; ++tag) slugs.push_back(slug_of(tag_name(tag)));

    Content made;
    std::vector<bool> tag_is_used(tags);
    const auto add = [&](std::uint64_t key, std::uint32_t tag, Random& random, bool first) {
        made.classification.push_back({static_cast<std::uint32_t>(key), tag, draw_weight(random, first)});
        tag_is_used[tag] = true;
    };
    for (std::uint64_t key = 0; key < keys + extra_keys; ++key) {
        Random random(seed, stream_keys, key);
        const std::uint32_t topic = picker.pick(random);
        made.keys.add(csv_field(key_text(random, key, bits, seed, slugs[topic])));

        std::uint64_t wanted = draw_tag_count(random, key < keys / 16);
        if (key == 0 || key >= keys) wanted = std::max(wanted, std::uint64_t{1});
        std::array<std::uint32_t, tags_of_key_max> chosen{topic};
        std::uint64_t count = 0;
        // Draws that hit a tag again are given up: with few tags a key may not find four.
        for (std::uint64_t draw = 0; draw < 3 * wanted && count < wanted; ++draw) {
            const std::uint32_t tag = draw == 0 ? topic : picker.pick(random);
            if (std::find(chosen.begin(), chosen.begin() + count, tag) != chosen.begin() + count) continue;
            chosen[count++] = tag;
            add(key, tag, random, count == 1);
        }
    }
    for (std::uint32_t tag = 0; tag < tags; ++tag) {
        if (tag_is_used[tag]) continue;
        const std::uint64_t key = made.keys.size();
        Random random(seed, stream_keys, key);
        made.keys.add(csv_field(key_text(random, key, bits, seed, slugs[tag])));
        add(key, tag, random, true);
    }
    return made;
}

} // namespace ipscore::stages::generating
