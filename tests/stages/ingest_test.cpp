// Files into the store: what is kept, what is refused, and that nothing is left behind.
#include "ipscore/stages/ingest.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/manifest.hpp"
#include "ipscore/mpi/world.hpp"
#include "ipscore/stages/export.hpp"
#include "ipscore/stages/prepare.hpp"
#include "segment_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace ipscore::stages {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Some good rows, with duplicates, quotes, both families and keys of any byte.
std::string rows_text(std::uint64_t seed, std::size_t rows) {
    std::mt19937_64 random(seed);
    std::string text;
    for (std::size_t i = 0; i < rows; ++i) {
        const bool v6 = random() % 3 == 0;
        text += (v6 ? "2001:db8::" : "10.0.0.") + std::to_string(random() % 100) + ",2026-11-" +
                std::to_string(10 + random() % 13) + ",\"key,\"\"" + std::to_string(random() % 50) +
                "\xff\"," + std::to_string(1 + random() % 9) + '\n';
    }
    return text;
}
constexpr const char* header = "ip,day,key,hits\n";

class Ingest : public ::testing::Test {
protected:
    std::filesystem::path file(const std::string& name, const std::string& text) {
        const auto path = directory_.path() / name;
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    std::filesystem::path gz_file(const std::string& name, const std::string& text) {
        const auto path = directory_.path() / name;
        gzFile out = ::gzopen(path.c_str(), "wb");
        EXPECT_EQ(::gzwrite(out, text.data(), static_cast<unsigned>(text.size())),
                  static_cast<int>(text.size()));
        EXPECT_EQ(::gzclose(out), Z_OK);
        return path;
    }

    [[nodiscard]] IngestArgs args(std::vector<std::filesystem::path> files,
                                  const std::string& store = "store") const {
        IngestArgs args;
        args.store = directory_.path() / store;
        args.files = std::move(files);
        args.threads = 2;
        return args;
    }
    IngestReport run(const IngestArgs& args) {
        RunMonitor monitor(log_);
        return ingest(args, stop_, monitor);
    }

    /// The message of the error that ends an ingest, which must leave the store as it was.
    template <class Failure>
    std::string refusal(const IngestArgs& args) {
        const auto before = contents(args.store);
        std::string message;
        try {
            run(args);
            ADD_FAILURE() << "the ingest should have failed";
        } catch (const Failure& failure) {
            message = failure.what();
        }
        EXPECT_EQ(contents(args.store), before) << message;
        return message;
    }

    /// Every file below a directory, with its bytes; not what runs say of themselves, or wait for.
    static std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
        std::map<std::string, std::string> files;
        if (!std::filesystem::exists(directory)) return files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
            if (!entry.is_regular_file() || entry.path().filename() == "lock" ||
                entry.path().parent_path().filename() == io::format::status_name)
                continue;
            files[entry.path().lexically_relative(directory).string()] = read(entry.path());
        }
        return files;
    }
    static std::map<std::string, std::string> segments(const std::filesystem::path& store) {
        return contents(store / "segments");
    }
    /// All that a store says of its segments, with the checksums of their values. Their bytes would say more,
    /// but hold the second in which HDF5 made each group.
    static std::vector<std::string> segment_values(const std::filesystem::path& store) {
        std::vector<std::string> list;
        for (const io::SegmentInfo& segment : io::Store::open(store).read().segments) {
            std::ostringstream text;
            text << segment.id << ' ' << segment.rows << ' ' << segment.addresses << ' ' << segment.keys
                 << ' ' << segment.bytes << ' ' << segment.checksum;
            for (const auto& [day, rows] : segment.days) text << ' ' << day << ':' << rows;
            list.push_back(text.str());
        }
        return list;
    }

    /// All observations of a store as `export` writes them.
    std::string table_text(const std::filesystem::path& store) {
        const auto table = directory_.path() / ("table-" + std::to_string(tables_++));
        PrepareArgs prepare_args;
        prepare_args.store = store;
        prepare_args.output = table;
        prepare_args.as_of = last_valid_day;
        prepare_args.lookback_days = 36525;
        prepare_args.threads = 1;
        mpi::World world;
        RunMonitor monitor(log_);
        prepare(world, prepare_args, stop_, monitor);
        ExportArgs export_args;
        export_args.input = table;
        export_args.output = table.string() + ".csv";
        export_args.threads = 1;
        export_to(export_args, stop_);
        return read(export_args.output);
    }

    FreshDirectory directory_;
    StopFlag stop_;
    RunLog log_{"ingest", LogFormat::none};

private:
    int tables_ = 0;
};

TEST_F(Ingest, takes_rows_in_and_says_what_it_did) {
    const IngestReport report = run(args({file("a.csv", "ip,day,key,hits\n"
                                                        "10.0.0.2,2026-11-22,k,3\n"
                                                        "10.0.0.1,2026-11-22,k,1\n"
                                                        "::ffff:10.0.0.2,2026-11-22T12:00:00Z,k,4\n")}));
    ASSERT_THAT(report.files, SizeIs(1));
    EXPECT_EQ(report.files[0].rows, 3U);
    EXPECT_EQ(report.files[0].rejected, 0U);
    EXPECT_FALSE(report.files[0].already_there);
    EXPECT_THAT(report.files[0].segments, SizeIs(1));
    EXPECT_EQ(report.files[0].rejects, "");
    EXPECT_EQ(report.manifest_version, 1U);
    EXPECT_EQ(report.store_rows, 2U); // two of the three are one observation
    EXPECT_EQ(table_text(directory_.path() / "store"),
              "ip,day,key,hits\n10.0.0.1,2026-11-22,k,1\n10.0.0.2,2026-11-22,k,7\n");

    const io::Manifest manifest = io::Store::open(directory_.path() / "store").read();
    ASSERT_THAT(manifest.sources, SizeIs(1));
    EXPECT_EQ(manifest.sources[0].rows, 3U);
    EXPECT_EQ(manifest.sources[0].segments, report.files[0].segments);
    ASSERT_THAT(manifest.segments, SizeIs(1));
    EXPECT_EQ(manifest.segments[0].rows, 2U);
    EXPECT_EQ(manifest.segments[0].addresses, 2U);
    EXPECT_EQ(manifest.segments[0].keys, 1U);
    EXPECT_EQ(manifest.rows_per_day().at(parse_date("2026-11-22").day), 2U);
}

TEST_F(Ingest, reads_files_without_rows) {
    const IngestReport report = run(args({file("a.csv", header)}));
    EXPECT_EQ(report.files[0].rows, 0U);
    EXPECT_THAT(report.files[0].segments, IsEmpty());
    EXPECT_EQ(report.store_rows, 0U);
    EXPECT_THAT(segments(directory_.path() / "store"), IsEmpty());
    EXPECT_TRUE(run(args({directory_.path() / "a.csv"})).files[0].already_there);
    EXPECT_EQ(table_text(directory_.path() / "store"), header);
}

TEST_F(Ingest, finds_the_header_behind_blank_lines_and_a_byte_order_mark) {
    run(args({file("a.csv", "\xef\xbb\xbf\r\n\n\r\nkey,unknown,day,ip\r\n\r\nk,x,2026-11-22,10.0.0.1\r\n")}));
    EXPECT_EQ(table_text(directory_.path() / "store"), "ip,day,key,hits\n10.0.0.1,2026-11-22,k,1\n");
}

TEST_F(Ingest, writes_bad_rows_with_file_line_reason_and_text) {
    const auto path = file("a.csv", "ip,day,key,hits\n"
                                    "10.0.0.1,2026-11-22,k,1\n"
                                    "10.0.0.1,2026-11-22,k\n"
                                    "\n"
                                    "10.0.0.1,2026-11-31,k,1\n"
                                    "10.0.0.1,2026-11-22,k,0\n"
                                    "10.0.0.1,1999-12-31,k,1\n"
                                    "\"10,0\",2026-11-22,k,1\n"
                                    "10.0.0.1,2026-11-22,\"k\nl\",1\n"
                                    "10.0.0.1,2026-11-22,k\"l,1\n");
    const IngestReport report = run(args({path}));
    EXPECT_EQ(report.files[0].rows, 2U);
    EXPECT_EQ(report.files[0].rejected, 6U);
    ASSERT_NE(report.files[0].rejects, "");
    std::istringstream rejects(read(report.files[0].rejects));
    const auto line = [&] {
        std::string text;
        std::getline(rejects, text);
        return text;
    };
    EXPECT_EQ(line(), "file,line,reason,row");
    const std::string name = path.string();
    EXPECT_EQ(line(), name + R"(,3,"3 fields, but the header has 4","10.0.0.1,2026-11-22,k")");
    EXPECT_THAT(line(), AllOf(HasSubstr(name + ",5,"), HasSubstr("2026-11-31")));
    EXPECT_THAT(line(), AllOf(HasSubstr(name + ",6,"), HasSubstr("hits")));
    EXPECT_THAT(line(), AllOf(HasSubstr(name + ",7,"), HasSubstr("2000-01-01")));
    EXPECT_THAT(line(), AllOf(HasSubstr(name + ",8,"), HasSubstr(R"("""10,0"",2026-11-22,k,1")")));
    EXPECT_THAT(line(), AllOf(HasSubstr(name + ",11,"), HasSubstr(R"("10.0.0.1,2026-11-22,k""l,1")")));
    EXPECT_EQ(line(), "");
    EXPECT_TRUE(rejects.eof());
}

TEST_F(Ingest, stops_at_the_first_bad_row_when_strict) {
    IngestArgs strict = args({file("good.csv", header + rows_text(1, 5)),
                              file("bad.csv", header + rows_text(2, 5) + "x,2026-11-22,k,1\ny,,k,1\n")});
    strict.strict = true;
    EXPECT_THAT(refusal<InputError>(strict),
                AllOf(HasSubstr("bad.csv:7: "), HasSubstr("\"x\""), HasSubstr("--strict")));
    strict.files.pop_back();
    EXPECT_EQ(run(strict).files[0].rows, 5U);
}

std::string bad_rows(std::size_t rows) {
    std::string text;
    for (std::size_t i = 0; i < rows; ++i) text += "bad,2026-11-22,k,1\n";
    return text;
}

TEST_F(Ingest, allows_so_many_bad_rows_and_no_more) {
    IngestArgs counted = args({file("a.csv", header + rows_text(1, 20) + bad_rows(3))});
    counted.max_rejects.rows = 2;
    EXPECT_THAT(refusal<InputError>(counted),
                AllOf(HasSubstr("3 of 23 rows are bad"), HasSubstr("--max-rejects"), HasSubstr("line 22: ")));
    counted.max_rejects.rows = 0;
    refusal<InputError>(counted);
    counted.max_rejects.rows = 3;
    EXPECT_EQ(run(counted).files[0].rejected, 3U);
}

TEST_F(Ingest, allows_a_share_of_bad_rows_and_always_a_hundred) {
    EXPECT_EQ(run(args({file("a.csv", header + bad_rows(100))})).files[0].rejected, 100U);
    EXPECT_THAT(refusal<InputError>(args({file("b.csv", header + bad_rows(101))})),
                HasSubstr("101 of 101 rows are bad"));
    // 1 % of 10 200 is 102.
    EXPECT_EQ(run(args({file("c.csv", header + rows_text(1, 10'098) + bad_rows(102))})).files[0].rejected,
              102U);
    refusal<InputError>(args({file("d.csv", header + rows_text(1, 10'097) + bad_rows(103))}));
    IngestArgs half = args({file("e.csv", header + rows_text(1, 150) + bad_rows(150))});
    half.max_rejects.share = 0.5;
    EXPECT_EQ(run(half).files[0].rejected, 150U);
    half.files = {file("f.csv", header + rows_text(1, 149) + bad_rows(150))};
    refusal<InputError>(half);
}

TEST_F(Ingest, counts_the_bad_rows_of_each_file_alone) {
    IngestArgs counted =
        args({file("a.csv", header + bad_rows(2)), file("b.csv", header + bad_rows(2) + "\n")});
    counted.max_rejects.rows = 2;
    const IngestReport report = run(counted);
    EXPECT_EQ(report.files[0].rejected, 2U);
    EXPECT_EQ(report.files[1].rejected, 2U);
    EXPECT_NE(report.files[0].rejects, report.files[1].rejects);
}

TEST_F(Ingest, refuses_files_that_it_cannot_use) {
    EXPECT_THAT(refusal<InputError>(args({directory_.path() / "nowhere.csv"})), HasSubstr("nowhere.csv"));
    EXPECT_THAT(refusal<InputError>(args({file("empty.csv", "")})), HasSubstr("empty.csv: is empty"));
    EXPECT_THAT(refusal<InputError>(args({file("blank.csv", "\n\r\n")})), HasSubstr("blank.csv: is empty"));
    EXPECT_THAT(refusal<InputError>(args({file("column.csv", "ip,key\n")})),
                AllOf(HasSubstr("column.csv"), HasSubstr("day")));
    EXPECT_THAT(refusal<InputError>(args({file("twice.csv", "ip,day,key,ip\n")})), HasSubstr("twice.csv"));
    EXPECT_THAT(refusal<InputError>(args({file("utf.csv", "ip,day,key,\xff\n")})), HasSubstr("utf.csv"));
    const std::string whole = read(gz_file("whole.csv.gz", header + rows_text(1, 1000)));
    EXPECT_THAT(refusal<InputError>(args({file("cut.csv.gz", whole.substr(0, whole.size() - 100))})),
                HasSubstr("cut.csv.gz"));
    EXPECT_THAT(refusal<InputError>(args({file("no.csv.gz", header)})), HasSubstr("no.csv.gz"));
}

TEST_F(Ingest, takes_all_files_of_a_call_or_none) {
    run(args({file("before.csv", header + rows_text(1, 50))}));
    IngestArgs second = args({file("good.csv", header + rows_text(2, 500) + bad_rows(5)),
                              file("bad.csv", header + rows_text(3, 500) + bad_rows(101))});
    second.segment_rows = 100; // segments are on the disk when the failure comes
    refusal<InputError>(second);
    second.files.pop_back();
    EXPECT_EQ(run(second).manifest_version, 2U);
}

TEST_F(Ingest, counts_the_same_content_once_in_a_call) {
    const std::string text = header + rows_text(1, 50) + bad_rows(1);
    const IngestReport report = run(args(
        {file("a.csv", text), file("b.csv", text), directory_.path() / "a.csv", gz_file("c.csv.gz", text)}));
    EXPECT_FALSE(report.files[0].already_there);
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_TRUE(report.files[i].already_there);
        EXPECT_EQ(report.files[i].rejects, "");
        EXPECT_THAT(report.files[i].segments, IsEmpty());
    }
    EXPECT_THAT(contents(directory_.path() / "store"), SizeIs(3)); // a segment, a manifest, rejects
    run(args({directory_.path() / "a.csv"}, "other"));
    EXPECT_EQ(table_text(directory_.path() / "store"), table_text(directory_.path() / "other"));
}

TEST_F(Ingest, counts_the_same_content_once_in_later_calls) {
    const std::string text = header + rows_text(1, 50) + bad_rows(1);
    run(args({file("a.csv", text)}));
    const auto before = contents(directory_.path() / "store");
    const IngestReport report = run(args({file("b.csv", text), gz_file("c.csv.gz", text)}));
    EXPECT_TRUE(report.files[0].already_there);
    EXPECT_TRUE(report.files[1].already_there);
    EXPECT_EQ(report.manifest_version, 1U);
    EXPECT_EQ(report.store_rows, io::Store::open(directory_.path() / "store").read().rows());
    EXPECT_EQ(contents(directory_.path() / "store"), before);
}

TEST_F(Ingest, tells_content_by_its_bytes) {
    const std::string rows = rows_text(1, 50);
    run(args({file("a.csv", header + rows)}));
    const std::string once = table_text(directory_.path() / "store");
    // Another byte is another file, and its rows are added.
    EXPECT_FALSE(run(args({file("b.csv", header + rows + "\n")})).files[0].already_there);
    EXPECT_NE(table_text(directory_.path() / "store"), once);
}

TEST_F(Ingest, reads_gz_as_it_reads_plain_text) {
    const std::string text = header + rows_text(1, 3000) + bad_rows(2);
    run(args({file("a.csv", text)}, "plain"));
    const IngestReport report = run(args({gz_file("a.csv.gz", text)}, "compressed"));
    EXPECT_EQ(report.files[0].bytes, text.size());
    EXPECT_EQ(segment_values(directory_.path() / "plain"), segment_values(directory_.path() / "compressed"));
}

TEST_F(Ingest, gives_the_same_table_whatever_the_size_of_segments) {
    const auto path = file("a.csv", header + rows_text(1, 997));
    run(args({path}, "one"));
    EXPECT_THAT(segments(directory_.path() / "one"), SizeIs(1));
    const std::string table = table_text(directory_.path() / "one");
    for (const std::uint64_t segment_rows : {1U, 100U, 996U, 997U, 998U}) {
        const std::string store = "store of " + std::to_string(segment_rows);
        IngestArgs many = args({path}, store);
        many.segment_rows = segment_rows;
        const IngestReport report = run(many);
        const std::uint64_t expected = (997 + segment_rows - 1) / segment_rows;
        EXPECT_EQ(report.files[0].segments.size(), expected);
        for (const io::SegmentInfo& segment : io::Store::open(many.store).read().segments)
            EXPECT_LE(segment.rows, segment_rows);
        if (segment_rows < 100) continue; // a thousand segments are slow to merge
        EXPECT_EQ(table_text(many.store), table) << segment_rows;
    }
}

TEST_F(Ingest, keeps_in_a_dictionary_only_the_keys_of_its_segment) {
    IngestArgs small = args({file("a.csv", "ip,day,key\n"
                                           "10.0.0.1,2026-11-22,a\n"
                                           "10.0.0.1,2026-11-22,b\n"
                                           "10.0.0.1,2026-11-22,c\n")});
    small.segment_rows = 2;
    run(small);
    std::vector<std::uint64_t> keys;
    for (const io::SegmentInfo& segment : io::Store::open(small.store).read().segments)
        keys.push_back(segment.keys);
    EXPECT_THAT(keys, ElementsAre(2, 1));
}

TEST_F(Ingest, gives_the_same_segments_with_any_number_of_threads) {
    // Several blocks of text, so that threads have something to be out of order with.
    std::string text = header;
    while (text.size() < 9'000'000) text += rows_text(text.size(), 20'000) + bad_rows(1);
    const auto path = file("a.csv", text);
    std::vector<std::vector<std::string>> stores;
    std::vector<std::string> rejects;
    for (const int threads : {1, 4}) {
        IngestArgs some = args({path}, std::to_string(threads) + " threads");
        some.threads = threads;
        some.segment_rows = 60'000;
        const IngestReport report = run(some);
        stores.push_back(segment_values(some.store));
        rejects.push_back(read(report.files[0].rejects));
    }
    EXPECT_GT(stores[0].size(), 2U);
    EXPECT_EQ(stores[0], stores[1]);
    EXPECT_EQ(rejects[0], rejects[1]);
}

TEST_F(Ingest, gives_segments_of_other_rows_other_names) {
    // Two runs that cut the same content differently must not take each other's files.
    const auto path = file("a.csv", header + rows_text(1, 100));
    run(args({path}, "one"));
    IngestArgs many = args({path}, "many");
    many.segment_rows = 50;
    run(many);
    const auto names = [&](const char* store) {
        std::vector<std::string> list;
        for (const auto& [name, bytes] : segments(directory_.path() / store)) list.push_back(name);
        return list;
    };
    for (const std::string& name : names("one")) EXPECT_THAT(names("many"), Not(Contains(name)));
}

TEST_F(Ingest, reads_several_files_at_once_as_it_reads_them_one_by_one) {
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < 24; ++i) {
        std::string text = header + rows_text(i % 20, 500 * (i % 5)); // some have the same content
        if (i % 5 == 4) text += bad_rows(i);
        files.push_back(i % 2 == 0 ? file(std::to_string(i) + ".csv", text)
                                   : gz_file(std::to_string(i) + ".csv.gz", text));
    }
    std::vector<std::vector<std::string>> stores;
    std::vector<std::string> reports;
    for (const int threads : {1, 2, 5}) {
        IngestArgs some = args(files, "store of " + std::to_string(threads));
        some.threads = threads;
        some.segment_rows = 700;
        some.memory_bytes = std::uint64_t{2} << 30U; // room for files side by side
        std::string text;
        for (const IngestedFile& done : run(some).files) {
            text += done.name + ' ' + std::to_string(done.rows) + ' ' + std::to_string(done.rejected) + ' ' +
                    (done.already_there ? "there" : "new") + ' ' +
                    (done.rejects.empty() ? "" : read(done.rejects)) + '\n';
            for (const std::string& segment : done.segments) text += segment + '\n';
        }
        reports.push_back(text);
        stores.push_back(segment_values(some.store));
    }
    EXPECT_GT(stores[0].size(), 24U);
    for (std::size_t i = 1; i < stores.size(); ++i) {
        EXPECT_EQ(stores[i], stores[0]);
        EXPECT_EQ(reports[i], reports[0]);
    }
}

TEST_F(Ingest, names_the_first_faulty_file_of_several_at_once) {
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 8; ++i)
        files.push_back(file(std::to_string(i) + ".csv", header + rows_text(1, i == 2 ? 20'000 : 10)));
    files.push_back(file("first.csv", header + rows_text(2, 20'000) + bad_rows(1)));
    files.push_back(file("second.csv", header + bad_rows(1)));
    files.push_back(directory_.path() / "nowhere.csv");
    for (int i = 0; i < 5; ++i) {
        IngestArgs some = args(files);
        some.threads = 4;
        some.strict = true;
        some.memory_bytes = std::uint64_t{2} << 30U;
        EXPECT_THAT(refusal<InputError>(some), HasSubstr("first.csv:20002: "));
    }
}

TEST_F(Ingest, leaves_the_store_as_it_was_when_stopped) {
    const auto path = file("a.csv", header + rows_text(1, 100));
    stop_.request();
    refusal<Interrupted>(args({path}));
}

} // namespace
} // namespace ipscore::stages
