#include "ipscore/io/output_directory.hpp"

#include "file_lock.hpp"
#include "ipscore/core/checksum.hpp"
#include "ipscore/core/error.hpp"
#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/json_text.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ipscore::io {

namespace {

using Json = nlohmann::ordered_json;
constexpr const char* lock_name = ".lock";

/// What part_name() makes; `part-mine.h5` is somebody else's, and not to be removed.
bool is_part_name(std::string_view name) {
    constexpr std::string_view begin = "part-";
    constexpr std::string_view end = ".h5";
    if (!name.starts_with(begin) || !name.ends_with(end) || name.size() <= begin.size() + end.size())
        return false;
    const std::string_view number = name.substr(begin.size(), name.size() - begin.size() - end.size());
    return number.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_ours(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return name == lock_name || name == format::job_name || name == format::run_name ||
           name == format::index_name || name == format::runs_name || name == format::status_name ||
           is_part_name(name) || is_temporary_name(path);
}

// Rank 0 has the first byte of the lock for itself; the other ranks share the second.
constexpr ::off_t ranks_byte = 1;

int open_lock(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) throw EnvironmentError(system_message("cannot make", path.string()));
    return fd;
}

/// Closes `fd`.
[[noreturn]] void cannot_lock(int fd, const std::filesystem::path& path) {
    const int error = errno;
    ::close(fd);
    throw EnvironmentError(system_message("cannot lock", path.string(), error));
}

/// Descriptor of the locked file, or -1 when a rank of another job lives.
int try_lock(const std::filesystem::path& path) {
    for (;;) {
        const int fd = open_lock(path);
        // The bytes of ranks too: only when no rank of an earlier job lives either is the directory ours.
        if (!set_lock(fd, F_WRLCK)) {
            if (errno != EAGAIN && errno != EACCES) cannot_lock(fd, path);
            ::close(fd);
            return -1;
        }
        // The name may have been taken from us between open and lock, by a job that ended or restarted.
        struct stat mine {};
        struct stat named {};
        if (::fstat(fd, &mine) == 0 && ::stat(path.c_str(), &named) == 0 && mine.st_ino == named.st_ino) {
            (void)set_lock(fd, F_UNLCK, ranks_byte); // for our own ranks
            return fd;
        }
        ::close(fd);
    }
}

int lock_within(const std::filesystem::path& path, std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds between_tries{50};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const int fd = try_lock(path);
        if (fd >= 0 || std::chrono::steady_clock::now() >= deadline) return fd;
        std::this_thread::sleep_for(between_tries);
    }
}

/// Makes the directory, or makes sure that it holds nothing but what jobs write.
void make_own_directory(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) throw EnvironmentError(system_message("cannot make", path.string(), error.value()));
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (is_ours(entry.path())) continue;
        throw InputError(
            fmt::format("{}: holds {}, which no job of this program wrote; give an empty directory",
                        path.string(), entry.path().filename().string()));
    }
}

void remove_entry(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) throw EnvironmentError(system_message("cannot remove", path.string(), error.value()));
}

/// What jobs that were killed left behind; the lock says that none is alive.
void remove_temporary_files_in(const std::filesystem::path& directory) {
    if (!std::filesystem::is_directory(directory)) return;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (is_temporary_name(entry.path())) remove_entry(entry.path());
    }
}

std::string text_of(const Json* value) {
    return value == nullptr ? "nothing" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Appends `name: was X, now Y` for every value below that differs; nullptr: there is none.
void compare(const std::string& name, const Json* before, const Json* now, std::vector<std::string>& texts) {
    const auto below = [&](const std::string& key) { return name.empty() ? key : name + "." + key; };
    const auto find = [](const Json& object, const std::string& key) {
        const auto found = object.find(key);
        return found == object.end() ? nullptr : &*found;
    };
    const auto at = [](const Json& array, std::size_t i) { return i < array.size() ? &array[i] : nullptr; };
    const bool both = before != nullptr && now != nullptr;
    if (both && before->is_object() && now->is_object()) {
        for (const auto& [key, value] : before->items()) compare(below(key), &value, find(*now, key), texts);
        for (const auto& [key, value] : now->items()) {
            if (!before->contains(key)) compare(below(key), nullptr, &value, texts);
        }
    } else if (both && before->is_array() && now->is_array()) {
        for (std::size_t i = 0; i < std::max(before->size(), now->size()); ++i)
            compare(below(std::to_string(i)), at(*before, i), at(*now, i), texts);
    } else if (text_of(before) != text_of(now)) {
        texts.push_back(fmt::format("{}: was {}, now {}", name, text_of(before), text_of(now)));
    }
}

Json read_job(const std::filesystem::path& path) {
    try {
        Json job = Json::parse(read_file(path));
        if (job.at("verb").is_string() && job.at("identity").is_object()) return job;
    } catch (const Json::exception&) {
        // Told below: what a parser says of it helps nobody.
    }
    throw InputError(path.string() + ": damaged; start over with --restart");
}

} // namespace

std::string Job::hash() const { return content_hash(verb + "\n" + identity.dump()); }

std::string differences(const Json& before, const Json& now) {
    std::vector<std::string> texts;
    compare("", &before, &now, texts);
    constexpr std::size_t named_max = 5;
    const std::size_t named = std::min(texts.size(), named_max);
    std::string text;
    for (std::size_t i = 0; i < named; ++i) text += (i > 0 ? "; " : "") + texts[i];
    if (texts.size() > named) text += fmt::format("; and {} more", texts.size() - named);
    return text;
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory, std::chrono::milliseconds patience)
    : path_(directory / lock_name), fd_(lock_within(path_, patience)) {
    if (fd_ >= 0) return;
    throw EnvironmentError(directory.string() + ": another job is writing there; wait for it, or stop it");
}

DirectoryLock::~DirectoryLock() {
    // Where a rank of ours lives on, as when this one fails, the name stays: the next job is to find its
    // lock.
    if (set_lock(fd_, F_WRLCK)) ::unlink(path_.c_str());
    ::close(fd_);
}

bool is_locked(const std::filesystem::path& directory) {
    const int fd = ::open((directory / lock_name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool locked = has_lock_of_others(fd);
    ::close(fd);
    return locked;
}

RankLock::RankLock(const std::filesystem::path& directory) : fd_(open_lock(directory / lock_name)) {
    if (!set_lock(fd_, F_RDLCK, ranks_byte, 1)) cannot_lock(fd_, directory / lock_name);
}

RankLock::~RankLock() { ::close(fd_); }

OutputDirectory::OutputDirectory(std::filesystem::path path, const Job& job, bool restart,
                                 std::chrono::milliseconds patience)
    : path_(std::move(path)), lock_((make_own_directory(path_), path_), patience) {
    remove_temporary_files(path_);
    if (restart) remove_outputs();

    const std::filesystem::path job_path = path_ / format::job_name;
    if (!std::filesystem::exists(job_path)) {
        // An index is somebody's result. Parts alone are what an interrupted --restart left.
        if (std::filesystem::exists(path_ / format::index_name)) {
            throw InputError(
                fmt::format("{}: holds {}, but no {} that tells what it is; give another directory, or "
                            "--restart to replace it",
                            path_.string(), format::index_name, format::job_name));
        }
        remove_outputs();
        const Json text{
            {"verb", job.verb}, {"hash", job.hash()}, {"identity", job.identity}, {"about", job.about}};
        write_file(job_path, json_text(text));
        return;
    }
    const Json before = read_job(job_path);
    if (const std::string verb = before["verb"]; verb != job.verb) {
        throw InputError(
            fmt::format("{}: holds the output of ipscore {}; give another directory, or --restart to "
                        "replace it",
                        path_.string(), verb));
    }
    if (const std::string text = differences(before["identity"], job.identity); !text.empty()) {
        throw InputError(
            fmt::format("{}: holds the output of another job ({}); give another directory, or --restart "
                        "to replace it",
                        path_.string(), text));
    }
    state_ = std::filesystem::exists(path_ / format::index_name) ? State::finished : State::unfinished;
}

void remove_temporary_files(const std::filesystem::path& directory) {
    remove_temporary_files_in(directory);
    remove_temporary_files_in(directory / format::runs_name);
}

void OutputDirectory::remove_outputs() const {
    // The index goes first: from then on what is left is unfinished work, whatever happens.
    remove_entry(path_ / format::index_name);
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
        if (entry.path().filename() != lock_name) remove_entry(entry.path());
    }
}

} // namespace ipscore::io
