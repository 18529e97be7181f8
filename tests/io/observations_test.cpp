// Observations of every format: the same data gives the same batch, and bad rows are set aside with a reason.
#include "ipscore/io/observations.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/core/string_index.hpp"
#include "ipscore/io/csv.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

namespace ipscore::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> texts_of(const ByteStrings& strings) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < strings.size(); ++i) texts.emplace_back(strings[i]);
    return texts;
}

/// All rows of a file, in order, whatever the batches were.
struct Rows {
    struct Good {
        Address address;
        std::string key;
        Day day = 0;
        std::uint32_t hits = 0;
        friend bool operator==(const Good&, const Good&) = default;
    };
    std::vector<Good> good;
    std::vector<std::pair<std::uint64_t, std::string>> bad; ///< line and reason
    std::string content_hash;
    std::uint64_t bytes = 0;

    [[nodiscard]] std::vector<std::string> reasons() const {
        std::vector<std::string> texts;
        for (const auto& [line, reason] : bad) texts.push_back(reason);
        return texts;
    }
};

class Observations : public FilesTest {
protected:
    static constexpr std::size_t large_block_bytes = 1U << 20U;

    [[nodiscard]] Rows read(const std::string& name, const std::string& text, ObservationForm form = {},
                            std::size_t block_bytes = large_block_bytes) const {
        form.format = format_of_name(name);
        ByteSource source(write(name, text));
        const auto file = open_observations(source, form, block_bytes);
        Rows rows;
        TextBlock block;
        while (file->next(block)) {
            const auto parser = file->parser(block);
            do {
                const ObservationBatch batch = parser->next();
                EXPECT_EQ(batch.key_hash.size(), batch.keys.size());
                for (std::size_t i = 0; i < batch.address.size(); ++i) {
                    rows.good.push_back({batch.address[i], std::string(batch.keys[batch.key[i]]),
                                         batch.day[i], batch.hits[i]});
                }
                for (const Reject& reject : batch.rejects) rows.bad.emplace_back(reject.line, reject.reason);
            } while (!parser->done());
        }
        rows.content_hash = file->content_hash();
        rows.bytes = file->bytes();
        return rows;
    }

    /// A text of CSV that is one block.
    [[nodiscard]] ObservationBatch parse(const std::string& text) const {
        ByteSource source(write("o.csv", text));
        const auto file = open_observations(source, {}, large_block_bytes);
        TextBlock block;
        EXPECT_TRUE(file->next(block));
        const auto parser = file->parser(block);
        ObservationBatch batch = parser->next();
        EXPECT_TRUE(parser->done());
        EXPECT_FALSE(file->next(block));
        return batch;
    }

    /// Why the only line of JSON is bad; empty when it is good.
    [[nodiscard]] std::string json_fault(const std::string& line, const ObservationForm& form = {}) const {
        const Rows rows = read("o.jsonl", line + "\n", form);
        if (rows.bad.empty()) {
            EXPECT_EQ(rows.good.size(), 1U) << line;
            return {};
        }
        EXPECT_EQ(rows.good.size() + rows.bad.size(), 1U) << line;
        return rows.bad[0].second;
    }
};

TEST_F(Observations, rows_become_columns) {
    const auto batch = parse("hits,day,note,key,ip\n"
                             "3,2026-11-22,,b,192.0.2.1\n"
                             "4294967295,2000-01-01,,a,::ffff:192.0.2.1\r\n"
                             "\n"
                             "0001,2026-11-22T23:30:00-01:00,\"x\ny\",b,2001:db8::1\n"
                             "1,2099-12-31,,\"a,\"\"\n\",::");
    EXPECT_THAT(batch.address, ElementsAre(address_of_ipv4(0xC0000201), address_of_ipv4(0xC0000201),
                                           Address{0x20010db8'00000000, 1}, lowest_address));
    EXPECT_THAT(batch.day, ElementsAre(20779, 10957, 20780, 47481));
    EXPECT_THAT(batch.hits, ElementsAre(3, 4294967295, 1, 1));
    EXPECT_THAT(batch.key, ElementsAre(0, 1, 0, 2));
    EXPECT_THAT(texts_of(batch.keys), ElementsAre("b", "a", "a,\"\n"));
    ASSERT_EQ(batch.key_hash.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(batch.key_hash[i], StringIndex::hash_of(batch.keys[i]));
    EXPECT_TRUE(batch.rejects.empty());
}

TEST_F(Observations, without_a_column_of_hits_every_row_has_one) {
    const auto batch = parse("ip,day,key\n192.0.2.1,2026-11-22,a\n192.0.2.2,2026-11-22,a\n");
    EXPECT_THAT(batch.hits, ElementsAre(1, 1));
    EXPECT_TRUE(batch.rejects.empty());
}

TEST_F(Observations, missing_columns_are_named) {
    for (const auto& [header, missing] : std::vector<std::pair<std::string, std::string>>{
             {"day,key,hits", "ip"}, {"ip,key", "day"}, {"ip,day,Key", "key"}}) {
        EXPECT_THAT(message_of([&] { (void)parse(header + "\n"); }),
                    HasSubstr("o.csv: there is no column \"" + missing + "\"; the header has \""));
    }
}

TEST_F(Observations, keys_are_any_bytes_up_to_1024) {
    std::string all;
    for (unsigned byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    std::string field;
    append_csv_field(field, all);
    const std::string longest(1024, '\xff');
    const auto batch = parse("ip,day,key\n192.0.2.1,2026-11-22," + field + "\n192.0.2.1,2026-11-22," +
                             longest + "\n192.0.2.1,2026-11-22,\xC3\xA9\n192.0.2.1,2026-11-22,e\xCC\x81\n");
    EXPECT_TRUE(batch.rejects.empty());
    EXPECT_THAT(texts_of(batch.keys), ElementsAre(all, longest, "\xC3\xA9", "e\xCC\x81"));
}

TEST_F(Observations, every_kind_of_bad_row_is_set_aside_with_its_reason) {
    struct Case {
        std::string row;
        std::string reason;
    };
    const std::string address = " is not an IPv4 or IPv6 address";
    const std::string day = " is not YYYY-MM-DD or an RFC 3339 timestamp";
    const std::string range = " is not between 2000-01-01 and 2099-12-31";
    const std::string whole = " is not a whole number from 1 to 4294967295";
    const std::string k1025(1025, 'k');
    const std::vector<Case> cases{
        {"192.0.2.1,2026-11-22,k", "3 fields, but the header has 4"},
        {"192.0.2.1,2026-11-22,k,1,", "5 fields, but the header has 4"},
        {"x", "1 fields, but the header has 4"},
        {",2026-11-22,k,1", "column ip: \"\"" + address},
        {"192.0.2.01,2026-11-22,k,1", "column ip: \"192.0.2.01\"" + address},
        {"192.0.2.256,2026-11-22,k,1", "column ip: \"192.0.2.256\"" + address},
        {"fe80::1%eth0,2026-11-22,k,1", "column ip: \"fe80::1%eth0\"" + address},
        {" 192.0.2.1,2026-11-22,k,1", "column ip: \" 192.0.2.1\"" + address},
        {"1.2.3.4\x01,2026-11-22,k,1", "column ip: \"1.2.3.4\\x01\"" + address},
        {"192.0.2.1,,k,1", "column day: \"\"" + day},
        {"192.0.2.1,22.11.2026,k,1", "column day: \"22.11.2026\"" + day},
        {"192.0.2.1,2026-02-29,k,1", "column day: \"2026-02-29\"" + day},
        {"192.0.2.1,1999-12-31,k,1", "column day: \"1999-12-31\"" + range},
        {"192.0.2.1,2100-01-01,k,1", "column day: \"2100-01-01\"" + range},
        {"192.0.2.1,2099-12-31T23:59:59-00:01,k,1", "column day: \"2099-12-31T23:59:59-00:01\"" + range},
        {"192.0.2.1,2026-11-22,,1", "column key: \"\" is empty"},
        {"192.0.2.1,2026-11-22," + k1025 + ",1",
         "column key: \"" + std::string(60, 'k') + "\"... is longer than 1024 bytes"},
        {"192.0.2.1,2026-11-22,k,", "column hits: \"\"" + whole},
        {"192.0.2.1,2026-11-22,k,0", "column hits: \"0\"" + whole},
        {"192.0.2.1,2026-11-22,k,-1", "column hits: \"-1\"" + whole},
        {"192.0.2.1,2026-11-22,k,1.0", "column hits: \"1.0\"" + whole},
        {"192.0.2.1,2026-11-22,k,4294967296", "column hits: \"4294967296\"" + whole},
        {"192.0.2.1,2026-11-22,k\"x,1", "a quote inside an unquoted field"},
        {"\"192.0.2.1\"x,2026-11-22,k,1", "text after a closing quote"},
    };
    const std::string good = "192.0.2.1,2026-11-22,\"k\n2\",7\n";
    std::string text = "ip,day,key,hits\n";
    for (const Case& bad : cases) text += good + bad.row + "\r\n";
    text += good + "192.0.2.1,\"2026-11-22,k,1\nlast";
    const auto batch = parse(text);

    ASSERT_EQ(batch.rejects.size(), cases.size() + 1);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        EXPECT_EQ(batch.rejects[i].line, 2 + 3 * i + 2);
        EXPECT_EQ(batch.rejects[i].reason, cases[i].reason);
        EXPECT_EQ(batch.rejects[i].text, cases[i].row);
    }
    EXPECT_EQ(batch.rejects.back().reason, "a quoted field without a closing quote");
    EXPECT_EQ(batch.rejects.back().text, "192.0.2.1,\"2026-11-22,k,1\nlast");
    // The good rows are all there, and nothing of the bad ones.
    ASSERT_EQ(batch.address.size(), cases.size() + 1);
    EXPECT_EQ(batch.day.size(), batch.address.size());
    EXPECT_EQ(batch.key.size(), batch.address.size());
    EXPECT_EQ(batch.hits.size(), batch.address.size());
    EXPECT_THAT(texts_of(batch.keys), ElementsAre("k\n2"));
    EXPECT_TRUE(std::ranges::all_of(batch.hits, [](std::uint32_t hits) { return hits == 7; }));
}

TEST_F(Observations, the_text_of_a_rejected_row_is_cut) {
    const std::string row(200'000, 'x');
    const auto batch = parse("ip,day,key\n" + row + "\n");
    ASSERT_EQ(batch.rejects.size(), 1U);
    EXPECT_EQ(batch.rejects[0].text, row.substr(0, reject_text_bytes_max));
}

// ---- the same of other formats

/// One observation as texts, good or bad.
using Texts = std::array<std::string, 4>;

std::string delimited(const std::vector<Texts>& rows, char separator, std::mt19937_64& random) {
    std::string text = std::string("note,ip,day,key,hits\n");
    std::ranges::replace(text, ',', separator);
    for (const Texts& row : rows) {
        text += "\"a\n" + std::string(1, separator) + "\"\"b\"";
        for (const std::string& field : row) {
            text += separator;
            if (random() % 4 == 0 || field.find_first_of("\"\r\n,\t") != std::string::npos) {
                std::string quoted = field;
                for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2)
                    quoted.insert(at, 1, '"');
                text += '"' + quoted + '"';
            } else {
                text += field;
            }
        }
        text += random() % 2 == 0 ? "\r\n" : "\n";
        if (random() % 8 == 0) text += "\n";
    }
    return text;
}

std::string json_lines(const std::vector<Texts>& rows, std::mt19937_64& random) {
    std::string text;
    for (const Texts& row : rows) {
        nlohmann::ordered_json object;
        if (random() % 2 == 0) object["note"] = {1, {{"a", nullptr}, {"ip", "not this one"}}, -2.5e3, true};
        object["day"] = row[1];
        object["ip"] = row[0];
        const bool is_number = !row[3].empty() && row[3].find_first_not_of("0123456789") == std::string::npos;
        if (is_number && row[3][0] != '0' && random() % 2 == 0) {
            object["hits"] = std::stoull(row[3]);
        } else {
            object["hits"] = row[3];
        }
        object["key"] = row[2];
        text += object.dump(-1, ' ', random() % 2 == 0) + (random() % 2 == 0 ? "\r\n" : "\n");
        if (random() % 8 == 0) text += "\n";
    }
    return text;
}

TEST_F(Observations, of_every_format_are_the_same) {
    std::mt19937_64 random(5);
    const std::vector<std::string> addresses{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "::", "1.2.3",
                                             ""};
    const std::vector<std::string> days{"2026-11-22", "2026-11-22T23:30:00-01:00", "2026-13-01",
                                        "1999-01-01"};
    const std::vector<std::string> keys{
        "k",  "a,b\tc", "\"q\"\n\r\n",          "\xC3\xA9\xF0\x9F\x98\x80", std::string(1, '\0'),
        "\\", "",       std::string(1024, 'k'), std::string(1025, 'k')};
    const std::vector<std::string> hits{"1", "4294967295", "007", "0", "-1", "4294967296", "x"};
    const auto any = [&](const std::vector<std::string>& values) { return values[random() % values.size()]; };
    std::size_t good = 0;
    for (int i = 0; i < 300; ++i) {
        std::vector<Texts> rows(random() % 20);
        for (Texts& row : rows) row = {any(addresses), any(days), any(keys), any(hits)};
        const std::size_t block_bytes = 1 + random() % 2000;
        const Rows csv = read("o.csv", delimited(rows, ',', random), {}, block_bytes);
        const Rows tsv = read("o.tsv", delimited(rows, '\t', random), {}, block_bytes);
        const Rows json = read("o.jsonl", json_lines(rows, random), {}, block_bytes);
        ASSERT_EQ(csv.good.size() + csv.bad.size(), rows.size());
        ASSERT_EQ(tsv.good, csv.good);
        ASSERT_EQ(json.good, csv.good);
        ASSERT_EQ(tsv.reasons(), csv.reasons());
        ASSERT_EQ(json.reasons(), csv.reasons());
        good += csv.good.size();
    }
    EXPECT_GT(good, 300U);
}

TEST_F(Observations, lines_of_json_come_in_blocks_of_any_size) {
    const std::string text = "\xEF\xBB\xBF{\"ip\":\"192.0.2.1\",\"day\":\"2026-11-22\",\"key\":\"a\"}\r\n"
                             "\n"
                             "nonsense\n"
                             "\r\n"
                             "{\"ip\":\"192.0.2.2\",\"day\":\"2026-11-22\",\"key\":\"b\",\"hits\":7}";
    for (std::size_t block_bytes = 1; block_bytes < text.size() + 2; ++block_bytes) {
        for (const char* name : {"o.jsonl", "o.ndjson.gz", "o.json.zst"}) {
            const std::string_view view(name);
            const Rows rows = read(name,
                                   view.ends_with("gz")    ? gzip(text.substr(0, 9)) + gzip(text.substr(9))
                                   : view.ends_with("zst") ? zstd(text)
                                                           : text,
                                   {}, block_bytes);
            ASSERT_THAT(rows.good, ElementsAre(Rows::Good{address_of_ipv4(0xC0000201), "a", 20779, 1},
                                               Rows::Good{address_of_ipv4(0xC0000202), "b", 20779, 7}));
            ASSERT_THAT(rows.bad, ElementsAre(std::pair<std::uint64_t, std::string>(3, "is no JSON object")));
            ASSERT_EQ(rows.content_hash, content_hash(text));
            ASSERT_EQ(rows.bytes, text.size());
        }
    }
}

TEST_F(Observations, bad_lines_of_json_say_why) {
    const std::string rest = R"("day":"2026-11-22","key":"k")";
    const std::string good = R"("ip":"192.0.2.1",)" + rest;
    const std::string no_json = "is not valid JSON";
    EXPECT_EQ(json_fault('{' + good + '}'), "");
    EXPECT_EQ(json_fault(" \t{ " + good + " }  "), "");
    EXPECT_EQ(json_fault(R"({"\u0069p":"192.0.2.1",)" + rest + '}'), "");
    for (const char* ignored : {"null", "true", "[]", "{}", "[[[1,-0.5e+7,\"\\u00e9\"],{\"ip\":1}]]",
                                "123456789012345678901234567890"})
        EXPECT_EQ(json_fault('{' + good + ",\"x\":" + ignored + '}'), "") << ignored;
    for (const char* ignored : {"nul",      "tru",  "True",  "NaN", "01",      "1.",       ".5",
                                "+1",       "-",    "1e",    "0x1", "'a'",     "\"\\x\"",  "\"\\ud800\"",
                                "\"a\tb\"", "[1,]", "[1 2]", "[1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
                                "{a:1}",    "[[1]", "",      "1 2", "[",       "\"a",      "//"})
        EXPECT_EQ(json_fault('{' + good + ",\"x\":" + ignored + '}'), no_json) << ignored;
    for (const std::string& line :
         {'{' + good, '{' + good + ",}", '{' + good + "}}", '{' + good + "}{" + good + '}',
          '{' + good + "} x", '{' + good + "},", std::string("{"), '{' + good + '}' + std::string(1, '\0'),
          R"({"ip":"192.0.2.1")" + std::string(1, '\0') + ',' + rest + '}', std::string(" "),
          R"({"ip":"192.0.2.1)" + std::string(1, '\0') + "\"," + rest + '}'})
        EXPECT_EQ(json_fault(line), no_json) << ::testing::PrintToString(line);
    for (const std::string& line :
         {std::string("[1]"), std::string("1"), std::string("\"x\""), std::string("true"),
          std::string("null"), std::string("}"), std::string(1, '\0') + '{' + good + '}'})
        EXPECT_EQ(json_fault(line), "is no JSON object") << line;
    EXPECT_EQ(json_fault('{' + good + ",\"x\":\"\xFF\"}"), "is not UTF-8");
    EXPECT_EQ(json_fault("{}"), "there is no \"ip\"");
    EXPECT_EQ(json_fault("{" + rest + '}'), "there is no \"ip\"");
    EXPECT_EQ(json_fault(R"({"ip":null,)" + rest + '}'), "there is no \"ip\"");
    EXPECT_EQ(json_fault(R"({"IP":"192.0.2.1",)" + rest + '}'), "there is no \"ip\"");
    EXPECT_EQ(json_fault(R"({"ip":"192.0.2.2",)" + good + '}'), "the name \"ip\" comes twice");
    EXPECT_EQ(json_fault(R"({"ip":null,)" + good + '}'), "the name \"ip\" comes twice");
    EXPECT_EQ(json_fault(R"({"ip":3232235521,)" + rest + '}'), "column ip is not a text");
    EXPECT_EQ(json_fault(R"({"ip":["192.0.2.1"],)" + rest + '}'), "column ip is not a text");
    EXPECT_EQ(json_fault('{' + good + R"(,"hits":true})"), "column hits is neither a text nor a number");
    EXPECT_EQ(json_fault('{' + good + R"(,"hits":{"n":1}})"), "column hits is neither a text nor a number");
    EXPECT_EQ(json_fault('{' + good + R"(,"hits":null})"), "");
    EXPECT_EQ(json_fault('{' + good + R"(,"hits":1.5})"),
              "column hits: \"1.5\" is not a whole number from 1 to 4294967295");
    EXPECT_EQ(json_fault('{' + good + R"(,"hits":1e3})"),
              "column hits: \"1e3\" is not a whole number from 1 to 4294967295");
}

TEST_F(Observations, nested_json_is_passed_over_down_to_a_limit) {
    const std::string good = R"({"ip":"192.0.2.1","day":"2026-11-22","key":"k","x":)";
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(json_fault(good + nested(63) + '}'), "");
    EXPECT_EQ(json_fault(good + std::string(63, '[') + "1" + std::string(63, ']') + '}'), "");
    EXPECT_EQ(json_fault(good + nested(64) + '}'), "is nested more than 64 deep");
    EXPECT_EQ(json_fault(good + nested(100'000) + '}'), "is nested more than 64 deep");
    std::string objects;
    for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
    EXPECT_EQ(json_fault(good + objects + '1' + std::string(10'000, '}') + '}'),
              "is nested more than 64 deep");
}

TEST_F(Observations, a_line_of_json_may_have_256_kib) {
    const auto line = [](std::size_t bytes) {
        const std::string begin = R"({"ip":"192.0.2.1","day":"2026-11-22","key":"k","x":")";
        return begin + std::string(bytes - begin.size() - 2, 'x') + "\"}";
    };
    constexpr std::size_t most = 1U << 18U;
    const std::string too_long = "is longer than 262144 bytes";
    for (const std::size_t block_bytes : {std::size_t{1000}, std::size_t{1} << 18U, std::size_t{1} << 20U}) {
        const std::string text = line(most) + '\n' + line(most) + "\r\n" + line(most + 1) + '\n' +
                                 line(most + 1) + "\r\n" + line(most + 2) + '\n' + line(5 * most) + "\r\n" +
                                 line(100) + '\n' + line(3 * most);
        const Rows rows = read("o.jsonl", text, {}, block_bytes);
        EXPECT_EQ(rows.good.size(), 3U);
        using Bad = std::pair<std::uint64_t, std::string>;
        EXPECT_THAT(rows.bad, ElementsAre(Bad{3, too_long}, Bad{4, too_long}, Bad{5, too_long},
                                          Bad{6, too_long}, Bad{8, too_long}));
        EXPECT_EQ(rows.bytes, text.size());
    }
}

TEST_F(Observations, columns_may_have_other_names_and_days_be_numbers) {
    ObservationForm form;
    form.columns = {.ip = "client_ip", .day = "ts", .key = "page", .hits = "n"};
    form.time = TimeForm::epoch_s;
    const std::vector<Rows::Good> expected{{address_of_ipv4(0xC0000201), "k", 20779, 3}};
    EXPECT_EQ(
        read("o.csv", "n,page,ts,client_ip,ip,day,key,hits\n3,k,1795305600,192.0.2.1,x,x,x,x\n", form).good,
        expected);
    EXPECT_EQ(read("o.tsv", "n\tpage\tts\tclient_ip\n3\tk\t1795391999.9\t192.0.2.1\n", form).good, expected);
    const auto json = [](const std::string& ts) {
        return R"({"ip":1,"client_ip":"192.0.2.1","page":"k","n":"3","ts":)" + ts + '}';
    };
    EXPECT_EQ(read("o.jsonl", json("1795305600") + '\n', form).good, expected);
    EXPECT_EQ(read("o.jsonl", json("\"1795391999\"") + '\n', form).good, expected);
    EXPECT_EQ(json_fault(json("1795305600000"), form),
              "column ts: \"1795305600000\" is not between 2000-01-01 and 2099-12-31");
    EXPECT_EQ(json_fault(json("1.7953056e9"), form),
              "column ts: \"1.7953056e9\" is not a number of seconds since 1970");
    form.time = TimeForm::epoch_ms;
    EXPECT_EQ(read("o.jsonl", json("1795391999999") + '\n', form).good, expected);
    EXPECT_EQ(json_fault(json("\"2026-11-22\""), form),
              "column ts: \"2026-11-22\" is not a number of milliseconds since 1970");
    form.time = TimeForm::date;
    EXPECT_EQ(read("o.jsonl", json("\"2026-11-22\"") + '\n', form).good, expected);
    // Who names a column of hits wants it to be there.
    EXPECT_THAT(message_of([&] { (void)read("o.csv", "client_ip,ts,page,hits\n", form); }),
                HasSubstr("there is no column \"n\"; the header has"));
    EXPECT_EQ(json_fault(R"({"client_ip":"192.0.2.1","page":"k","ts":"2026-11-22","hits":1})", form),
              "there is no \"n\"");
    EXPECT_THAT(message_of([&] { (void)read("o.tsv", "", form); }),
                HasSubstr("o.tsv: is empty; a header row with client_ip, ts and page is needed"));
}

TEST(ObservationForms, names_say_the_format) {
    for (const auto& [name, format] :
         std::vector<std::pair<const char*, TextFormat>>{{"a.csv", TextFormat::csv},
                                                         {"in.jsonl/a", TextFormat::csv},
                                                         {"a.txt.gz", TextFormat::csv},
                                                         {"a.tsv", TextFormat::tsv},
                                                         {"a.tab.zst", TextFormat::tsv},
                                                         {"x.csv/a.jsonl", TextFormat::jsonl},
                                                         {"a.b.ndjson.gz", TextFormat::jsonl},
                                                         {"a.json", TextFormat::jsonl},
                                                         {"jsonl", TextFormat::csv},
                                                         {"-", TextFormat::csv},
                                                         {".gz", TextFormat::csv}})
        EXPECT_EQ(format_of_name(name), format) << name;
    for (const TextFormat format : {TextFormat::csv, TextFormat::tsv, TextFormat::jsonl})
        EXPECT_EQ(format_named(name_of(format)), format);
    for (const TimeForm form : {TimeForm::date, TimeForm::epoch_s, TimeForm::epoch_ms})
        EXPECT_EQ(time_form_named(name_of(form)), form);
    EXPECT_EQ(format_named("xml"), std::nullopt);
    EXPECT_EQ(time_form_named("epoch"), std::nullopt);
}

TEST(ObservationForms, column_names_are_read) {
    EXPECT_EQ(parse_column_names("ip=a,key=b,day=c,hits=d"),
              (ColumnNames{.ip = "a", .day = "c", .key = "b", .hits = "d"}));
    EXPECT_EQ(parse_column_names("day=a=b"), (ColumnNames{.day = "a=b", .hits = {}}));
    EXPECT_EQ(parse_column_names("\"key=a,b\",ip=day,day=ip"),
              (ColumnNames{.ip = "day", .day = "ip", .key = "a,b", .hits = {}}));
    for (const char* text : {"", "ip", "ip=", "ip=a,ip=b", "ip=a,", "host=a", "ip=a\nday=b", "ip=a,day=a",
                             "ip=day", "key=hits", "\"ip=a"})
        EXPECT_EQ(parse_column_names(text), std::nullopt) << text;
}

TEST(ObservationForms, a_form_is_one_line) {
    EXPECT_EQ(source_form({}), "format=csv,ip=ip,day=day,key=key,time=date");
    EXPECT_EQ(source_form({.format = TextFormat::jsonl,
                           .columns = {.ip = "a,b", .day = "c", .key = "d\ne", .hits = "hits"},
                           .time = TimeForm::epoch_ms}),
              "format=jsonl,\"ip=a,b\",day=c,\"key=d\ne\",hits=hits,time=epoch_ms");
}

} // namespace
} // namespace ipscore::io
