// The store's manifests: what many publish at once all survives, and damage is refused.
#include "ipscore/io/manifest.hpp"

#include "full_disk.hpp"
#include "ipscore/io/durable_file.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace ipscore::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A change that adds one segment of one row.
auto add_segment(const std::string& id) {
    return [id](Manifest& manifest) {
        SegmentInfo segment;
        segment.id = id;
        segment.rows = 1;
        manifest.segments.push_back(segment);
        return true;
    };
}

// ---- what manifests are written with

class DurableFileTest : public FilesTest {
protected:
    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                      std::filesystem::directory_iterator()));
    }
    std::filesystem::path path = directory / "a.json";
};

TEST_F(DurableFileTest, text_round_trips_and_is_replaced) {
    for (const std::string& text :
         {std::string(), std::string("text\n"), std::string(300'000, '\0'), std::string("short")}) {
        write_file(path, text);
        EXPECT_TRUE(read_file(path) == text);
        EXPECT_EQ(files(), 1U);
    }
}

TEST_F(DurableFileTest, a_new_file_replaces_nothing) {
    EXPECT_TRUE(write_new_file(path, "first"));
    EXPECT_FALSE(write_new_file(path, "second"));
    EXPECT_EQ(read_file(path), "first");
    EXPECT_EQ(files(), 1U);
}

TEST_F(DurableFileTest, names_may_be_relative) {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(directory);
    write_file("a.json", "first");
    EXPECT_TRUE(write_new_file("b.json", "second"));
    std::filesystem::current_path(before);
    EXPECT_EQ(read_file(path), "first");
    EXPECT_EQ(read_file(directory / "b.json"), "second");
    EXPECT_EQ(files(), 2U);
}

TEST_F(DurableFileTest, what_cannot_be_is_named) {
    EXPECT_EQ(message_of([&] { (void)read_file(path); }),
              "cannot read " + path.string() + ": No such file or directory");
    EXPECT_EQ(message_of([&] { (void)read_file(directory); }),
              "cannot read " + directory.string() + ": Is a directory");
    const auto nowhere = directory / "none" / "a.json";
    EXPECT_EQ(message_of<EnvironmentError>([&] { write_file(nowhere, "text"); }),
              "cannot write " + nowhere.string() + ": No such file or directory");
    std::filesystem::create_directories(path / "sub");
    EXPECT_EQ(message_of<EnvironmentError>([&] { write_file(path, "text"); }),
              "cannot rename to " + path.string() + ": Is a directory");
    EXPECT_EQ(files(), 1U) << "no litter";
}

TEST_F(DurableFileTest, a_full_disk_leaves_the_old_file_and_no_litter) {
    write_file(path, "old");
    const std::string text(10'000, 'x');
    for (const rlim_t bytes_max : {rlim_t{0}, rlim_t{1}, rlim_t{9'999}}) {
        const std::string full = "cannot write " + path.string() + ": File too large";
        EXPECT_EQ(run_on_full_disk(bytes_max, [&] { write_file(path, text); }).said, full);
        EXPECT_EQ(run_on_full_disk(bytes_max, [&] { (void)write_new_file(path, text); }).said, full);
        EXPECT_EQ(read_file(path), "old");
        EXPECT_EQ(files(), 1U);
    }
    EXPECT_EQ(run_on_full_disk(10'000, [&] { write_file(path, text); }).said, "nothing thrown");
    EXPECT_EQ(read_file(path), text);
}

TEST_F(DurableFileTest, a_temporary_name_is_beside_its_file_and_never_the_same) {
    const auto one = temporary_name(path);
    const auto two = temporary_name(path);
    EXPECT_EQ(one.parent_path(), directory);
    EXPECT_NE(one, two);
    EXPECT_TRUE(is_temporary_name(one));
    EXPECT_FALSE(is_temporary_name(path));
}

// ---- manifests

NetworkSet networks(const std::vector<std::string>& texts) {
    std::vector<Network> all;
    for (const std::string& text : texts) all.push_back(parse_network(text).network);
    return NetworkSet(all);
}

class ManifestTest : public FilesTest {
protected:
    [[nodiscard]] std::filesystem::path store_path() const { return directory / "store"; }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(store_path() / "manifest"))
            names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }
    /// Versions 1 to `last` and nothing else, and every id of `ids` once.
    void expect_all_survived(std::size_t last, const std::set<std::string>& ids) const {
        const Manifest manifest = Store::open(store_path()).read();
        EXPECT_EQ(manifest.version, last);
        std::set<std::string> found;
        for (const SegmentInfo& segment : manifest.segments) EXPECT_TRUE(found.insert(segment.id).second);
        EXPECT_EQ(found, ids);
        std::vector<std::string> expected;
        for (std::size_t version = 1; version <= last; ++version) {
            const std::string digits = std::to_string(version);
            expected.push_back(std::string(6 - digits.size(), '0') + digits + ".json");
        }
        EXPECT_EQ(names(), expected);
    }
};

TEST_F(ManifestTest, a_new_store_is_empty) {
    const Store store = Store::open_or_create(store_path());
    EXPECT_EQ(store.path(), store_path());
    const Manifest manifest = store.read();
    EXPECT_EQ(manifest.version, 0U);
    EXPECT_TRUE(manifest.segments.empty());
    EXPECT_EQ(manifest.rows(), 0U);
    EXPECT_TRUE(manifest.rows_per_day().empty());
    EXPECT_EQ(manifest.find_source("x", ""), nullptr);
    EXPECT_EQ(store.segment_path("abc"), store_path() / "segments" / "abc.h5");
    EXPECT_TRUE(std::filesystem::is_directory(store.rejects_directory()));
    EXPECT_EQ(Store::open_or_create(store_path()).read().version, 0U);
}

TEST_F(ManifestTest, what_is_no_store_is_named) {
    EXPECT_EQ(message_of([&] { (void)Store::open(directory / "none"); }),
              (directory / "none").string() + ": is no store (there is no " +
                  (directory / "none" / "manifest").string() + "); run ipscore ingest first");
    const auto file = write("file", "");
    EXPECT_EQ(message_of<EnvironmentError>([&] { (void)Store::open_or_create(file); }),
              "cannot make " + (file / "segments").string() + ": Not a directory");
}

TEST_F(ManifestTest, all_that_is_published_reads_back) {
    const Store store = Store::open_or_create(store_path());
    const auto published = store.publish([](Manifest& manifest) {
        EXPECT_EQ(manifest.version, 0U);
        manifest.segments.push_back(
            {.id = "one",
             .rows = ~std::uint64_t{0},
             .addresses = 2,
             .keys = 3,
             .bytes = 4,
             .checksum = 0x0123456789abcdef,
             .days = {{10957, 5}, {47481, 6}},
             .filter = {.keep_from = 10958,
                        .removed_sources = {0, 7},
                        .forgotten = networks({"192.0.2.7/32", "2001:db8::/32"})},
             .sources = {{.id = "s", .days = {}}, {.id = "t", .days = {{10957, 5}}}}});
        manifest.segments.push_back({.id = "two",
                                     .rows = 1,
                                     .addresses = 1,
                                     .keys = 1,
                                     .bytes = 1,
                                     .checksum = 0,
                                     .days = {{10957, 1}},
                                     .filter = {},
                                     .sources = {}});
        manifest.forgotten = networks({"0.0.0.0/8"});
        manifest.sources.push_back({.id = "0123",
                                    .name = "in \"put\"\n\xff.csv",
                                    .content_hash = "00ff",
                                    .form = "format=csv",
                                    .bytes = 7,
                                    .rows = 8,
                                    .rejected = 9,
                                    .ingested_at = "2026-11-22T00:00:00Z",
                                    .segments = {"one", "two"},
                                    .replaced_by = "4567"});
        return true;
    });
    EXPECT_EQ(published.version, 1U);
    const Manifest read = store.read();
    EXPECT_EQ(read.version, 1U);
    ASSERT_EQ(read.segments.size(), 2U);
    const SegmentInfo& one = read.segments[0];
    EXPECT_EQ(one.id, "one");
    EXPECT_EQ(one.rows, ~std::uint64_t{0});
    EXPECT_EQ(one.addresses, 2U);
    EXPECT_EQ(one.keys, 3U);
    EXPECT_EQ(one.bytes, 4U);
    EXPECT_EQ(one.checksum, 0x0123456789abcdefU);
    EXPECT_EQ(one.days, (RowsPerDay{{10957, 5}, {47481, 6}}));
    EXPECT_EQ(one.filter.text(),
              " from 2000-01-02 without source 0,7 without 192.0.2.7/32 without 2001:db8::/32");
    ASSERT_EQ(one.sources.size(), 2U);
    EXPECT_EQ(one.sources[1].id, "t");
    EXPECT_EQ(one.sources[1].days, (RowsPerDay{{10957, 5}}));
    EXPECT_TRUE(read.segments[1].filter.keeps_all());
    EXPECT_EQ(read.forgotten, networks({"0.0.0.0/8"}));
    EXPECT_EQ(read.rows_per_day(), (RowsPerDay{{10957, 6}, {47481, 6}}));
    ASSERT_EQ(read.sources.size(), 1U);
    const Source* source = read.find_source("00ff", "format=csv");
    ASSERT_EQ(source, &read.sources[0]);
    EXPECT_EQ(source->name, "in \"put\"\n\xEF\xBF\xBD.csv"); // JSON cannot hold a byte that is no UTF-8
    EXPECT_EQ(source->id, "0123");
    EXPECT_EQ(source->form, "format=csv");
    EXPECT_EQ(source->replaced_by, "4567");
    EXPECT_EQ(source->bytes, 7U);
    EXPECT_EQ(source->rows, 8U);
    EXPECT_EQ(source->rejected, 9U);
    EXPECT_EQ(source->ingested_at, "2026-11-22T00:00:00Z");
    EXPECT_THAT(source->segments, ElementsAre("one", "two"));
}

Source source_of(const std::string& id, const std::vector<std::string>& segments) {
    Source source;
    source.id = id;
    source.name = "file of " + id;
    source.content_hash = "content of " + id;
    source.segments = segments;
    return source;
}

TEST_F(ManifestTest, what_an_earlier_version_wrote_is_understood) {
    const Store store = Store::open_or_create(store_path());
    write("store/manifest/000001.json",
          R"({"format": "ipscore manifest", "format_version": 1, "version": 1, "segments": [], "sources": [)"
          R"({"name": "a.csv", "content_hash": "0123456789abcdef0123456789abcdef", "bytes": 1, "rows": 1,)"
          R"("rejected": 0, "ingested_at": "", "segments": ["0123456789abcdef-0000-01234567"]}]})");
    const Manifest manifest = store.read();
    EXPECT_EQ(manifest.sources.at(0).id, "0123456789abcdef");
    // How it was read is not known: it is the same, however it is read now.
    EXPECT_EQ(manifest.find_source("0123456789abcdef0123456789abcdef", "any"), &manifest.sources[0]);
}

TEST_F(ManifestTest, a_source_that_counts_is_found_first) {
    Manifest manifest;
    for (const char* id : {"a", "b", "c"}) {
        manifest.sources.push_back(source_of(id, {}));
        manifest.sources.back().content_hash = "same";
        manifest.sources.back().form = "csv";
        manifest.sources.back().name = "same.csv";
    }
    manifest.sources[0].replaced_by = "b";
    manifest.sources[2].form = "tsv";
    EXPECT_EQ(manifest.find_source("same", "csv"), &manifest.sources[1]);
    EXPECT_EQ(manifest.find_source("same", "tsv"), &manifest.sources[2]);
    EXPECT_EQ(manifest.find_source("same", "jsonl"), nullptr);
    EXPECT_THAT(manifest.sources_named("same.csv"), ElementsAre(&manifest.sources[1], &manifest.sources[2]));
    EXPECT_THAT(manifest.sources_named("c"), ElementsAre(&manifest.sources[2]));
    EXPECT_THAT(manifest.sources_named("a"), ElementsAre());
    manifest.sources[1].replaced_by = "c";
    EXPECT_EQ(manifest.find_source("same", "csv"), &manifest.sources[1]) << "the last one";
}

TEST_F(ManifestTest, rows_of_a_source_go_wherever_they_are) {
    Manifest manifest;
    manifest.sources = {source_of("a", {"alone", "both", "pruned"}), source_of("b", {"both"}),
                        source_of("c", {"mixed"}), source_of("d", {"mixed"})};
    for (const char* id : {"alone", "both", "mixed", "other"}) {
        manifest.segments.emplace_back();
        manifest.segments.back().id = id;
        manifest.segments.back().days = {{10957, 5}, {10958, 1}};
    }
    manifest.segments[1].sources = {{"a", {{10957, 2}, {10958, 1}}}, {"b", {{10957, 3}}}};
    EXPECT_THAT(manifest.sources_of(manifest.segments[0]), ElementsAre("a"));
    EXPECT_THAT(manifest.sources_of(manifest.segments[1]), ElementsAre("a", "b"));
    EXPECT_THAT(manifest.sources_of(manifest.segments[2]), ElementsAre(""));
    EXPECT_THAT(message_of([&] { manifest.remove_rows_of(manifest.sources[2]); }),
                StartsWith("segment mixed mixes rows of \"file of c\" with others"));
    manifest.remove_rows_of(manifest.sources[0]);
    ASSERT_EQ(manifest.segments.size(), 3U);
    EXPECT_EQ(manifest.segments[0].id, "both");
    EXPECT_THAT(manifest.segments[0].filter.removed_sources, ElementsAre(0U));
    EXPECT_EQ(manifest.segments[0].days, (RowsPerDay{{10957, 3}}));
    EXPECT_THAT(manifest.sources[0].segments, ElementsAre());
    manifest.remove_rows_of(manifest.sources[1]);
    EXPECT_EQ(manifest.segments.size(), 2U) << "nothing in it counts any more";
}

TEST_F(ManifestTest, a_change_may_be_none) {
    const Store store = Store::open_or_create(store_path());
    store.publish(add_segment("a"));
    const Manifest after = store.publish([](Manifest&) { return false; });
    EXPECT_EQ(after.version, 1U);
    EXPECT_THAT(names(), ElementsAre("000001.json"));
}

TEST_F(ManifestTest, a_change_that_throws_publishes_nothing) {
    const Store store = Store::open_or_create(store_path());
    EXPECT_THROW(store.publish([](Manifest&) -> bool { throw InputError("no"); }), InputError);
    EXPECT_THAT(names(), ElementsAre());
}

TEST_F(ManifestTest, litter_and_foreign_names_do_not_count) {
    const Store store = Store::open_or_create(store_path());
    store.publish(add_segment("a"));
    for (const char* name : {"store/manifest/.tmp-000002.json", "store/manifest/.tmp-000002.json-host-1-0",
                             "store/manifest/000009.json.bak", "store/manifest/x000009.json",
                             "store/manifest/9x.json", "store/manifest/.json"}) {
        write(name, "{");
    }
    EXPECT_EQ(store.read().version, 1U);
    EXPECT_EQ(store.publish(add_segment("b")).version, 2U);
}

TEST_F(ManifestTest, versions_go_on_beyond_their_digits) {
    const Store store = Store::open_or_create(store_path());
    write("store/manifest/999999.json", R"({"format": "ipscore manifest", "format_version": 1,)"
                                        R"("version": 999999, "segments": [], "sources": []})");
    EXPECT_EQ(store.publish(add_segment("a")).version, 1'000'000U);
    EXPECT_EQ(store.publish(add_segment("b")).version, 1'000'001U);
    EXPECT_EQ(store.read().segments.size(), 2U);
}

TEST_F(ManifestTest, processes_that_publish_at_once_lose_nothing) {
    constexpr int processes = 8;
    constexpr int changes = 20;
    const Store store = Store::open_or_create(store_path());
    std::vector<pid_t> children;
    std::set<std::string> ids;
    for (int process = 0; process < processes; ++process) {
        const auto id = [process](int i) { return std::to_string(process) + '-' + std::to_string(i); };
        for (int i = 0; i < changes; ++i) ids.insert(id(i));
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                for (int i = 0; i < changes; ++i) store.publish(add_segment(id(i)));
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    expect_all_survived(processes * changes, ids);
}

TEST_F(ManifestTest, threads_that_publish_at_once_lose_nothing) {
    constexpr int workers = 4;
    constexpr int changes = 10;
    const Store store = Store::open_or_create(store_path());
    std::set<std::string> ids;
    {
        std::vector<std::jthread> threads;
        for (int worker = 0; worker < workers; ++worker) {
            const auto id = [worker](int i) { return std::to_string(worker) + '-' + std::to_string(i); };
            for (int i = 0; i < changes; ++i) ids.insert(id(i));
            threads.emplace_back([&store, id] {
                for (int i = 0; i < changes; ++i) store.publish(add_segment(id(i)));
            });
        }
    }
    expect_all_survived(workers * changes, ids);
}

TEST_F(ManifestTest, damage_is_refused) {
    const Store store = Store::open_or_create(store_path());
    store.publish([](Manifest& manifest) {
        manifest.segments.push_back({.id = "a",
                                     .rows = 1,
                                     .addresses = 1,
                                     .keys = 1,
                                     .bytes = 1,
                                     .checksum = 0xab,
                                     .days = {{10957, 1}},
                                     .filter = {},
                                     .sources = {}});
        manifest.sources.push_back({});
        return true;
    });
    const std::filesystem::path path = store_path() / "manifest" / "000001.json";
    const std::string good = content_of(path);
    const auto fault = [&](const std::string& text) {
        write("store/manifest/000001.json", text);
        const std::string message = message_of([&] { (void)store.read(); });
        EXPECT_EQ(message, message_of([&] { store.publish(add_segment("b")); }));
        EXPECT_THAT(names(), ElementsAre("000001.json"));
        EXPECT_THAT(message, StartsWith(path.string() + ": "));
        return message.substr(std::min(message.size(), path.string().size() + 2));
    };
    const auto replaced = [&](const std::string& what, const std::string& with) {
        std::string text = good;
        EXPECT_NE(text.find(what), std::string::npos) << what;
        return text.replace(text.find(what), what.size(), with);
    };
    for (std::size_t bytes = 0; bytes + 2 < good.size(); bytes += 7) {
        EXPECT_THAT(fault(good.substr(0, bytes)), StartsWith("damaged: "));
    }
    EXPECT_THAT(fault("[]"), StartsWith("damaged: "));
    EXPECT_THAT(fault("{}"), HasSubstr("key 'format' not found"));
    EXPECT_EQ(fault(replaced("ipscore manifest", "ipscore")), "is no manifest of a store");
    EXPECT_EQ(fault(replaced("\"format_version\": 1", "\"format_version\": 3")),
              "has a newer format than this program reads; use a newer ipscore");
    EXPECT_THAT(fault(replaced("\"id\": \"a\"", "\"id\": 1")), StartsWith("damaged: "));
    EXPECT_THAT(fault(replaced("\"segments\"", "\"segment\"")), StartsWith("damaged: "));
    EXPECT_EQ(fault(replaced("2000-01-01", "2000-13-01")), "damaged: \"2000-13-01\" is not a day");
    EXPECT_EQ(fault(replaced("00000000000000ab", "00000000000000ax")),
              "damaged: \"00000000000000ax\" is not a checksum");
    // Or publish() would try for ever to make the version that is there.
    EXPECT_EQ(fault(replaced("\"version\": 1", "\"version\": 0")), "damaged: it says that it is version 0");
    EXPECT_EQ(fault(replaced("\"version\": 1", "\"version\": 2")), "damaged: it says that it is version 2");
}

} // namespace
} // namespace ipscore::io
