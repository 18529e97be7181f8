// The file of feeds: what may stand there, where a fault stands, and which file is of which feed.
#include "ipscore/io/feeds_toml.hpp"

#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipscore::io {
namespace {

using ::testing::SizeIs;
using ::testing::StartsWith;

class FeedsTest : public FilesTest {
protected:
    [[nodiscard]] Feeds read(const std::string& text) const { return Feeds(write("f.toml", text)); }
    /// Without the path, which must stand in front.
    [[nodiscard]] std::string fault(const std::string& text) const {
        const std::string message = message_of([&] { (void)read(text); });
        const std::string begin = (directory / "f.toml").string();
        EXPECT_THAT(message, StartsWith(begin));
        return message.starts_with(begin) ? message.substr(begin.size()) : message;
    }
    /// Of a line behind a pattern.
    [[nodiscard]] std::string fault_of_line_3(const std::string& line) const {
        return fault("[feeds.a]\npattern = \"*\"\n" + line + "\n");
    }
};

TEST_F(FeedsTest, every_name_is_read) {
    const Feeds feeds = read(R"(
[feeds.acme]
pattern = "acme-*.log"
format = "jsonl"
columns = { ip = "client_ip", key = "page", day = "ts", hits = "n" }
time = "epoch_ms"
max_rejects = "0.5%"
min_rows = 1000

[feeds."b c"]
pattern = "b?.csv*"
max_rejects = 7
)");
    ASSERT_THAT(feeds.feeds(), SizeIs(2));
    const Feed& acme = feeds.feed_of("in/acme-1.log");
    EXPECT_EQ(acme.name, "acme");
    EXPECT_EQ(acme.form_of("acme-1.log"),
              (ObservationForm{.format = TextFormat::jsonl,
                               .columns = {.ip = "client_ip", .day = "ts", .key = "page", .hits = "n"},
                               .time = TimeForm::epoch_ms}));
    ASSERT_TRUE(acme.max_rejects);
    EXPECT_EQ(acme.max_rejects->rows, std::nullopt);
    EXPECT_EQ(acme.max_rejects->share, 0.005);
    EXPECT_EQ(acme.min_rows, 1000U);
    const Feed& other = feeds.feed_of("b1.csv.tsv.gz");
    EXPECT_EQ(other.name, "b c");
    EXPECT_EQ(other.form_of("b1.csv.tsv.gz"), (ObservationForm{.format = TextFormat::tsv, .columns = {}}));
    EXPECT_EQ(other.max_rejects->rows, 7U);
    EXPECT_EQ(other.min_rows, 0U);
}

TEST_F(FeedsTest, a_file_is_of_one_feed) {
    const Feeds feeds = read("[feeds.a]\npattern = \"a*\"\n[feeds.csv]\npattern = \"*.csv\"\n");
    const std::string path = (directory / "f.toml").string();
    EXPECT_EQ(feeds.feed_of("a.tsv").name, "a");
    EXPECT_EQ(feeds.feed_of("a/b.csv").name, "csv");
    EXPECT_EQ(message_of([&] { (void)feeds.feed_of("x/a.csv"); }),
              "x/a.csv: is of two feeds of " + path + ", \"a\" and \"csv\"; make their patterns narrower");
    EXPECT_EQ(message_of([&] { (void)feeds.feed_of("a/b.tsv"); }),
              "a/b.tsv: is of no feed of " + path + "; there are \"a\" (a*), \"csv\" (*.csv)");
}

TEST_F(FeedsTest, faults_say_where_they_are) {
    EXPECT_EQ(fault(""), ": there are no feeds; write [feeds.NAME] and its pattern");
    EXPECT_EQ(fault("[feeds]"), ": there are no feeds; write [feeds.NAME] and its pattern");
    EXPECT_EQ(fault("[feed.a]"), ":1:2: unknown name \"feed\"");
    EXPECT_EQ(fault("feeds = 1"), ":1:9: feeds: 1 is not a table");
    EXPECT_EQ(fault("feeds.a = 1"), ":1:11: feeds.a: 1 is not a table");
    EXPECT_EQ(fault("\n[feeds.a]\nformat = \"csv\""),
              ":2:1: feeds.\"a\".pattern is missing; write pattern = \"acme-*.csv*\"");
    const std::string no_pattern = " is no pattern of file names, which have no directory";
    EXPECT_EQ(fault("[feeds.a]\npattern = \"\""), ":2:11: feeds.\"a\".pattern: ''" + no_pattern);
    EXPECT_EQ(fault("[feeds.a]\npattern = \"in/*\""), ":2:11: feeds.\"a\".pattern: 'in/*'" + no_pattern);
    EXPECT_EQ(fault("[feeds.a]\npattern = 1"), ":2:11: feeds.\"a\".pattern: 1 is not a text");
    EXPECT_EQ(fault_of_line_3("patern = \"*\""), ":3:1: unknown name feeds.\"a\".\"patern\"");
    EXPECT_EQ(fault_of_line_3("format = \"xml\""),
              ":3:10: feeds.\"a\".format: 'xml' is not csv, tsv or jsonl");
    EXPECT_EQ(fault_of_line_3("time = \"epoch\""),
              ":3:8: feeds.\"a\".time: 'epoch' is not date, epoch_s or epoch_ms");
    EXPECT_EQ(fault_of_line_3("columns = \"ip=a\""), ":3:11: feeds.\"a\".columns: 'ip=a' is not a table");
    EXPECT_EQ(fault_of_line_3("columns = { host = \"a\" }"),
              ":3:13: unknown name feeds.\"a\".columns.\"host\"");
    EXPECT_EQ(fault_of_line_3("columns.ip = 1"), ":3:14: feeds.\"a\".columns.ip: 1 is not a text");
    EXPECT_EQ(fault_of_line_3("columns.hits = \"\""), ":3:16: feeds.\"a\".columns.hits: '' is empty");
    EXPECT_THAT(fault_of_line_3("columns = { ip = \"day\" }"),
                ::testing::EndsWith("cannot be: \"day\" stands for two columns"));
    const std::string no_limit = " is neither a number of rows nor a percentage such as \"0.5%\"";
    for (const char* bad : {"'1'", "'101%'", "'%'", "'-1%'", "'1e1%'", "'inf%'", "' 1%'"})
        EXPECT_THAT(fault_of_line_3(std::string("max_rejects = ") + bad), ::testing::EndsWith(no_limit))
            << bad;
    EXPECT_EQ(fault_of_line_3("max_rejects = 0.5"), ":3:15: feeds.\"a\".max_rejects: 0.5" + no_limit);
    EXPECT_EQ(fault_of_line_3("max_rejects = -1"),
              ":3:15: feeds.\"a\".max_rejects: -1 is not a whole number from 0 to 9223372036854775807");
    EXPECT_EQ(fault_of_line_3("min_rows = 1.5"), ":3:12: feeds.\"a\".min_rows: 1.5 is not a whole number");
    EXPECT_THAT(fault("[feeds.a"), StartsWith(":1:9: "));
}

TEST(RejectLimits, are_a_number_or_a_share) {
    const auto limit = parse_reject_share("0.5%");
    ASSERT_TRUE(limit);
    EXPECT_TRUE(limit->allows(100, 100));
    EXPECT_FALSE(limit->allows(101, 20'000));
    EXPECT_TRUE(limit->allows(101, 20'200));
    EXPECT_FALSE(parse_reject_share("0%")->allows(1, 1'000));
    EXPECT_TRUE(parse_reject_share("100%")->allows(1'000, 1'000));
    EXPECT_EQ(parse_reject_share("1"), std::nullopt);
}

} // namespace
} // namespace ipscore::io
