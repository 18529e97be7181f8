// The directory of a job: whose it is, how far it is, and who may write there.
#include "ipscore/io/output_directory.hpp"

#include "ipscore/io/durable_file.hpp"
#include "test_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace ipscore::io {
namespace {

using Json = nlohmann::ordered_json;
using State = OutputDirectory::State;
using ::testing::ElementsAre;

Job job_of(const Json& identity) { return {"score", identity, {{"note", "for people"}}}; }

constexpr std::chrono::milliseconds no_patience{0};

class OutputDirectoryTest : public FilesTest {
protected:
    [[nodiscard]] std::filesystem::path output() const { return directory / "out"; }
    [[nodiscard]] State state_of(const Job& wanted, bool restart = false) const {
        return OutputDirectory(output(), wanted, restart, no_patience).state();
    }
    /// Without the path, which must stand in front.
    template <class Expected = InputError>
    [[nodiscard]] std::string fault(const Job& wanted, bool restart = false) const {
        const std::string message = message_of<Expected>([&] { (void)state_of(wanted, restart); });
        const std::string begin = output().string() + ": ";
        return message.starts_with(begin) ? message.substr(begin.size()) : "no path in front: " + message;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(output()))
            names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }
    const Job job =
        job_of({{"model", {{"as_of", "2026-11-22"}, {"lookback_days", 90}}}, {"files", {"a", "b"}}});
};

TEST_F(OutputDirectoryTest, fresh_then_unfinished_then_finished) {
    EXPECT_EQ(state_of(job), State::fresh);
    EXPECT_THAT(names(), ElementsAre("job.json"));
    EXPECT_EQ(state_of(job), State::unfinished);
    write("out/part-00000.h5", "part");
    EXPECT_EQ(state_of(job), State::unfinished);
    write("out/index.h5", "index");
    write("out/run.json", "{}");
    EXPECT_EQ(state_of(job), State::finished);
    EXPECT_EQ(state_of(job), State::finished);
    EXPECT_THAT(names(), ElementsAre("index.h5", "job.json", "part-00000.h5", "run.json"));
    EXPECT_EQ(content_of(output() / "part-00000.h5"), "part");
    EXPECT_EQ(OutputDirectory(output(), job, false).path(), output());
}

TEST_F(OutputDirectoryTest, is_made_with_the_directories_above_it) {
    EXPECT_EQ(OutputDirectory(directory / "a" / "b" / "c", job, false).state(), State::fresh);
    std::filesystem::create_directory(output());
    EXPECT_EQ(state_of(job), State::fresh);
}

TEST_F(OutputDirectoryTest, job_json_tells_what_it_is) {
    (void)state_of(job);
    const Json text = Json::parse(content_of(output() / "job.json"));
    EXPECT_EQ(text.at("verb"), "score");
    EXPECT_EQ(text.at("hash"), job.hash());
    EXPECT_EQ(text.at("identity"), job.identity);
    EXPECT_EQ(text.at("about"), job.about);
}

TEST_F(OutputDirectoryTest, the_hash_is_of_verb_and_identity) {
    Job other = job;
    other.about = {};
    EXPECT_EQ(other.hash(), job.hash());
    other.verb = "prepare";
    EXPECT_NE(other.hash(), job.hash());
    other = job;
    other.identity["files"].push_back("c");
    EXPECT_NE(other.hash(), job.hash());
}

TEST_F(OutputDirectoryTest, what_is_for_people_does_not_tell_jobs_apart) {
    (void)state_of(job);
    Job other = job;
    other.about = {{"started", "today"}};
    EXPECT_EQ(state_of(other), State::unfinished);
}

TEST_F(OutputDirectoryTest, another_job_is_named_by_what_differs) {
    (void)state_of(job);
    write("out/index.h5", "index");
    const std::string what_to_do = "; give another directory, or --restart to replace it";
    Job other = job;
    other.verb = "prepare";
    EXPECT_EQ(fault(other), "holds the output of ipscore score" + what_to_do);
    other = job;
    other.identity["model"]["lookback_days"] = 30;
    EXPECT_EQ(fault(other),
              "holds the output of another job (model.lookback_days: was 90, now 30)" + what_to_do);
    other.identity["files"] = {"a", "c", "d"};
    EXPECT_EQ(fault(other), "holds the output of another job (model.lookback_days: was 90, now 30; "
                            "files.1: was \"b\", now \"c\"; files.2: was nothing, now \"d\")" +
                                what_to_do);
    // And nothing was touched.
    EXPECT_EQ(state_of(job), State::finished);
}

TEST_F(OutputDirectoryTest, restart_begins_anew_whatever_was_there) {
    (void)state_of(job);
    for (const char* name : {"out/part-00000.h5", "out/part-12345.h5", "out/index.h5", "out/run.json"}) {
        write(name, "old");
    }
    EXPECT_EQ(state_of(job, true), State::fresh);
    EXPECT_THAT(names(), ElementsAre("job.json"));
    write("out/part-00000.h5", "old");
    Job other = job;
    other.verb = "prepare";
    EXPECT_EQ(state_of(other, true), State::fresh);
    EXPECT_THAT(names(), ElementsAre("job.json"));
    EXPECT_EQ(state_of(other), State::unfinished);
}

TEST_F(OutputDirectoryTest, a_foreign_file_is_refused_and_kept) {
    std::filesystem::create_directory(output());
    for (const std::string name :
         {"notes.txt", "part-mine.h5", "part-.h5", "part-00001.h5.bak", "index.h5.old", "sub"}) {
        write("out/" + name, "mine");
        for (const bool restart : {false, true}) {
            EXPECT_EQ(fault(job, restart),
                      "holds " + name + ", which no job of this program wrote; give an empty directory");
            EXPECT_THAT(names(), ElementsAre(name));
        }
        std::filesystem::remove(output() / name);
    }
    EXPECT_EQ(state_of(job), State::fresh);
    std::filesystem::create_directory(output() / "sub");
    EXPECT_EQ(fault(job), "holds sub, which no job of this program wrote; give an empty directory");
}

TEST_F(OutputDirectoryTest, leftovers_of_killed_jobs_are_removed) {
    (void)state_of(job);
    write("out/part-00000.h5", "whole");
    write("out/.lock", "");
    const auto litter = temporary_name(output() / "part-00001.h5");
    write("out/" + litter.filename().string(), "half");
    EXPECT_EQ(state_of(job), State::unfinished);
    EXPECT_THAT(names(), ElementsAre("job.json", "part-00000.h5"));
}

TEST_F(OutputDirectoryTest, parts_without_a_job_are_what_an_interrupted_restart_left) {
    write("x", "");
    std::filesystem::create_directory(output());
    write("out/part-00000.h5", "old");
    write("out/run.json", "old");
    EXPECT_EQ(state_of(job), State::fresh);
    EXPECT_THAT(names(), ElementsAre("job.json"));
}

TEST_F(OutputDirectoryTest, a_result_without_its_job_is_not_removed_unasked) {
    std::filesystem::create_directory(output());
    write("out/part-00000.h5", "copied");
    write("out/index.h5", "copied");
    EXPECT_EQ(fault(job), "holds index.h5, but no job.json that tells what it is; give another directory, or "
                          "--restart to replace it");
    EXPECT_THAT(names(), ElementsAre("index.h5", "part-00000.h5"));
    EXPECT_EQ(state_of(job, true), State::fresh);
    EXPECT_THAT(names(), ElementsAre("job.json"));
}

TEST_F(OutputDirectoryTest, a_damaged_job_is_refused) {
    (void)state_of(job);
    const std::string good = content_of(output() / "job.json");
    for (const std::string& text :
         {std::string(), good.substr(0, good.size() / 2), std::string("[]"), std::string("5"),
          std::string("{}"), std::string(R"({"verb": 1, "identity": {}})"),
          std::string(R"({"verb": "score", "identity": 1})"), std::string(R"({"verb": "score"})")}) {
        write("out/job.json", text);
        EXPECT_EQ(message_of([&] { (void)state_of(job); }),
                  (output() / "job.json").string() + ": damaged; start over with --restart");
    }
    EXPECT_EQ(state_of(job, true), State::fresh);
}

TEST_F(OutputDirectoryTest, a_file_in_its_place_is_named) {
    write("out", "");
    EXPECT_EQ(message_of<EnvironmentError>([&] { (void)state_of(job); }),
              "cannot make " + output().string() + ": Not a directory");
}

// ---- the lock

const std::string locked = "another job is writing there; wait for it, or stop it";

TEST_F(OutputDirectoryTest, one_job_at_a_time) {
    const auto first = std::make_unique<OutputDirectory>(output(), job, false);
    EXPECT_THAT(names(), ElementsAre(".lock", "job.json"));
    for (const bool restart : {false, true}) {
        EXPECT_EQ(fault<EnvironmentError>(job, restart), locked);
        EXPECT_THAT(names(), ElementsAre(".lock", "job.json"));
    }
}

TEST_F(OutputDirectoryTest, a_failed_start_leaves_no_lock) {
    (void)state_of(job);
    Job other = job;
    other.verb = "prepare";
    (void)fault(other);
    EXPECT_THAT(names(), ElementsAre("job.json"));
}

/// A process that has the directory until it is killed.
class Holder {
public:
    Holder(const std::filesystem::path& output, const Job& job) {
        std::array<int, 2> ready{};
        if (::pipe(ready.data()) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            try {
                const OutputDirectory held(output, job, false, no_patience);
                if (::write(ready[1], "x", 1) == 1) ::pause();
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        ::close(ready[1]);
        char x = 0;
        holds_ = ::read(ready[0], &x, 1) == 1;
        ::close(ready[0]);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() { kill(); }

    [[nodiscard]] bool holds() const noexcept { return holds_; }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }

private:
    pid_t pid_ = 0;
    bool holds_ = false;
};

TEST_F(OutputDirectoryTest, the_lock_holds_against_other_processes_and_goes_when_they_are_killed) {
    Holder first(output(), job);
    ASSERT_TRUE(first.holds());
    EXPECT_EQ(fault<EnvironmentError>(job), locked);
    EXPECT_EQ(fault<EnvironmentError>(job, true), locked);
    EXPECT_FALSE(Holder(output(), job).holds());
    first.kill();
    EXPECT_THAT(names(), ElementsAre(".lock", "job.json")); // its name stays, and means nothing
    EXPECT_EQ(state_of(job), State::unfinished);
    EXPECT_THAT(names(), ElementsAre("job.json"));
}

TEST_F(OutputDirectoryTest, a_rank_that_outlives_its_job_keeps_the_next_one_out) {
    auto first = std::make_unique<OutputDirectory>(output(), job, false);
    auto rank = std::make_unique<RankLock>(output());
    const RankLock another(output());
    first.reset();
    EXPECT_THAT(names(), ElementsAre(".lock", "job.json")); // the next job is to find the rank's lock
    EXPECT_EQ(fault<EnvironmentError>(job, true), locked);
    rank.reset();
    EXPECT_EQ(fault<EnvironmentError>(job), locked);
}

TEST_F(OutputDirectoryTest, ranks_of_a_job_that_lives_are_let_in) {
    {
        const OutputDirectory held(output(), job, false);
        const RankLock one(output());
        const RankLock two(output());
        EXPECT_EQ(fault<EnvironmentError>(job), locked);
    }
    EXPECT_EQ(state_of(job), State::unfinished);
    EXPECT_THAT(names(), ElementsAre("job.json"));
}

TEST_F(OutputDirectoryTest, a_job_waits_for_one_that_is_ending) {
    Holder first(output(), job);
    ASSERT_TRUE(first.holds());
    std::thread end([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        first.kill();
    });
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(OutputDirectory(output(), job, false).state(), State::unfinished);
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(150));
    end.join();
}

// Each holds the lock for a moment, takes the name away with it, and counts whether it is alone.
TEST_F(OutputDirectoryTest, never_two_at_once_while_the_lock_changes_hands) {
    std::filesystem::create_directory(output());
    constexpr int processes = 6;
    constexpr int turns = 100;
    std::vector<pid_t> children;
    for (int process = 0; process < processes; ++process) {
        const pid_t child = ::fork();
        if (child == 0) {
            const std::string inside = (directory / "inside").string();
            int status = 0;
            for (int turn = 0; turn < turns;) {
                try {
                    const DirectoryLock lock(output(), no_patience);
                    const int fd = ::open(inside.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
                    if (fd < 0) status = 1; // somebody else is inside
                    ::close(fd);
                    ::unlink(inside.c_str());
                    ++turn;
                } catch (const EnvironmentError&) {
                    ::usleep(50);
                }
            }
            ::_exit(status);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
}

// ---- what differs

TEST(Differences, are_named_with_both_values) {
    EXPECT_EQ(differences({{"a", 1}}, {{"a", 1}}), "");
    EXPECT_EQ(differences({{"a", 1}, {"b", 2}}, {{"b", 2}, {"a", 1}}), "") << "order is no difference";
    EXPECT_EQ(differences({{"a", 1}}, {{"a", "1"}}), "a: was 1, now \"1\"");
    EXPECT_EQ(differences({{"a", nullptr}}, {{"a", 0.5}}), "a: was null, now 0.5");
    EXPECT_EQ(differences({{"a", 1}}, {{"b", 1}}), "a: was 1, now nothing; b: was nothing, now 1");
    EXPECT_EQ(differences({{"a", {{"b", {{"c", 1}}}}}}, {{"a", {{"b", {{"c", 2}}}}}}), "a.b.c: was 1, now 2");
    EXPECT_EQ(differences({{"a/b~c", 1}}, {{"a/b~c", 2}}), "a/b~c: was 1, now 2");
    EXPECT_EQ(differences(Json::object(), {{"a", {{"b", 1}}}}), "a: was nothing, now {\"b\":1}");
    EXPECT_EQ(differences({{"a", {1, {{"b", 2}}}}}, {{"a", {1, {{"b", 3}}, 4}}}),
              "a.1.b: was 2, now 3; a.2: was nothing, now 4");
}

TEST(Differences, are_seen_between_kinds_of_nothing) {
    const std::vector<Json> kinds{nullptr, Json::object(), Json::array(), "", 0, false};
    for (const Json& before : kinds) {
        for (const Json& now : kinds) {
            const bool same = before == now && before.type() == now.type();
            EXPECT_EQ(differences({{"a", before}}, {{"a", now}}),
                      same ? "" : "a: was " + before.dump() + ", now " + now.dump());
            EXPECT_EQ(differences(before, now).empty(), same);
        }
    }
    EXPECT_EQ(differences({{"a", Json::array()}}, {{"a", {"x"}}}), "a.0: was nothing, now \"x\"");
}

TEST(Differences, are_cut_after_five) {
    Json before = Json::object();
    Json now = Json::object();
    for (char name = 'a'; name < 'i'; ++name) {
        before[std::string(1, name)] = 1;
        now[std::string(1, name)] = 2;
    }
    EXPECT_EQ(differences(before, now), "a: was 1, now 2; b: was 1, now 2; c: was 1, now 2; d: was 1, now 2; "
                                        "e: was 1, now 2; and 3 more");
}

} // namespace
} // namespace ipscore::io
