// Classification and companies: every rule of SPEC "Inputs", and what is said of what breaks
// it.
#include "ipscore/io/classification_csv.hpp"
#include "ipscore/io/companies_csv.hpp"

#include "ipscore/core/string_index.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ipscore::io {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::vector<std::string> texts_of(const ByteStrings& strings) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < strings.size(); ++i) texts.emplace_back(strings[i]);
    return texts;
}

/// A classification, read to its end.
struct ReadClassification {
    ByteStrings keys;
    ByteStrings tags;
    std::vector<std::uint64_t> offsets{0};
    std::vector<scoring::Posting> postings;
    std::vector<std::uint64_t> lines; ///< by key
    InputFile file;
    std::uint64_t spilled_runs = 0;
};

ReadClassification read_classification(const std::filesystem::path& path,
                                       std::uint64_t sort_bytes = SortRoom::sort_bytes_max, int threads = 1) {
    const StopFlag stop;
    const SortRoom room{.bytes = sort_bytes, .spill_directory = path.parent_path(), .threads = threads};
    ClassificationFile file(path, room, stop);
    ReadClassification read;
    read.tags = file.tags();
    read.file = file.file();
    read.spilled_runs = file.spilled_runs();
    for (scoring::ClassifiedKey key; file.next(key);) {
        read.keys.push_back(key.key);
        read.lines.push_back(file.line_of_key());
        read.postings.insert(read.postings.end(), key.postings.begin(), key.postings.end());
        read.offsets.push_back(read.postings.size());
    }
    return read;
}

CompaniesFile read_companies(const std::filesystem::path& path) {
    const StopFlag stop;
    return io::read_companies(path, stop);
}

// ---- what both of the files share that must be right in every row

class InputFilesTest : public FilesTest {
protected:
    [[nodiscard]] std::string classification_fault(std::string_view text) const {
        const auto path = write("c.csv", text);
        return without_directory(message_of([&] { (void)read_classification(path); }));
    }
    [[nodiscard]] std::string companies_fault(std::string_view text) const {
        const auto path = write("n.csv", text);
        return without_directory(message_of([&] { (void)read_companies(path); }));
    }
    /// The path must stand in front.
    [[nodiscard]] std::string without_directory(const std::string& message) const {
        const std::string begin = directory.string() + "/";
        EXPECT_THAT(message, StartsWith(begin));
        return message.starts_with(begin) ? message.substr(begin.size()) : message;
    }
};

TEST_F(InputFilesTest, a_header_is_needed_and_understood) {
    const std::string needed = "c.csv: is empty; a header row is needed";
    EXPECT_EQ(classification_fault(""), needed);
    EXPECT_EQ(classification_fault("\n\r\n\n"), needed);
    EXPECT_EQ(classification_fault("\xEF\xBB\xBF"), needed);
    EXPECT_EQ(classification_fault("key,weight\n"),
              "c.csv: there is no column \"tag\"; the header has \"key\", \"weight\"");
    EXPECT_EQ(classification_fault("key,tag,Weight\n"),
              "c.csv: there is no column \"weight\"; the header has \"key\", \"tag\", \"Weight\"");
    EXPECT_EQ(classification_fault("\nkey,tag,weight,tag\n"), "c.csv:2: the column \"tag\" comes twice");
    EXPECT_EQ(classification_fault("key,tag,weight,x,x\n"), "c.csv:1: the column \"x\" comes twice");
    EXPECT_EQ(classification_fault("key,tag,weight,\xE9\n"), "c.csv:1: the header is not UTF-8: \"\\xe9\"");
    EXPECT_EQ(companies_fault("network,company\n"),
              "n.csv: there is no column \"confidence\"; the header has \"network\", \"company\"");
    EXPECT_EQ(companies_fault("company,confidence\n"),
              "n.csv: there is no column \"network\"; the header has \"company\", \"confidence\"");
}

TEST_F(InputFilesTest, a_malformed_row_is_named) {
    EXPECT_EQ(classification_fault("key,tag,weight\na,b,1\n\nc,d\n"),
              "c.csv:4: 2 fields, but the header has 3");
    EXPECT_EQ(classification_fault("key,tag,weight\na,b,1,\n"), "c.csv:2: 4 fields, but the header has 3");
    EXPECT_EQ(classification_fault("key,tag,weight\n\"a\nb\",c,1\nd\"e,f,1\n"),
              "c.csv:4: a quote inside an unquoted field");
    EXPECT_EQ(classification_fault("key,tag,weight\n\"a\"b,c,1\n"), "c.csv:2: text after a closing quote");
    EXPECT_EQ(classification_fault("key,tag,weight\na,b,1\n\"a,b,1\nc,d,1\n"),
              "c.csv:3: a quoted field without a closing quote");
    EXPECT_EQ(companies_fault("network,company,confidence\n10.0.0.0/8\n"),
              "n.csv:2: 1 fields, but the header has 3");
}

TEST_F(InputFilesTest, an_unreadable_file_is_named) {
    EXPECT_EQ(message_of([&] { (void)read_classification(directory / "none.csv"); }),
              "cannot read " + (directory / "none.csv").string() + ": No such file or directory");
    EXPECT_EQ(message_of([&] { (void)read_companies(directory); }),
              "cannot read " + directory.string() + ": Is a directory");
    const std::string coded = gzip("key,tag,weight\na,b,1\n");
    const auto path = write("c.csv.gz", coded.substr(0, coded.size() - 1));
    EXPECT_EQ(message_of([&] { (void)read_classification(path); }),
              "cannot read " + path.string() + ": truncated gzip data; fetch the file again");
}

// ---- classification

TEST_F(InputFilesTest, classification_in_any_order_and_form) {
    const std::string text = "\xEF\xBB\xBFweight,\"note\",tag,key\r\n"
                             "0.25,x,b,k2\r\n"
                             "\r\n"
                             "1,,\"a,b\",k1\r\n"
                             ".5,\"two\r\nlines\",b,k1\r\n"
                             "0.250000000,again,b,k2"; // the same weight
    const auto read = read_classification(write("c.csv", text));
    EXPECT_THAT(texts_of(read.keys), ElementsAre("k1", "k2"));
    EXPECT_THAT(texts_of(read.tags), ElementsAre("a,b", "b"));
    EXPECT_THAT(read.offsets, ElementsAre(0, 2, 3));
    using scoring::Posting;
    EXPECT_THAT(read.postings, ElementsAre(Posting{0, 1'000'000}, Posting{1, 500'000}, Posting{1, 250'000}));
    EXPECT_EQ(read.file.path, (directory / "c.csv").string());
    EXPECT_EQ(read.file.rows, 4U);
    EXPECT_EQ(read.file.bytes, text.size());
    EXPECT_EQ(read.file.content_hash, content_hash(text));

    for (const auto& path : {write("c.csv.gz", gzip(text)), write("c.csv.zst", zstd(text))}) {
        const auto coded = read_classification(path);
        EXPECT_EQ(coded.file.content_hash, read.file.content_hash);
        EXPECT_EQ(coded.file.bytes, read.file.bytes);
        EXPECT_TRUE(coded.keys == read.keys);
        EXPECT_EQ(coded.postings, read.postings);
    }
}

TEST_F(InputFilesTest, classification_without_rows) {
    const auto read = read_classification(write("c.csv", "key,tag,weight\n"));
    EXPECT_TRUE(read.keys.empty());
    EXPECT_TRUE(read.tags.empty());
    EXPECT_THAT(read.offsets, ElementsAre(0));
    EXPECT_EQ(read.file.rows, 0U);
}

TEST_F(InputFilesTest, classification_agrees_with_a_map) {
    std::mt19937_64 random(10);
    for (int i = 0; i < 200; ++i) {
        std::map<std::string, std::map<std::string, unsigned>> expected;
        std::string text = "key,tag,weight\n";
        const auto name = [&] { // any bytes order as unsigned
            std::string bytes(1 + random() % 2, '\0');
            for (char& c : bytes) c = static_cast<char>("ab\x7f\x80\xff"[random() % 5]);
            return bytes;
        };
        std::map<std::string, std::uint64_t> first_lines;
        std::uint64_t line = 1;
        for (std::uint64_t rows = random() % 40; rows > 0; --rows) {
            const std::string key = name();
            const std::string tag = name();
            first_lines.try_emplace(key, ++line);
            const unsigned weight =
                expected[key].try_emplace(tag, static_cast<unsigned>(1 + random() % 999'999)).first->second;
            text += key + ',' + tag + ",0." + std::string(6 - std::to_string(weight).size(), '0') +
                    std::to_string(weight) + '\n';
        }
        // With room for all rows, and for one.
        const auto read =
            read_classification(write("c.csv", text), i % 2 == 0 ? SortRoom::sort_bytes_max : 1);
        EXPECT_EQ(read.spilled_runs == 0, i % 2 == 0 || read.file.rows < 2);
        std::map<std::string, std::map<std::string, unsigned>> found;
        ASSERT_EQ(read.offsets.size(), read.keys.size() + 1);
        for (std::size_t key = 0; key < read.keys.size(); ++key) {
            ASSERT_LT(read.offsets[key], read.offsets[key + 1]);
            ASSERT_EQ(read.lines[key], first_lines.at(std::string(read.keys[key])));
            for (std::size_t k = read.offsets[key]; k < read.offsets[key + 1]; ++k) {
                ASSERT_TRUE(k == read.offsets[key] || read.postings[k - 1].tag < read.postings[k].tag);
                found[std::string(read.keys[key])][std::string(read.tags[read.postings[k].tag])] =
                    read.postings[k].weight;
            }
        }
        ASSERT_EQ(read.offsets.back(), read.postings.size());
        ASSERT_EQ(found, expected);
        for (const ByteStrings* strings : {&read.keys, &read.tags}) {
            const auto texts = texts_of(*strings);
            ASSERT_TRUE(std::ranges::is_sorted(texts));
            ASSERT_EQ(std::ranges::adjacent_find(texts), texts.end());
        }
    }
}

/// Some megabytes: many blocks, which threads read side by side. Weights and tags go by the line.
std::string long_classification(std::size_t rows) {
    std::string text = "key,tag,weight\n";
    for (std::size_t row = 0; row < rows; ++row) {
        const std::string number = std::to_string(row * 7919 % rows); // each once
        text += "\"key, " + number + " of a long name\",tag " + std::to_string(row % 50 + row / 20'000) +
                ",0." + std::to_string(1 + row % 999) + '\n';
    }
    return text;
}

TEST_F(InputFilesTest, a_classification_of_many_blocks_is_the_same_on_any_number_of_threads) {
    constexpr std::size_t rows = 60'000;
    const auto path = write("c.csv", long_classification(rows));
    const ReadClassification alone = read_classification(path);
    ASSERT_EQ(alone.keys.size(), rows);
    for (std::size_t key = 0; key < rows; ++key) {
        // The key of line 2 + row is number row * 7919 % rows.
        const std::size_t row = alone.lines[key] - 2;
        const std::string number = std::to_string(row * 7919 % rows);
        ASSERT_EQ(alone.keys[key], "key, " + number + " of a long name");
        ASSERT_EQ(alone.offsets[key + 1], key + 1);
        const scoring::Posting& posting = alone.postings[key];
        ASSERT_EQ(alone.tags[posting.tag], "tag " + std::to_string(row % 50 + row / 20'000));
        ASSERT_EQ(posting.weight, parse_millionths("0." + std::to_string(1 + row % 999)).value);
    }
    for (const int threads : {2, 3, 8}) {
        for (const std::uint64_t sort_bytes : {SortRoom::sort_bytes_max, std::uint64_t{1} << 20U}) {
            const ReadClassification read = read_classification(path, sort_bytes, threads);
            EXPECT_EQ(read.file.rows, rows);
            EXPECT_EQ(read.file.content_hash, alone.file.content_hash);
            EXPECT_EQ(read.file.bytes, alone.file.bytes);
            EXPECT_EQ(texts_of(read.keys), texts_of(alone.keys));
            EXPECT_EQ(texts_of(read.tags), texts_of(alone.tags));
            EXPECT_EQ(read.lines, alone.lines);
            ASSERT_EQ(read.postings.size(), alone.postings.size());
            for (std::size_t i = 0; i < rows; ++i) {
                ASSERT_EQ(read.postings[i].tag, alone.postings[i].tag);
                ASSERT_EQ(read.postings[i].weight, alone.postings[i].weight);
            }
        }
    }
}

TEST_F(InputFilesTest, of_bad_rows_in_many_blocks_the_first_is_named) {
    const std::string good = long_classification(60'000);
    std::filesystem::path path;
    // All rows from a line on are bad: where that is late in a block, the next one is the first to fail.
    for (std::size_t first_bad = 20'000; first_bad < 26'000; first_bad += 500) {
        std::string text = good;
        std::size_t line = 1;
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++line) {
            if (line >= first_bad) text.replace(text.find(",0.", at), 3, ",x.");
        }
        path = write("c.csv", text);
        const std::string message =
            message_of([&] { (void)read_classification(path, SortRoom::sort_bytes_max, 4); });
        ASSERT_TRUE(without_directory(message).starts_with("c.csv:" + std::to_string(first_bad) +
                                                           ": column weight: \"x."))
            << message;
    }
    // A tag too many comes before that.
    const StopFlag stop;
    EXPECT_EQ(without_directory(message_of([&] {
                  (void)ClassificationFile(path, {.spill_directory = directory, .tags_max = 10, .threads = 3},
                                           stop);
              })),
              "c.csv:12: column tag: \"tag 10\" is one tag more than the 10 that --memory has room for");
}

TEST_F(InputFilesTest, a_classification_of_many_blocks_stops_when_asked) {
    const auto path = write("c.csv", long_classification(60'000));
    StopFlag stop;
    stop.request();
    EXPECT_THROW(ClassificationFile(path, {.spill_directory = directory, .threads = 2}, stop), Interrupted);
}

TEST_F(InputFilesTest, a_bad_value_of_the_classification_is_named) {
    const auto fault = [&](const std::string& row) {
        return classification_fault("key,tag,weight\ngood,good,1\n" + row + "\n");
    };
    EXPECT_EQ(fault(",t,1"), "c.csv:3: column key: \"\" is empty");
    EXPECT_EQ(fault("k,\"\",1"), "c.csv:3: column tag: \"\" is empty");
    EXPECT_EQ(fault(std::string(1025, 'k') + ",t,1"),
              "c.csv:3: column key: \"" + std::string(60, 'k') + "\"... is longer than 1024 bytes");
    EXPECT_EQ(fault("k," + std::string(129, 't') + ",1"),
              "c.csv:3: column tag: \"" + std::string(60, 't') + "\"... is longer than 128 bytes");
    for (const std::string weight : {"", "x", "-0.5", "+1", "1e-1", "0,5", " 1", "1 ", ".", "0.5.", "inf"}) {
        EXPECT_EQ(fault("k,t,\"" + weight + "\""),
                  "c.csv:3: column weight: \"" + weight + "\" is not a decimal such as 0.25");
    }
    EXPECT_EQ(fault("k,t,0.1234567"), "c.csv:3: column weight: \"0.1234567\" has more than 6 decimals");
    for (const std::string weight : {"0", "0.0", "1.000001", "2", "99999999999999999999"}) {
        EXPECT_EQ(fault("k,t," + weight),
                  "c.csv:3: column weight: \"" + weight + "\" is not above 0 and at most 1");
    }
    const std::string longest =
        "key,tag,weight\n" + std::string(1024, 'k') + ',' + std::string(128, 't') + ",0.000001\n";
    const auto read = read_classification(write("c.csv", longest));
    EXPECT_EQ(read.keys[0].size(), 1024U);
    EXPECT_EQ(read.tags[0].size(), 128U);
    EXPECT_EQ(read.postings[0].weight, 1U);
}

TEST_F(InputFilesTest, two_weights_name_both_lines) {
    EXPECT_EQ(classification_fault("key,tag,weight\nk,t,0.5\nk,u,0.25\n\nk,t,0.75\n"),
              "c.csv:5: column weight: key \"k\" has tag \"t\" with two weights; the other is in line 2");
    EXPECT_EQ(classification_fault("key,tag,weight\nk,t,1\nk,t,1\nk,t,0.5\n"),
              "c.csv:4: column weight: key \"k\" has tag \"t\" with two weights; the other is in line 2");
}

TEST_F(InputFilesTest, of_rows_that_are_repeated_the_first_one_counts) {
    // Two keys in turn, so often that what they say is looked through for repetitions, in memory and in runs.
    std::string text = "key,tag,weight\n";
    for (int i = 0; i < 5000; ++i) text += "k,t,0.5\nj,u,1\n";
    const auto path = write("c.csv", text + "k,t,0.75\n");
    for (const std::uint64_t sort_bytes : {SortRoom::sort_bytes_max, std::uint64_t{20'000}}) {
        EXPECT_EQ(
            without_directory(message_of([&] { (void)read_classification(path, sort_bytes); })),
            "c.csv:10002: column weight: key \"k\" has tag \"t\" with two weights; the other is in line 2");
        const auto read = read_classification(write("good.csv", text), sort_bytes);
        EXPECT_EQ(read.spilled_runs > 0, sort_bytes < SortRoom::sort_bytes_max);
        EXPECT_EQ(read.offsets, (std::vector<std::uint64_t>{0, 1, 2}));
        EXPECT_EQ(read.lines, (std::vector<std::uint64_t>{3, 2}));
    }
}

TEST_F(InputFilesTest, keys_of_any_bytes_come_in_byte_order) {
    // Few bytes that make many equal beginnings, and zeros, which must not pass for an end.
    std::mt19937_64 random(11);
    std::set<std::string> keys;
    while (keys.size() < 20'000) {
        std::string key(random() % 3 == 0 ? "example/of/a/long/beginning/" : "");
        for (std::size_t left = 1 + random() % 24; left > 0; --left) key += "\0\xff"[random() % 2];
        keys.insert(key);
        for (; random() % 4 == 0; keys.insert(key)) key += '\0';
    }
    for (std::size_t zeros = 0; zeros < 50; ++zeros) keys.insert("a" + std::string(zeros, '\0'));
    std::vector<std::string> order(keys.begin(), keys.end());
    std::ranges::shuffle(order, random);
    std::string text = "key,tag,weight\n";
    for (const std::string& key : order) text += key + ",t,1\n";
    const auto path = write("c.csv", text);
    for (const int threads : {1, 3}) {
        const auto read = read_classification(path, SortRoom::sort_bytes_max, threads);
        ASSERT_EQ(read.keys.size(), keys.size());
        std::size_t i = 0;
        for (const std::string& key : keys) {
            ASSERT_EQ(read.keys[i], key) << i;
            ASSERT_EQ(order[read.lines[i] - 2], key) << "the line is that of the key";
            ++i;
        }
    }
}

TEST_F(InputFilesTest, tags_beyond_the_room_for_them_are_named) {
    const auto path = write("c.csv", "key,tag,weight\nk,a,1\nk,b,1\nj,a,1\nj,c,1\n");
    const auto fault = [&](std::uint64_t tags_max) {
        const StopFlag stop;
        return message_of([&] {
            (void)ClassificationFile(path, {.spill_directory = directory, .tags_max = tags_max}, stop);
        });
    };
    EXPECT_EQ(fault(3), "nothing thrown");
    EXPECT_EQ(without_directory(fault(2)),
              "c.csv:5: column tag: \"c\" is one tag more than the 2 that --memory has room for");
}

// ---- companies

TEST_F(InputFilesTest, companies_beyond_the_room_for_them_are_counted) {
    std::string text = "network,company,confidence,type\n";
    for (int i = 0; i < 60'000; ++i) {
        text += "10." + std::to_string(i / 256) + '.' + std::to_string(i % 256) +
                ".0/24,A company with a name " + std::to_string(i % 5000) +
                ",1,a type that is longer than most\n";
    }
    const auto path = write("n.csv", text);
    const StopFlag stop;
    const CompaniesFile all = io::read_companies(path, stop);
    EXPECT_EQ(all.companies.networks.size(), 60'000U);
    for (const std::uint64_t most :
         {std::uint64_t{0}, all.memory_bytes / 2, all.memory_bytes - 1, all.memory_bytes}) {
        const CompaniesFile read = io::read_companies(path, stop, {}, most);
        EXPECT_EQ(read.memory_bytes, all.memory_bytes) << "the least that would do";
        EXPECT_EQ(read.companies.networks.size(), most < all.memory_bytes ? 0U : 60'000U);
        EXPECT_EQ(read.file.content_hash, all.file.content_hash);
    }
}

TEST_F(InputFilesTest, texts_of_companies_are_whole_or_refused) {
    const std::string filler(2U << 20U, 'x');
    const std::string fits(1024, 'n');
    const std::string header = "network,note,company,confidence,type\n";
    for (const std::string& note : {std::string(), filler}) {
        const auto read =
            read_companies(write("n.csv", header + "10.0.0.0/8," + note + ',' + fits + ",1," + fits + '\n'));
        ASSERT_EQ(read.companies.networks.size(), 1U);
        EXPECT_EQ(read.companies.names[0], fits);
        EXPECT_EQ(read.companies.networks[0].type, fits);
    }
    // A row that is not long has texts of any length.
    const std::string long_text(500'000, 'n');
    EXPECT_EQ(
        read_companies(write("n.csv", header + "10.0.0.0/8,," + long_text + ",1,\n")).companies.names[0],
        long_text);
    EXPECT_EQ(companies_fault(header + "10.0.0.0/8," + filler + ',' + fits + "n,1,\n"),
              "n.csv:2: column company: \"" + fits.substr(0, 60) +
                  "\"... is longer than 1024 bytes in a row of more than 1 MiB");
    EXPECT_EQ(companies_fault(header + "10.0.0.0/8,,a,1,\n11.0.0.0/8," + filler + ",a,1," + fits + "n\n"),
              "n.csv:3: column type: \"" + fits.substr(0, 60) +
                  "\"... is longer than 1024 bytes in a row of more than 1 MiB");
}

TEST_F(InputFilesTest, companies_in_any_order_and_form) {
    const std::string text = "type,confidence,x,company,network\n"
                             "isp,0.5,,Beta,2001:db8::/32\n"
                             "\"a \"\"type\"\"\",1,,\"Alpha, Inc\",192.0.2.0/24\n"
                             ",.25,,Beta,192.0.2.0/25\n"
                             "vpn,1,,Beta,0.0.0.0/0\n"
                             "vpn,1,,Beta,::/0\n";
    const auto read = read_companies(write("n.csv", text));
    EXPECT_THAT(texts_of(read.companies.names), ElementsAre("Alpha, Inc", "Beta"));
    std::vector<std::string> networks;
    for (const auto& network : read.companies.networks) {
        networks.push_back(to_string(network.network) + ' ' + std::to_string(network.company) + ' ' +
                           std::to_string(network.confidence) + ' ' + network.type);
    }
    EXPECT_THAT(networks, ElementsAre("::/0 1 1000000 vpn", "0.0.0.0/0 1 1000000 vpn",
                                      "192.0.2.0/24 0 1000000 a \"type\"", "192.0.2.0/25 1 250000 ",
                                      "2001:db8::/32 1 500000 isp"));
    EXPECT_EQ(read.file.rows, 5U);
    EXPECT_EQ(read.file.content_hash, content_hash(text));

    const auto untyped =
        read_companies(write("u.csv", "network,company,confidence\n192.0.2.1/32,A,1\n")).companies;
    ASSERT_EQ(untyped.networks.size(), 1U);
    EXPECT_EQ(untyped.networks[0].type, "");
    EXPECT_TRUE(read_companies(write("e.csv", "network,company,confidence\n")).companies.networks.empty());
}

TEST_F(InputFilesTest, a_bad_value_of_the_companies_is_named) {
    const auto fault = [&](const std::string& row) {
        return companies_fault("network,company,confidence\n10.0.0.0/8,good,1\n" + row + "\n");
    };
    for (const std::string network : {"", "192.0.2.0", "192.0.2.0/33", "192.0.2.0/", "192.0.2/24",
                                      "192.0.02.0/24", "2001:db8::/129", "2001:db8::%1/64", "x/8", "/8"}) {
        EXPECT_EQ(fault(network + ",A,1"),
                  "n.csv:3: column network: \"" + network + "\" is not a network such as 192.0.2.0/24");
    }
    EXPECT_EQ(fault("192.0.2.1/24,A,1"), "n.csv:3: column network: \"192.0.2.1/24\" has host bits set");
    EXPECT_EQ(fault("2001:db8::1/64,A,1"), "n.csv:3: column network: \"2001:db8::1/64\" has host bits set");
    EXPECT_EQ(fault("192.0.2.0/24,,1"), "n.csv:3: column company: \"\" is empty");
    EXPECT_EQ(fault("192.0.2.0/24,A,0"), "n.csv:3: column confidence: \"0\" is not above 0 and at most 1");
    EXPECT_EQ(fault("192.0.2.0/24,A,1.5"),
              "n.csv:3: column confidence: \"1.5\" is not above 0 and at most 1");
    EXPECT_EQ(fault("192.0.2.0/24,A,"), "n.csv:3: column confidence: \"\" is not a decimal such as 0.25");
    EXPECT_EQ(fault("192.0.2.0/24,A,0.0000001"),
              "n.csv:3: column confidence: \"0.0000001\" has more than 6 decimals");
}

TEST_F(InputFilesTest, a_network_twice_names_both_lines) {
    EXPECT_EQ(companies_fault("network,company,confidence\n192.0.2.0/24,A,1\n192.0.3.0/24,A,1\n"
                              "192.0.2.0/24,A,1\n"),
              "n.csv:4: column network: \"192.0.2.0/24\" comes twice; the other is in line 2");
    // Written in two ways, it is the same network.
    EXPECT_EQ(companies_fault("network,company,confidence\n::ffff:192.0.2.0/120,B,1\n192.0.2.0/24,A,0.5\n"),
              "n.csv:3: column network: \"192.0.2.0/24\" comes twice; the other is in line 2");
}

} // namespace
} // namespace ipscore::io
