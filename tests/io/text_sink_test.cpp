// Where text ends up, and what becomes of it when the disk or the reader does not play along.
#include "ipscore/io/text_sink.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/byte_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace ipscore::io {
namespace {

using ::testing::HasSubstr;

class TextSinkTest : public ::testing::Test {
protected:
    TextSinkTest() {
        std::string path = ::testing::TempDir() + "ipscore-sink-XXXXXX";
        directory = ::mkdtemp(path.data());
    }
    ~TextSinkTest() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::string name(const std::string& file) const { return (directory / file).string(); }
    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                      std::filesystem::directory_iterator()));
    }

public:
    std::filesystem::path directory;
};

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& output, const std::vector<std::string>& blocks) {
    TextSink sink(output);
    TextCoder coder(sink.coding());
    for (const std::string& block : blocks) sink.write(coder.code(block));
    sink.finish();
}

TEST_F(TextSinkTest, a_file_appears_when_it_is_whole) {
    {
        TextSink sink(name("a.csv"));
        EXPECT_TRUE(sink.is_file());
        sink.write("one\n");
        EXPECT_FALSE(std::filesystem::exists(name("a.csv")));
        sink.write("two\n");
        sink.finish();
    }
    EXPECT_EQ(read(name("a.csv")), "one\ntwo\n");
    EXPECT_EQ(files(), 1U);
}

TEST_F(TextSinkTest, an_unfinished_file_is_removed) {
    {
        TextSink sink(name("a.csv"));
        sink.write("one\n");
    }
    EXPECT_EQ(files(), 0U);
}

TEST_F(TextSinkTest, blocks_coded_one_by_one_read_as_one_file) {
    const std::vector<std::string> blocks{"one\n", std::string(3'000'000, 'x'), "", "three\n"};
    for (const std::string file : {"a.csv", "a.csv.gz", "a.csv.zst"}) {
        write(name(file), blocks);
        ByteSource source(name(file));
        std::string back(4'000'000, '\0');
        back.resize(source.read(back));
        EXPECT_TRUE(back == blocks[0] + blocks[1] + blocks[3]) << file;
    }
    EXPECT_LT(std::filesystem::file_size(name("a.csv.gz")), 100'000U);
    EXPECT_LT(std::filesystem::file_size(name("a.csv.zst")), 100'000U);
    if (std::filesystem::exists("/usr/bin/gzip")) {
        EXPECT_EQ(std::system(("gzip -dc " + name("a.csv.gz") + " | cmp -s - " + name("a.csv")).c_str()), 0);
    }
    if (std::filesystem::exists("/usr/bin/zstd")) {
        EXPECT_EQ(std::system(("zstd -qdc " + name("a.csv.zst") + " | cmp -s - " + name("a.csv")).c_str()),
                  0);
    }
}

TEST_F(TextSinkTest, the_name_tells_the_coding) {
    EXPECT_EQ(coding_of("a.csv.gz"), TextCoding::gzip);
    EXPECT_EQ(coding_of("a.zst"), TextCoding::zstd);
    EXPECT_EQ(coding_of("a.gz/b.csv"), TextCoding::plain);
    EXPECT_EQ(coding_of("-"), TextCoding::plain);
}

TEST_F(TextSinkTest, a_full_device_is_a_failure_of_the_environment) {
    if (!std::filesystem::is_character_file("/dev/full")) GTEST_SKIP() << "no /dev/full";
    TextSink sink("/dev/full");
    EXPECT_FALSE(sink.is_file());
    try {
        sink.write("text");
        ADD_FAILURE() << "a full device took text";
    } catch (const EnvironmentError& error) {
        EXPECT_STREQ(error.what(), "cannot write /dev/full: No space left on device");
    }
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(TextSinkTest, full_standard_output_is_a_failure_of_the_environment) {
    if (!std::filesystem::is_character_file("/dev/full")) GTEST_SKIP() << "no /dev/full";
    std::fflush(stdout);
    const int kept = ::dup(STDOUT_FILENO);
    const int full = ::open("/dev/full", O_WRONLY);
    ::dup2(full, STDOUT_FILENO);
    std::string message;
    try {
        write("-", {"text"});
    } catch (const EnvironmentError& error) {
        message = error.what();
    }
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    ::close(full);
    EXPECT_EQ(message, "cannot write standard output: No space left on device");
}

TEST_F(TextSinkTest, standard_output_stays_open) {
    std::fflush(stdout);
    const int kept = ::dup(STDOUT_FILENO);
    const int file = ::open(name("stdout").c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(file, STDOUT_FILENO);
    write("-", {"one\n", "two\n"});
    write("/dev/stdout", {"three\n"});
    const bool open = ::fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    ::close(file);
    EXPECT_TRUE(open);
    EXPECT_EQ(read(name("stdout")), "one\ntwo\nthree\n");
}

TEST_F(TextSinkTest, a_reader_that_went_away_has_enough) {
    const auto old_action = std::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(::mkfifo(name("pipe").c_str(), 0600), 0);
    const int reader = ::open(name("pipe").c_str(), O_RDONLY | O_NONBLOCK);
    TextSink sink(name("pipe"));
    sink.write("one");
    EXPECT_FALSE(sink.reader_has_enough());
    ::close(reader);
    sink.write("two");
    EXPECT_TRUE(sink.reader_has_enough());
    sink.write("three");
    sink.finish();
    EXPECT_TRUE(std::filesystem::is_fifo(name("pipe")));
    std::signal(SIGPIPE, old_action);
}

TEST_F(TextSinkTest, devices_are_written_to_and_not_replaced) {
    write("/dev/null", {"text"});
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(TextSinkTest, a_link_stays_a_link) {
    std::filesystem::create_directory(directory / "elsewhere");
    std::ofstream(name("elsewhere/a.csv")) << "old";
    std::filesystem::create_symlink("elsewhere/a.csv", name("a.csv"));
    write(name("a.csv"), {"new"});
    EXPECT_TRUE(std::filesystem::is_symlink(name("a.csv")));
    EXPECT_EQ(read(name("elsewhere/a.csv")), "new");
}

TEST_F(TextSinkTest, says_why_there_can_be_no_file) {
    const auto message = [&](const std::string& output) -> std::string {
        try {
            const TextSink sink(output);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(message(directory.string()),
              "cannot write " + directory.string() + ": it is a directory; give the name of a file");
    EXPECT_EQ(message(name("none/a.csv")),
              "cannot write " + name("none/a.csv") + ": there is no directory " + name("none"));
}

} // namespace
} // namespace ipscore::io
