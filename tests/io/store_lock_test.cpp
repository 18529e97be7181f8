// What nobody needs goes from a store, and what anybody may need stays.
#include "ipscore/io/store_lock.hpp"

#include "ipscore/io/durable_file.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace ipscore::io {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class StoreLockTest : public FilesTest {
protected:
    /// A file of that name in segments/, as a writer publishes it.
    void make(const std::string& id) const { write_file(store_.segment_path(id), id); }
    /// The next manifest, which names these segments alone.
    void publish(const std::set<std::string>& ids) const {
        store_.publish([&](Manifest& manifest) {
            manifest.segments.clear();
            for (const std::string& id : ids) manifest.segments.push_back({.id = id, .rows = 1, .days = {}});
            return true;
        });
    }
    [[nodiscard]] std::set<std::string> names(const char* sub) const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(store_.path() / sub))
            names.insert(entry.path().filename().string());
        return names;
    }

    Store store_ = Store::open_or_create(directory / "store");
};

TEST_F(StoreLockTest, what_no_manifest_names_goes) {
    make("named");
    make("unnamed");
    publish({"named"});
    write_file(store_.path() / "segments" / ".tmp-segment.h5-host-1-1", "left by a killed one");
    write_file(store_.path() / "rejects" / ".tmp-rejects.csv-host-1-2", "left by a killed one");
    write_file(store_.path() / "manifest" / ".tmp-000002.json-host-1-3", "left by a killed one");
    write_file(store_.path() / "status" / ".tmp-ingest-host-1.json-host-1-4", "left by a killed one");
    write_file(store_.path() / "rejects" / "0123.csv", "kept");
    StoreWriter writer(store_);
    const StoreWriter::Freed freed = writer.clean();
    EXPECT_EQ(freed.files, 5U);
    EXPECT_EQ(freed.bytes, 7U + 4 * 20U);
    EXPECT_THAT(names("segments"), ElementsAre("named.h5"));
    EXPECT_THAT(names("rejects"), ElementsAre("0123.csv"));
    EXPECT_THAT(names("manifest"), ElementsAre("000001.json"));
    EXPECT_THAT(names("status"), ElementsAre("lock"));
    EXPECT_EQ(writer.clean().files, 0U);
}

TEST_F(StoreLockTest, while_another_writes_nothing_goes) {
    publish({"named"});
    StoreWriter ours(store_);
    std::optional<StoreWriter> theirs(store_);
    make("unnamed yet");
    EXPECT_EQ(ours.clean().files, 0U);
    EXPECT_EQ(theirs->clean().files, 0U);
    publish({"named", "unnamed yet"});
    theirs.reset();
    EXPECT_EQ(ours.clean().files, 0U);
    EXPECT_THAT(names("segments"), ElementsAre("unnamed yet.h5"));
}

TEST_F(StoreLockTest, what_a_snapshot_names_stays_until_it_ends) {
    make("first");
    make("second");
    publish({"first"});
    std::optional<Snapshot> snapshot(store_);
    publish({"second"});
    StoreWriter writer(store_);
    EXPECT_EQ(writer.clean().files, 0U);
    EXPECT_EQ(snapshot->manifest().segments.front().id, "first");
    EXPECT_THAT(names("segments"), UnorderedElementsAre("first.h5", "second.h5"));
    snapshot.reset();
    EXPECT_EQ(writer.clean().files, 1U);
    EXPECT_THAT(names("segments"), ElementsAre("second.h5"));
}

TEST_F(StoreLockTest, two_snapshots_of_one_manifest) {
    make("first");
    publish({"first"});
    std::optional<Snapshot> one(store_);
    const Snapshot other(store_);
    publish({});
    one.reset();
    StoreWriter writer(store_);
    EXPECT_EQ(writer.clean().files, 0U);
    EXPECT_THAT(names("segments"), ElementsAre("first.h5"));
}

TEST_F(StoreLockTest, old_manifests_go_but_those_that_are_held) {
    publish({"0"});
    const Snapshot snapshot(store_);
    for (int i = 1; i < 40; ++i) publish({std::to_string(i)});
    StoreWriter writer(store_);
    writer.clean();
    const auto versions = store_.versions();
    EXPECT_EQ(versions.size(), 17U);
    EXPECT_EQ(versions.front(), 1U);
    EXPECT_EQ(versions[1], 25U);
    EXPECT_EQ(store_.newest_version(), 40U);
}

TEST_F(StoreLockTest, a_snapshot_of_an_empty_store_is_empty) {
    const Snapshot snapshot(store_);
    EXPECT_EQ(snapshot.manifest().version, 0U);
}

} // namespace
} // namespace ipscore::io
