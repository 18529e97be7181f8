#include "generate_observations.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace ipscore::stages::generating {

namespace {

char* put(char* out, std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char* put_two_digits(char* out, std::uint64_t number) {
    *out++ = static_cast<char>('0' + number / 10);
    *out++ = static_cast<char>('0' + number % 10);
    return out;
}

} // namespace

RowMaker::RowMaker(const GenerateArgs& args, const Population& population, const Content& content)
    : args_(args),
      population_(population),
      content_(content),
      first_day_(args.as_of - static_cast<Day>(args.days) + 1),
      gateway_below_(static_cast<std::uint64_t>(args.gateway_share * 4294967296.0)) {
    // Monday to Sunday; 1970-01-01 was a Thursday.
    constexpr std::array<std::size_t, 7> weekday_weights{11, 12, 12, 12, 10, 6, 5};
    for (std::uint32_t day = 0; day < args.days; ++day) {
        const Day date = first_day_ + static_cast<Day>(day);
        format_date(day_texts_.emplace_back().data(), date);
        day_draws_.insert(day_draws_.end(), weekday_weights[static_cast<std::size_t>(date + 3) % 7], day);
    }
}

char* RowMaker::make_block(std::uint64_t block, char* out) const {
    Random random(args_.seed, stream_rows, block);
    std::array<Visit, 256> recent;
    const std::uint64_t rows = std::min(block_rows, args_.rows - block * block_rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
        // One row in 90 repeats what a row shortly before has seen, as logs of several servers do.
        const std::uint64_t draw = random.next();
        const bool repeats = (draw & 0xffff) < 0x1'0000 / 90 && row > 0;
        const Visit visit = repeats ? recent[random.below(std::min<std::uint64_t>(row, recent.size()))]
                                    : draw_visit(random, (draw >> 32) < gateway_below_);
        recent[row % recent.size()] = visit;
        out = put_row(out, visit, random);
    }
    return out;
}

RowMaker::Visit RowMaker::draw_visit(Random& random, bool of_gateway) const {
    Visit visit;
    if (of_gateway) {
        // Many people browse behind it, so its visits spread wider over the keys.
        visit.key = rank_of_square(random.next(), args_.keys);
    } else {
        // With a gateway, the first address is that one, and its share is not to grow by others' draws.
        const std::uint64_t addresses = population_.addresses.size();
        const std::uint64_t skipped = gateway_below_ > 0 && addresses > 1 ? 1 : 0;
        visit.address = skipped + rank_of_cube(random.next(), addresses - skipped);
        visit.key = rank_of_fourth_power(random.next(), args_.keys);
    }
    visit.day = day_draws_[random.below(day_draws_.size())];
    return visit;
}

char* RowMaker::put_row(char* out, const Visit& visit, Random& random) const {
    out = format_address(out, population_.addresses[visit.address]);
    *out++ = ',';
    if ((random.next() & 0xffff) < 0x1'0000 / 50)
        out = put_timestamp(out, first_day_ + static_cast<Day>(visit.day), random);
    else
        out = put(out, {day_texts_[visit.day].data(), date_text_bytes});
    *out++ = ',';
    out = put(out, content_.keys[visit.key]);
    *out++ = ',';
    // At least k hits with a chance of 1 / k^2: the larger of two numbers is below 1/k with that chance.
    constexpr std::uint64_t hits_max = 9'999;
    const std::uint64_t draw = random.next();
    const std::uint64_t larger = std::max(draw >> 32, draw & 0xffff'ffff) + 1;
    out = std::to_chars(out, out + 10, std::min(hits_max, (std::uint64_t{1} << 32) / larger)).ptr;
    *out++ = '\n';
    return out;
}

/// An RFC 3339 timestamp whose UTC date is `utc_day`, half of them in local time.
char* RowMaker::put_timestamp(char* out, Day utc_day, Random& random) const {
    constexpr std::array<int, 8> offsets_minutes{-480, -300, -180, 60, 120, 330, 540, 0};
    const auto second = static_cast<int>(random.below(86'400));
    const std::uint64_t form = random.below(16);
    const int offset_minutes = form < offsets_minutes.size() ? offsets_minutes[form] : 0;
    const int local_second = second + offset_minutes * 60; // counted from midnight UTC
    const int day_shift = local_second < 0 ? -1 : local_second / 86'400;
    const auto in_day = static_cast<std::uint64_t>(local_second - day_shift * 86'400);
    out = format_date(out, utc_day + day_shift);
    *out++ = 'T';
    out = put_two_digits(out, in_day / 3600);
    *out++ = ':';
    out = put_two_digits(out, in_day / 60 % 60);
    *out++ = ':';
    out = put_two_digits(out, in_day % 60);
    if (form == 8) {
        *out++ = '.';
        *out++ = static_cast<char>('0' + random.below(10));
        out = put_two_digits(out, random.below(100));
    }
    if (form >= offsets_minutes.size()) {
        *out++ = 'Z';
        return out;
    }
    *out++ = offset_minutes < 0 ? '-' : '+';
    const auto offset = static_cast<std::uint64_t>(std::abs(offset_minutes));
    out = put_two_digits(out, offset / 60);
    *out++ = ':';
    return put_two_digits(out, offset % 60);
}

} // namespace ipscore::stages::generating
