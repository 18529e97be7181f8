// CSV against an oracle of a few lines, over random texts, cut into blocks of every size.
#include "ipscore/io/csv.hpp"

#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <random>

namespace ipscore::io {
namespace {

using ::testing::ElementsAre;

struct Row {
    std::uint64_t line = 0;
    CsvFault fault = CsvFault::none;
    std::string text;
    std::vector<std::string> fields; ///< none of a faulty row
    friend bool operator==(const Row&, const Row&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Row& row) {
        return out << "line " << row.line << ", " << text_of(row.fault) << ", "
                   << ::testing::PrintToString(row.text) << ' ' << ::testing::PrintToString(row.fields);
    }
};

/// The oracle: a whole text from its front, field by field, as the grammar of RFC 4180 reads.
class Oracle {
public:
    explicit Oracle(std::string text) : text_(std::move(text)) {
        if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
    }

    std::vector<Row> rows() {
        std::vector<Row> rows;
        while (at_ < text_.size()) {
            Row row = take_row();
            if (row.fault != CsvFault::none) row.fields.clear();
            if (!row.text.empty()) rows.push_back(std::move(row));
        }
        return rows;
    }

private:
    [[nodiscard]] bool next_is(std::string_view what) const {
        return text_.compare(at_, what.size(), what) == 0;
    }
    [[nodiscard]] bool at_field_end() const {
        return at_ == text_.size() || next_is(",") || next_is("\n") || next_is("\r\n");
    }

    Row take_row() {
        Row row{.line = line_, .fault = CsvFault::none, .text = {}, .fields = {}};
        const std::size_t begin = at_;
        for (bool more = true; more;) {
            row.fields.push_back(next_is("\"") ? take_quoted(row.fault) : take_unquoted(row.fault));
            more = next_is(",");
            if (more) ++at_;
        }
        row.text = text_.substr(begin, at_ - begin);
        if (next_is("\r\n")) ++at_;
        if (next_is("\n")) ++at_;
        for (std::size_t i = begin; i < at_; ++i) line_ += text_[i] == '\n' ? 1U : 0U;
        return row;
    }

    std::string take_unquoted(CsvFault& fault) {
        std::string field;
        for (; !at_field_end(); ++at_) {
            if (next_is("\"") && fault == CsvFault::none) fault = CsvFault::quote_in_unquoted_field;
            field += text_[at_];
        }
        return field;
    }

    std::string take_quoted(CsvFault& fault) {
        std::string field;
        for (;;) { // at a quote that opens, or that follows one that seemed to close
            const std::size_t end = text_.find('"', at_ + 1);
            if (end == std::string::npos) {
                if (fault == CsvFault::none) fault = CsvFault::unterminated_quote;
                at_ = text_.size();
                return field;
            }
            field += text_.substr(at_ + 1, end - at_ - 1);
            at_ = end + 1;
            if (!next_is("\"")) break;
            field += '"';
        }
        if (!at_field_end()) {
            if (fault == CsvFault::none) fault = CsvFault::text_after_closing_quote;
            take_unquoted(fault);
        }
        return field;
    }

    std::string text_;
    std::size_t at_ = 0;
    std::uint64_t line_ = 1;
};

std::vector<Row> rows_of(std::string_view text, std::uint64_t first_line = 1) {
    std::vector<Row> rows;
    CsvRows split(text, first_line);
    CsvRow row;
    while (split.next(row)) {
        rows.push_back({row.line, row.fault, std::string(row.text), {row.fields.begin(), row.fields.end()}});
    }
    EXPECT_TRUE(split.rest().empty());
    return rows;
}

struct File {
    std::vector<Row> rows;
    std::string content_hash;
    std::uint64_t bytes = 0;
};

File read(const std::filesystem::path& path, std::size_t block_bytes, std::size_t row_bytes_max = 1U << 20U) {
    File file;
    ByteSource source(path);
    TextBlocks blocks(source, csv_row_rules(), block_bytes, row_bytes_max);
    TextBlock block;
    std::uint64_t line = 1;
    while (blocks.next(block)) {
        EXPECT_GE(block.first_line, line); // a long row is given without some of its line ends
        line = block.first_line + static_cast<std::uint64_t>(std::ranges::count(block.text, '\n'));
        for (Row& row : rows_of(block.text, block.first_line)) file.rows.push_back(std::move(row));
    }
    EXPECT_FALSE(blocks.next(block)) << "the end stays the end";
    file.content_hash = blocks.content_hash();
    file.bytes = blocks.bytes();
    return file;
}

/// Mostly what quoting is about.
std::string random_text(std::mt19937_64& random) {
    static const std::vector<std::string> pieces{"a",
                                                 "bc",
                                                 ",",
                                                 ",",
                                                 "\"",
                                                 "\"",
                                                 "\"\"",
                                                 "\n",
                                                 "\n",
                                                 "\r\n",
                                                 "\r",
                                                 "\"\n\"",
                                                 "\xEF\xBB\xBF",
                                                 "\xEF",
                                                 std::string(1, '\0'),
                                                 " ",
                                                 "\",\"",
                                                 "x\"",
                                                 "\"x"};
    std::string text = random() % 4 == 0 ? "\xEF\xBB\xBF" : "";
    for (std::uint64_t left = random() % 30; left > 0; --left) text += pieces[random() % pieces.size()];
    return text;
}

class CsvTest : public FilesTest {};

TEST_F(CsvTest, agrees_with_the_oracle_in_blocks_of_any_size) {
    std::mt19937_64 random(7);
    std::size_t rows = 0;
    std::size_t faulty = 0;
    for (int i = 0; i < 5000; ++i) {
        const std::string text = random_text(random);
        const std::vector<Row> expected = Oracle(text).rows();
        rows += expected.size();
        faulty += static_cast<std::size_t>(
            std::ranges::count_if(expected, [](const Row& row) { return row.fault != CsvFault::none; }));
        const auto path = write("a.csv", text);
        for (const std::size_t block_bytes :
             {std::size_t{1}, std::size_t{2}, std::size_t{3}, 1 + random() % (text.size() + 2),
              1 + random() % (text.size() + 2), text.size() + 1}) {
            const File file = read(path, block_bytes);
            ASSERT_EQ(file.rows, expected)
                << ::testing::PrintToString(text) << " in blocks of " << block_bytes;
            ASSERT_EQ(file.content_hash, content_hash(text));
            ASSERT_EQ(file.bytes, text.size());
        }
    }
    EXPECT_GT(rows, 10'000U);
    EXPECT_GT(faulty, rows / 10);
    EXPECT_LT(faulty, rows / 10 * 9);
}

// Rows that are taken for too long, but whose fields are not, come through as they are.
TEST_F(CsvTest, long_rows_of_short_fields_are_the_same_rows) {
    std::mt19937_64 random(9);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random_text(random);
        const auto path = write("a.csv", text);
        const std::size_t block_bytes = 1 + random() % 10;
        const std::size_t row_bytes_max = 4 + random() % 10;
        ASSERT_EQ(read(path, block_bytes, row_bytes_max).rows, Oracle(text).rows())
            << ::testing::PrintToString(text) << " in blocks of " << block_bytes << ", rows up to "
            << row_bytes_max;
    }
}

TEST_F(CsvTest, fields_of_long_rows_are_cut_down_but_stay_too_long) {
    const std::string filler(3U << 20U, 'x');
    const auto path =
        write("a.csv", "a,b,c\n1," + filler + ",3\n4,\"" + filler + "\n\"\"" + filler + "\",6\n7,8,\"9");
    const File file = read(path, 4096);
    ASSERT_EQ(file.rows.size(), 4U);
    EXPECT_EQ(file.rows[1].fields.size(), 3U);
    EXPECT_EQ(file.rows[1].fields[0], "1");
    EXPECT_GT(file.rows[1].fields[1].size(), 1024U);
    EXPECT_LT(file.rows[1].fields[1].size(), 2048U);
    EXPECT_EQ(file.rows[1].fields[2], "3");
    EXPECT_EQ(file.rows[2].fault, CsvFault::none);
    EXPECT_EQ(file.rows[2].fields[2], "6");
    EXPECT_EQ(file.rows[3].fault, CsvFault::unterminated_quote);
}

TEST_F(CsvTest, compressed_files_hold_the_same_rows_and_hash) {
    std::mt19937_64 random(8);
    for (int i = 0; i < 100; ++i) {
        const std::string text = random_text(random) + "\n" + random_text(random);
        const auto check = [&](const std::string& name, const std::string& coded) {
            const File file = read(write(name, coded), 1 + random() % 20);
            ASSERT_EQ(file.rows, Oracle(text).rows()) << name;
            ASSERT_EQ(file.content_hash, content_hash(text)) << name;
            ASSERT_EQ(file.bytes, text.size()) << name;
        };
        check("a.csv", text);
        check("a.csv.gz", gzip(text.substr(0, 3)) + gzip(text.substr(3)));
        check("a.csv.zst", zstd(text));
    }
}

TEST_F(CsvTest, a_byte_order_mark_goes_from_blocks_smaller_than_itself) {
    const auto path = write("a.csv", "\xEF\xBB\xBF\"k\n1\",b\n");
    for (std::size_t block_bytes = 1; block_bytes < 12; ++block_bytes) {
        EXPECT_THAT(read(path, block_bytes).rows,
                    ElementsAre(Row{1, CsvFault::none, "\"k\n1\",b", {"k\n1", "b"}}))
            << block_bytes;
    }
    // Only where the file begins, also when a block ended before it.
    for (std::size_t block_bytes = 1; block_bytes < 8; ++block_bytes) {
        EXPECT_THAT(read(write("b.csv", "\n\xEF\xBB\xBFk\n"), block_bytes).rows,
                    ElementsAre(Row{2, CsvFault::none, "\xEF\xBB\xBFk", {"\xEF\xBB\xBFk"}}))
            << block_bytes;
    }
    EXPECT_TRUE(read(write("c.csv", "\xEF\xBB\xBF"), 1).rows.empty());
}

// A stray quote makes the rest of a file one row.
TEST_F(CsvTest, a_row_of_many_blocks_takes_linear_time) {
    const std::string text = "a,\"" + std::string(16U << 20U, '\n');
    const auto path = write("a.csv", text);
    const auto begin = std::chrono::steady_clock::now();
    const File file = read(path, 512);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    ASSERT_EQ(file.rows.size(), 1U);
    EXPECT_EQ(file.rows[0].fault, CsvFault::unterminated_quote);
}

TEST(Csv, rows) {
    EXPECT_THAT(rows_of("a,b\r\n\n\r\n,\n\"\"\n x ,\"y\"\"\r\n,\"\r\nlast"),
                ElementsAre(Row{1, CsvFault::none, "a,b", {"a", "b"}}, Row{4, CsvFault::none, ",", {"", ""}},
                            Row{5, CsvFault::none, "\"\"", {""}},
                            Row{6, CsvFault::none, " x ,\"y\"\"\r\n,\"", {" x ", "y\"\r\n,"}},
                            Row{8, CsvFault::none, "last", {"last"}}));
}

TEST(Csv, a_faulty_row_does_not_take_others_along) {
    EXPECT_THAT(rows_of("a\"b,c\nd\n\"e\"f\"g,h\ni\n\"j"),
                ElementsAre(Row{1, CsvFault::quote_in_unquoted_field, "a\"b,c", {}},
                            Row{2, CsvFault::none, "d", {"d"}},
                            Row{3, CsvFault::text_after_closing_quote, "\"e\"f\"g,h", {}},
                            Row{4, CsvFault::none, "i", {"i"}},
                            Row{5, CsvFault::unterminated_quote, "\"j", {}}));
    EXPECT_EQ(text_of(CsvFault::quote_in_unquoted_field), "a quote inside an unquoted field");
    EXPECT_EQ(text_of(CsvFault::text_after_closing_quote), "text after a closing quote");
    EXPECT_EQ(text_of(CsvFault::unterminated_quote), "a quoted field without a closing quote");
}

TEST(Csv, the_place_behind_a_row_is_told) {
    const std::string text = "a\n\n\"b\nc\"\nd";
    CsvRows rows(text, 10);
    CsvRow row;
    ASSERT_TRUE(rows.next(row));
    EXPECT_EQ(rows.line(), 11U);
    ASSERT_TRUE(rows.next(row));
    EXPECT_EQ(row.line, 12U);
    EXPECT_EQ(rows.line(), 14U);
    EXPECT_EQ(rows.rest(), "d");
}

TEST(Csv, fields_that_are_written_read_back) {
    std::mt19937_64 random(9);
    for (int i = 0; i < 3000; ++i) {
        std::vector<std::string> fields;
        std::string text;
        for (std::uint64_t left = 1 + random() % 4; left > 0; --left) {
            fields.push_back(random_text(random));
            if (!text.empty() || fields.size() > 1) text += ',';
            append_csv_field(text, fields.back());
        }
        if (text.empty()) continue; // one empty field is a blank line
        const auto rows = rows_of(text + "\n");
        ASSERT_EQ(rows.size(), 1U) << ::testing::PrintToString(text);
        ASSERT_EQ(rows[0].fields, fields) << ::testing::PrintToString(text);
    }
}

TEST(Csv, quotes_only_what_needs_them) {
    const auto written = [](std::string_view field) {
        std::string text;
        append_csv_field(text, field);
        return text;
    };
    for (const std::string plain : {"", "abc", " a b ", "a;b", "a'b", "\tb", "\xff"}) {
        EXPECT_EQ(written(plain), plain);
    }
    EXPECT_EQ(written("a,b"), "\"a,b\"");
    EXPECT_EQ(written("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(written("a\nb"), "\"a\nb\"");
    EXPECT_EQ(written("a\r"), "\"a\r\"");
}

CsvHeader header_of(const std::string& line) {
    CsvRows rows(line, 3);
    CsvRow row;
    rows.next(row);
    return {row, "in.csv"};
}

TEST(CsvHeader, finds_columns_by_name) {
    const CsvHeader header = header_of("b,\"a,\",c d,");
    EXPECT_EQ(header.columns(), 4U);
    EXPECT_EQ(header.find("b"), 0U);
    EXPECT_EQ(header.find("a,"), 1U);
    EXPECT_EQ(header.require("c d"), 2U);
    EXPECT_EQ(header.find(""), 3U);
    EXPECT_EQ(header.find("B"), std::nullopt);
    EXPECT_EQ(message_of([&] { (void)header.require("key"); }),
              "in.csv: there is no column \"key\"; the header has \"b\", \"a,\", \"c d\", \"\"");
}

TEST(Csv, keeps_so_many_fields_and_counts_all) {
    for (const std::size_t count :
         {CsvRow::fields_max - 1, CsvRow::fields_max, CsvRow::fields_max + 1, std::size_t{1} << 20U}) {
        for (const char* field : {",", "\"a\",", "\"\","}) {
            std::string text;
            for (std::size_t i = 1; i < count; ++i) text += field;
            text += "last\nnext,row\n";
            CsvRows rows(text, 1);
            CsvRow row;
            ASSERT_TRUE(rows.next(row));
            EXPECT_EQ(row.field_count, count);
            ASSERT_EQ(row.fields.size(), std::min(count, CsvRow::fields_max));
            if (count <= CsvRow::fields_max) {
                EXPECT_EQ(row.fields.back(), "last");
            }
            ASSERT_TRUE(rows.next(row));
            EXPECT_EQ(row.field_count, 2U);
            EXPECT_EQ(row.fields.size(), 2U);
        }
    }
}

TEST(CsvHeader, has_so_many_columns_at_most) {
    std::string line;
    for (std::size_t i = 0; i < CsvRow::fields_max; ++i) line += (i > 0 ? "," : "") + std::to_string(i);
    CsvRows rows(line, 1);
    CsvRow row;
    ASSERT_TRUE(rows.next(row));
    EXPECT_EQ(row.field_count, CsvRow::fields_max);
    EXPECT_EQ(message_of([&] { header_of(line + ",one more"); }),
              "in.csv:3: the header has 65537 columns; 65536 are the most there may be");
}

TEST(CsvHeader, names_what_is_wrong_with_it) {
    EXPECT_EQ(message_of([] { header_of("a,b,a"); }), "in.csv:3: the column \"a\" comes twice");
    EXPECT_EQ(message_of([] { header_of("a,b\xff"); }), "in.csv:3: the header is not UTF-8: \"b\\xff\"");
    EXPECT_EQ(message_of([] { header_of("a\"b"); }),
              "in.csv:3: the header has a quote inside an unquoted field");
    EXPECT_EQ(message_of([] { header_of("a,\"b"); }),
              "in.csv:3: the header has a quoted field without a closing quote");
}

/// UTF-8 as it is defined: what encodes back to the same bytes.
bool is_utf8_by_encoding(std::string_view text) {
    while (!text.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const std::size_t bytes = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
        if (text.size() < bytes) return false;
        char32_t point = bytes == 1 ? byte(0) : byte(0) & (0xFFU >> (bytes + 1));
        for (std::size_t i = 1; i < bytes; ++i) point = point << 6U | (byte(i) & 0x3FU);
        if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
        const auto tail = [&](unsigned shift) {
            return static_cast<char>(0x80U | (static_cast<unsigned>(point >> shift) & 0x3FU));
        };
        const auto head = [&](unsigned mark, unsigned shift) {
            return static_cast<char>(mark | point >> shift);
        };
        std::string encoded;
        if (point < 0x80) {
            encoded = {static_cast<char>(point)};
        } else if (point < 0x800) {
            encoded = {head(0xC0, 6), tail(0)};
        } else if (point < 0x10000) {
            encoded = {head(0xE0, 12), tail(6), tail(0)};
        } else {
            encoded = {head(0xF0, 18), tail(12), tail(6), tail(0)};
        }
        if (!text.starts_with(encoded)) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

TEST(Csv, utf8_is_what_encodes_back) {
    std::string text;
    const auto check = [&](auto... bytes) {
        text = {static_cast<char>(bytes)...};
        ASSERT_EQ(is_utf8(text), is_utf8_by_encoding(text)) << ::testing::PrintToString(text);
    };
    EXPECT_TRUE(is_utf8(""));
    for (unsigned a = 0; a < 256; ++a) {
        check(a);
        for (unsigned b = 0; b < 256; ++b) {
            check(a, b);
            for (const unsigned c : {0x00U, 0x41U, 0x7FU, 0x80U, 0x8FU, 0xBFU, 0xC0U, 0xC2U, 0xFFU}) {
                check(a, b, c);
                for (const unsigned d : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U}) check(a, b, c, d);
            }
        }
    }
}

TEST(Csv, values_in_messages_are_short_and_printable) {
    EXPECT_EQ(quoted_for_message(""), "\"\"");
    EXPECT_EQ(quoted_for_message("a b,\xC3\xA9"), "\"a b,\xC3\xA9\"");
    EXPECT_EQ(quoted_for_message(std::string("a\0\n\x7f", 4)), "\"a\\x00\\x0a\\x7f\"");
    EXPECT_EQ(quoted_for_message("\xC3"), "\"\\xc3\"");
    const std::string x(60, 'x');
    EXPECT_EQ(quoted_for_message(x), '"' + x + '"');
    EXPECT_EQ(quoted_for_message(x + "y"), '"' + x + "\"...");
    // Not cut inside a character.
    EXPECT_EQ(quoted_for_message(x.substr(1) + "\xC3\xA9"), '"' + x.substr(1) + "\\xc3\"...");
}

} // namespace
} // namespace ipscore::io
