// Exported text is what people and other programs read of a result: every byte of it is fixed.
#include "export_inputs.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace ipscore::stages {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string scores_header =
    "ip,company,tag,score,surge,confident,hits,keys,days,first_day,last_day,raw\n";
const std::string acme_first =
    "1.2.3.4,\"Acme, Inc.\",\"a,b\",12.5,0.25,0,7,2,3,2026-11-01,2026-11-09,6553600\n";
const std::string acme_second =
    "1.2.3.4,\"Acme, Inc.\",plain,99.99999,inf,1,18446744073709551615,4294967295,128,2026-07-18,2026-11-22,"
    "18446744073709551615\n";
const std::string nobody = "9.9.9.9,,\"say \"\"hi\"\"\",0.1,0,0,1,1,1,2026-11-01,2026-11-01,1\n";
const std::string beta = "2001:db8::1,Beta,plain,60,0.0000001,1,2,2,2,2000-01-01,2099-12-31,3\n";

const std::string companies_header = "company,tag,score,surge,addresses,hits,days,raw\n";
const std::string company_acme_first = "\"Acme, Inc.\",\"a,b\",12.5,1.5,1,7,3,6000\n";
const std::string company_acme_second = "\"Acme, Inc.\",plain,50,inf,2,9,4,18446744073709551615\n";
const std::string company_beta = "Beta,plain,0.1,0,1,1,1,1\n";

const std::string table_header = "ip,day,key,hits\n";

class Export : public ExportTest {
protected:
    Export() {
        write_small_scores(directory / "scores");
        write_small_table(directory / "table");
    }

public:
    const ExportArgs scores = args("scores");
    const ExportArgs table = args("table");
};

TEST_F(Export, writes_scores_in_order_of_parts_with_quotes_only_where_needed) {
    const std::string text = scores_header + acme_first + acme_second + nobody + beta;
    EXPECT_EQ(text_of(scores), text);
    EXPECT_EQ(report.rows, 4U);
    EXPECT_EQ(report.bytes, text.size());
    EXPECT_GT(report.seconds, 0);
    EXPECT_EQ(left_over(), std::vector<std::string>{"out.csv"});
}

TEST_F(Export, writes_the_same_with_one_thread) {
    ExportArgs asked = scores;
    asked.threads = 1;
    EXPECT_EQ(text_of(asked), scores_header + acme_first + acme_second + nobody + beta);
}

TEST_F(Export, narrows_scores) {
    ExportArgs asked = scores;
    asked.tags = {"plain", "say \"hi\"", "plain"};
    EXPECT_EQ(text_of(asked), scores_header + acme_second + nobody + beta);
    asked.company_names = {"Beta"};
    EXPECT_EQ(text_of(asked), scores_header + beta);
    asked = scores;
    asked.networks = {network_of("9.9.9.9/32"), network_of("2001:db8::/32"), network_of("9.0.0.0/8")};
    EXPECT_EQ(text_of(asked), scores_header + nobody + beta);
    asked.networks = {network_of("1.2.3.4/32")};
    EXPECT_EQ(text_of(asked), scores_header + acme_first + acme_second);
    asked.networks = {network_of("::/0")};
    EXPECT_EQ(text_of(asked), scores_header + acme_first + acme_second + nobody + beta);
    asked.networks = {network_of("8.0.0.0/8")};
    EXPECT_EQ(text_of(asked), scores_header);
    EXPECT_EQ(report.rows, 0U);
}

TEST_F(Export, compares_scores_with_the_threshold_as_f32) {
    ExportArgs asked = scores;
    asked.min_score = 0.1; // as f32 a little more than 0.1, as the score is
    EXPECT_EQ(text_of(asked), scores_header + acme_first + acme_second + nobody + beta);
    asked.min_score = 0.10000001; // the next f32
    EXPECT_EQ(text_of(asked), scores_header + acme_first + acme_second + beta);
    asked.min_score = 100;
    EXPECT_EQ(text_of(asked), scores_header);
}

TEST_F(Export, does_not_read_parts_that_networks_leave_out) {
    std::ofstream(scores.input / "part-00000.h5") << "no HDF5";
    ExportArgs asked = scores;
    asked.networks = {network_of("2001:db8::/32")};
    EXPECT_EQ(text_of(asked), scores_header + beta);
}

TEST_F(Export, writes_company_rows) {
    ExportArgs asked = scores;
    asked.companies = true;
    EXPECT_EQ(text_of(asked), companies_header + company_acme_first + company_acme_second + company_beta);
    EXPECT_EQ(report.rows, 3U);
    asked.tags = {"plain"};
    EXPECT_EQ(text_of(asked), companies_header + company_acme_second + company_beta);
    asked.company_names = {"Acme, Inc."};
    EXPECT_EQ(text_of(asked), companies_header + company_acme_second);
    asked.min_score = 50.1;
    EXPECT_EQ(text_of(asked), companies_header);
}

TEST_F(Export, writes_observations) {
    EXPECT_EQ(text_of(table), table_header + "1.2.3.4,2026-11-01,\"a,b\",5\n"
                                             "1.2.3.4,2026-11-02,\"a,b\",4294967295\n"
                                             "1.2.3.4,2026-11-01,plain,1\n"
                                             "::1:0:0,2026-10-31,\"line\nbreak\",2\n"
                                             "2001:db8::1,2026-11-22,\xff\xfe,3\n");
    EXPECT_EQ(report.rows, 5U);
    ExportArgs asked = table;
    asked.networks = {network_of("::1:0:0/128")};
    EXPECT_EQ(text_of(asked), table_header + "::1:0:0,2026-10-31,\"line\nbreak\",2\n");
}

TEST_F(Export, writes_a_header_when_there_are_no_rows) {
    io::ScoresIndex scores_index;
    write_scores(directory / "no scores", scores_index, {});
    EXPECT_EQ(text_of(args("no scores")), scores_header);
    ExportArgs asked = args("no scores");
    asked.companies = true;
    EXPECT_EQ(text_of(asked), companies_header);
    io::TableIndex table_index;
    write_table(directory / "no table", table_index, {{}});
    EXPECT_EQ(text_of(args("no table")), table_header);
}

TEST_F(Export, compresses_by_name) {
    const std::string text = scores_header + acme_first + acme_second + nobody + beta;
    for (const std::string name : {"out.csv.gz", "out.csv.zst"}) {
        ExportArgs asked = scores;
        asked.output = directory / name;
        EXPECT_EQ(run(asked).bytes, text.size());
        io::ByteSource source(asked.output);
        std::string back(2 * text.size(), '\0');
        back.resize(source.read(back));
        EXPECT_EQ(back, text);
    }
    if (std::filesystem::exists("/usr/bin/gzip")) {
        EXPECT_EQ(output_of("gzip -dc " + (directory / "out.csv.gz").string()), text);
    }
    if (std::filesystem::exists("/usr/bin/zstd")) {
        EXPECT_EQ(output_of("zstd -dc " + (directory / "out.csv.zst").string()), text);
    }
}

/// So many rows that they come in many blocks and chunks; every third address has a row of each tag.
std::string write_many_scores(const std::filesystem::path& directory) {
    io::ScoresIndex index;
    for (const auto* tag : {"a", "b", "c"}) index.tags.push_back(tag);
    std::vector<ScoredPart> parts(3);
    std::string text = scores_header;
    for (std::uint32_t i = 0; i < 60000; ++i) {
        ScoredAddress address{to_string(address_of_ipv4(i * 7)), scoring::no_company, {}};
        for (std::uint32_t tag = 0; tag < (i % 3 == 0 ? 3U : 1U); ++tag) {
            address.rows.push_back(
                {.tag = tag, .score = static_cast<float>(i % 400) / 4, .hits = i + 1, .raw = i});
            text += fmt::format("{},,{},{},0,0,{},1,1,2026-11-01,2026-11-01,{}\n", address.address,
                                index.tags[tag], address.rows.back().score, i + 1, i);
        }
        parts[i / 20000].push_back(std::move(address));
    }
    write_scores(directory, index, parts);
    return text;
}

TEST_F(Export, keeps_the_order_over_many_blocks) {
    const std::string text = write_many_scores(directory / "many");
    for (const int threads : {1, 2, 3}) {
        ExportArgs asked = args("many");
        asked.threads = threads;
        EXPECT_TRUE(text_of(asked) == text) << threads << " threads";
        EXPECT_EQ(report.rows, 100000U);
    }
    ExportArgs asked = args("many");
    asked.output = directory / "out.csv.gz";
    run(asked);
    io::ByteSource source(asked.output);
    std::string back(text.size() + 1, '\0');
    back.resize(source.read(back));
    EXPECT_TRUE(back == text);
}

TEST_F(Export, splits_an_address_with_more_rows_than_a_block) {
    io::TableIndex index;
    ObservedAddress address{"10.0.0.1", {}};
    std::string text = table_header;
    for (std::uint32_t key = 0; key < 50000; ++key) {
        index.dictionary.push_back(fmt::format("key {:05}", key));
        address.rows.push_back({"2026-11-05", key, key + 1});
        text += fmt::format("10.0.0.1,2026-11-05,key {:05},{}\n", key, key + 1);
    }
    write_table(directory / "wide", index, {{address}});
    EXPECT_TRUE(text_of(args("wide")) == text);
}

TEST_F(Export, names_unknown_tags_and_companies) {
    ExportArgs asked = scores;
    asked.tags = {"plain", "Plain"};
    EXPECT_EQ(refusal<InputError>(asked), scores.input.string() +
                                              ": there is no tag \"Plain\"; there are \"a,b\", \"plain\", "
                                              "\"say \"hi\"\"");
    asked = scores;
    asked.companies = true;
    asked.company_names = {"Gamma"};
    EXPECT_EQ(refusal<InputError>(asked), scores.input.string() +
                                              ": there is no company \"Gamma\"; there are \"Acme, Inc.\", "
                                              "\"Beta\"");
}

TEST_F(Export, refuses_filters_that_do_not_fit) {
    ExportArgs asked = scores;
    asked.companies = true;
    asked.networks = {network_of("1.0.0.0/8")};
    EXPECT_EQ(refusal<InputError>(asked), "--ip does not fit: company rows have no addresses");
    asked = table;
    asked.companies = true;
    EXPECT_EQ(refusal<InputError>(asked), "--companies does not fit: " + table.input.string() +
                                              " is a table, which has observations only");
    asked = table;
    asked.tags = {"plain"};
    EXPECT_THAT(refusal<InputError>(asked), StartsWith("--tag does not fit: "));
    asked = table;
    asked.company_names = {"Beta"};
    EXPECT_THAT(refusal<InputError>(asked), StartsWith("--company does not fit: "));
    asked = table;
    asked.min_score = 0;
    EXPECT_THAT(refusal<InputError>(asked), StartsWith("--min-score does not fit: "));
}

TEST_F(Export, says_what_is_no_input) {
    EXPECT_EQ(refusal<InputError>(args("nothing")),
              "cannot read " + args("nothing").input.string() + ": No such file or directory");
    EXPECT_EQ(refusal<InputError>(args("scores/index.h5")),
              (scores.input / "index.h5").string() +
                  ": is no directory; export reads a scores or table directory");
    std::filesystem::create_directories(directory / "unfinished");
    EXPECT_THAT(refusal<InputError>(args("unfinished")), HasSubstr("is neither finished scores nor"));
    std::filesystem::create_directories(directory / "store" / "manifest");
    EXPECT_THAT(refusal<InputError>(args("store")), HasSubstr("is a store; run ipscore prepare"));
    std::filesystem::create_directories(directory / "odd");
    std::filesystem::copy_file(scores.input / "part-00000.h5", directory / "odd" / "index.h5");
    EXPECT_THAT(refusal<InputError>(args("odd")), HasSubstr("index.h5: is \"ipscore scores part\"; export"));
    std::ofstream(directory / "odd" / "index.h5") << "no HDF5";
    EXPECT_THAT(refusal<InputError>(args("odd")), HasSubstr("index.h5: damaged, truncated or no HDF5 file"));
}

TEST_F(Export, names_a_missing_part) {
    for (const ExportArgs& asked : {scores, table}) {
        std::filesystem::remove(asked.input / "part-00000.h5");
        EXPECT_THAT(refusal<InputError>(asked), HasSubstr((asked.input / "part-00000.h5").string()));
    }
}

TEST_F(Export, names_a_part_of_another_result) {
    for (const ExportArgs& asked : {scores, table}) {
        const auto overwrite = std::filesystem::copy_options::overwrite_existing;
        std::filesystem::copy_file(asked.input / "part-00000.h5", asked.input / "part-00001.h5", overwrite);
        EXPECT_THAT(refusal<InputError>(asked),
                    HasSubstr((asked.input / "part-00001.h5").string() + ": is not the part that"));
    }
}

/// Changes bytes all over a part: either none of the values is touched, or the file is named.
void damage_everywhere(const std::filesystem::path& part, const std::function<void()>& check) {
    const std::string good = read(part);
    for (std::size_t at = 3; at < good.size(); at += good.size() / 97) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        std::ofstream(part, std::ios::binary) << bad;
        SCOPED_TRACE(fmt::format("byte {} of {}", at, part.string()));
        check();
    }
    std::ofstream(part, std::ios::binary) << good;
}

TEST_F(Export, never_writes_damaged_values) {
    // HDF5 leaks what it has read of damaged metadata: in a process of its own, whose leaks nobody counts.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto damage_all = [&] {
        const std::string scores_text = write_many_scores(directory / "many");
        const std::string table_text = text_of(table);
        std::filesystem::remove(table.output);
        int found = 0;
        const auto check = [&](const ExportArgs& asked, const std::string& part, const std::string& text) {
            damage_everywhere(asked.input / part, [&] {
                try {
                    EXPECT_TRUE(text_of(asked) == text);
                    std::filesystem::remove(asked.output);
                } catch (const InputError& error) {
                    EXPECT_THAT(error.what(), HasSubstr(part));
                    EXPECT_EQ(left_over(), std::vector<std::string>{});
                    ++found;
                }
            });
        };
        check(args("many"), "part-00001.h5", scores_text);
        EXPECT_GT(found, 80) << "most of the file is values";
        check(table, "part-00001.h5", table_text);
        check(table, "index.h5", table_text);
        std::filesystem::remove_all(directory);
        std::_Exit(HasFailure() ? 1 : 0);
    };
    EXPECT_EXIT(damage_all(), ::testing::ExitedWithCode(0), "");
}

TEST_F(Export, names_a_truncated_part) {
    write_many_scores(directory / "many");
    const auto part = directory / "many" / "part-00002.h5";
    std::filesystem::resize_file(part, std::filesystem::file_size(part) / 2);
    EXPECT_THAT(refusal<InputError>(args("many")), HasSubstr("part-00002.h5: damaged, truncated"));
}

TEST_F(Export, refuses_ids_that_the_index_does_not_have) {
    io::ScoresIndex index;
    index.tags.push_back("only");
    write_scores(directory / "bad", index, {{{"1.1.1.1", scoring::no_company, {{1}}}}});
    EXPECT_THAT(refusal<InputError>(args("bad")),
                HasSubstr("part-00000.h5: damaged: a tag is not in the index"));
    index.parts.clear();
    write_scores(directory / "worse", index, {{{"1.1.1.1", 0, {{0}}}}});
    EXPECT_THAT(refusal<InputError>(args("worse")),
                HasSubstr("part-00000.h5: damaged: a company is not in the index"));
}

TEST_F(Export, stops_on_request) {
    stop.request();
    EXPECT_EQ(refusal<Interrupted>(scores), "stopped on request; nothing was written");
    ExportArgs asked = scores;
    asked.output = directory / "out.h5";
    EXPECT_EQ(refusal<Interrupted>(asked), "stopped on request; nothing was written");
}

TEST_F(Export, replaces_what_is_there_only_when_it_is_whole) {
    std::ofstream(scores.output) << "old";
    ExportArgs asked = scores;
    asked.tags = {"none of them"};
    EXPECT_THROW(run(asked), InputError);
    EXPECT_EQ(read(scores.output), "old");
    EXPECT_EQ(text_of(scores), scores_header + acme_first + acme_second + nobody + beta);
}

TEST_F(Export, leaves_nothing_behind_when_the_disk_is_full) {
    write_many_scores(directory / "many");
    // A limit on the size of files fails in the same place as a full disk does.
    const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlimit small{300'000, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_EQ(refusal<EnvironmentError>(args("many")),
              "cannot write " + args("many").output + ": File too large");
    ExportArgs asked = args("many");
    asked.output = directory / "out.h5";
    EXPECT_THAT(refusal<EnvironmentError>(asked), HasSubstr("File too large"));
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, old_action);
}

TEST_F(Export, ends_quietly_when_the_reader_has_enough) {
    write_many_scores(directory / "many");
    const auto old_action = std::signal(SIGPIPE, SIG_IGN);
    ExportArgs asked = args("many");
    asked.output = directory / "pipe";
    ASSERT_EQ(::mkfifo(asked.output.c_str(), 0600), 0);
    std::string head(100, '\0');
    std::thread reader([&] {
        const int fd = ::open(asked.output.c_str(), O_RDONLY);
        EXPECT_EQ(::read(fd, head.data(), head.size()), 100);
        ::close(fd);
    });
    report = run(asked);
    reader.join();
    EXPECT_THAT(head, StartsWith(scores_header));
    EXPECT_LT(report.rows, 100000U);
    EXPECT_TRUE(std::filesystem::is_fifo(asked.output));
    std::signal(SIGPIPE, old_action);
}

} // namespace
} // namespace ipscore::stages
