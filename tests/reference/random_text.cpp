#include "random_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace ipscore::reference {

namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

std::string printed(const char* format, unsigned value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

/// The first `count` groups of 16 bits, each followed by a colon but the last.
std::string groups_text(const Address& address, std::size_t count, const char* format) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) text += ':';
        text += printed(format, address[2 * i] * 256u + address[2 * i + 1]);
    }
    return text;
}

std::string dotted_tail(const Address& address) {
    std::string text;
    for (std::size_t i = 12; i < 16; ++i) {
        if (i > 12) text += '.';
        text += std::to_string(address[i]);
    }
    return text;
}

std::string ipv6_text(Random& random, const Address& address) {
    switch (random.below(is_ipv4(address) ? 5 : 7)) {
    case 0:
        return groups_text(address, 8, "%x");
    case 1:
        return groups_text(address, 8, "%04X");
    case 2:
        return groups_text(address, 6, "%x") + ':' + dotted_tail(address);
    case 3:
        return is_ipv4(address) ? "::ffff:" + dotted_tail(address) : upper(format_address(address));
    case 4:
        if (!is_ipv4(address)) return format_address(address);
        return random.word({"::FFFF:", "::ffff:", "0::ffff:"}) +
               printed("%x", address[12] * 256u + address[13]) + ':' +
               printed("%x", address[14] * 256u + address[15]);
    default:
        return format_address(address);
    }
}

std::string quoted(const std::string& value) {
    std::string text = csv_field(value);
    return text.starts_with('"') ? text : '"' + text + '"';
}

} // namespace

std::string random_address_text(Random& random, const Address& address) {
    if (is_ipv4(address) && random.chance(65)) return format_address(address);
    return ipv6_text(random, address);
}

std::string random_network_text(Random& random, const Network& network) {
    if (is_ipv4(network.first) && network.prefix_bits >= 96 && random.chance(75)) {
        return format_address(network.first) + '/' + std::to_string(network.prefix_bits - 96);
    }
    return ipv6_text(random, network.first) + '/' + std::to_string(network.prefix_bits);
}

std::string random_day_text(Random& random, Day day) {
    if (random.chance(60)) return format_day(day);
    const bool leap_second = random.chance(15);
    const auto second_of_day = leap_second
                                   ? std::int64_t{86399}
                                   : random.pick({std::int64_t{0}, std::int64_t{86399},
                                                  random.between(0, 86399), random.between(0, 86399)});
    const auto ahead = random.pick({0, 0, 60, -60, 330, 345, 840, -720, 1439, -1439});
    const auto local = day + seconds{second_of_day} + minutes{ahead};
    const Day local_day = std::chrono::floor<days>(local);
    const auto left = static_cast<unsigned>((local - local_day).count());
    std::string text = format_day(local_day) + random.word({"T", "T", "t", " "});
    text += printed("%02u", left / 3600) + ':' + printed("%02u", left / 60 % 60) + ':';
    text += leap_second ? "60" : printed("%02u", left % 60);
    text += random.word({"", "", ".5", ".000", ".999999999999"});
    if (ahead == 0) return text + random.word({"Z", "z", "+00:00", "-00:00"});
    const auto away = static_cast<unsigned>(std::abs(ahead));
    return text + (ahead < 0 ? '-' : '+') + printed("%02u", away / 60) + ':' + printed("%02u", away % 60);
}

std::string random_decimal_text(Random& random, std::uint32_t millionths) {
    std::string text = printed("%07u", millionths);
    text.insert(1, ".");
    if (random.chance(30)) text.append(random.below(4), '0');
    if (random.chance(40)) {
        while (text.back() == '0') text.pop_back();
        if (text.back() == '.') text.pop_back();
    }
    if (text.starts_with("0.") && random.chance(30)) text.erase(0, 1);
    return text;
}

std::string random_key(Random& random) {
    const std::string plain = "site-" + std::to_string(random.below(1000)) + ".example";
    switch (random.below(24)) {
    case 0:
        return plain + ",with,commas";
    case 1:
        return plain + " \"quoted\"";
    case 2:
        return plain + "\nsecond line";
    case 3:
        return plain + "\r\n";
    case 4:
        return plain + std::string(1, '\0') + "after NUL";
    case 5:
        return std::string(1, '\0');
    case 6:
        return plain + "\xFF\xC0\x80";
    case 7:
        return "\xED\xA0\x80" + plain;
    case 8:
        return random.word({"\"", "\"\"", ",", "\n", "\r", " ", "\t", "'", "0", "\xEF\xBB\xBF", "#", "\\N"});
    case 9:
        return ' ' + plain + ' ';
    case 10:
        return "site-";
    case 11:
        return random.word({"Zürich", "zurich", "日本.example", "\xC3", "\x7F", "\x80"});
    case 12:
        return std::string(static_cast<std::size_t>(random.between(1020, 1024)), 'k');
    case 13: {
        std::string bytes(random.chance(50) ? 1024 : 1 + random.below(40), '\0');
        for (char& byte : bytes) byte = static_cast<char>(random.below(256));
        return bytes;
    }
    default:
        return plain;
    }
}

std::string toml_string(const std::string& text) {
    std::string quoted_text = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F)
            quoted_text += printed("\\u%04X", byte);
        else if (c == '"' || c == '\\')
            quoted_text += {'\\', c};
        else
            quoted_text += c;
    }
    return quoted_text + '"';
}

std::string random_csv(Random& random, const std::vector<std::string>& columns,
                       const std::vector<RandomRow>& rows) {
    // Each output column is one of ours (its number), or an unknown one (its name).
    struct Column {
        std::size_t source;
        std::string unknown_name;
    };
    std::vector<Column> order;
    for (std::size_t i = 0; i < columns.size(); ++i) order.push_back({i, ""});
    if (random.chance(40)) {
        std::vector<std::string> names = {"note", "", "IP", "Hits", " key", "a,b", "Größe", "weight2"};
        random.shuffle(names);
        names.resize(random.below(4));
        for (const std::string& name : names) order.push_back({columns.size(), name});
    }
    if (random.chance(60)) random.shuffle(order);

    const bool always_quote = random.chance(10);
    const bool blank_lines = random.chance(20);
    const int crlf_percent = random.pick({0, 0, 0, 100, 50});
    const auto field_text = [&](const std::string& value) {
        return always_quote || random.chance(3) ? quoted(value) : csv_field(value);
    };
    const auto line_end = [&] { return std::string(random.chance(crlf_percent) ? "\r\n" : "\n"); };

    std::string text = random.chance(15) ? "\xEF\xBB\xBF" : "";
    if (blank_lines && random.chance(30)) text += line_end();
    for (std::size_t i = 0; i < order.size(); ++i) {
        const bool is_ours = order[i].source < columns.size();
        text += (i > 0 ? "," : "") + field_text(is_ours ? columns[order[i].source] : order[i].unknown_name);
    }
    for (const RandomRow& row : rows) {
        text += line_end();
        while (blank_lines && random.chance(20)) text += line_end();
        std::vector<std::string> fields;
        for (const Column& column : order) {
            const bool is_ours = column.source < columns.size();
            fields.push_back(field_text(is_ours ? row.fields[column.source]
                                                : random.word({"", "7", "x", "two\nlines", "\"", "a,b"})));
        }
        if (row.damage == Damage::missing_field) fields.pop_back();
        if (row.damage == Damage::extra_field) fields.push_back("1");
        if (row.damage == Damage::quote_inside) fields.back() = "a\"b";
        if (row.damage == Damage::text_after_quote) fields.back() = "\"1\"2";
        for (std::size_t i = 0; i < fields.size(); ++i) text += (i > 0 ? "," : "") + fields[i];
    }
    if (random.chance(85)) text += line_end();
    if (blank_lines) text += line_end();
    return text;
}

} // namespace ipscore::reference
