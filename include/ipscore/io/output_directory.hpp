// The directory that a job writes: parts under their names when they are whole, job.json first and index.h5
// last.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace ipscore::io {

/// What a job is. `identity` decides whether two runs are the same job; `about` is for people.
struct Job {
    std::string verb;
    nlohmann::ordered_json identity;
    nlohmann::ordered_json about;

    /// Hash of verb and identity; every part carries it.
    [[nodiscard]] std::string hash() const;
};

/// An exclusive lock on a directory, which goes with the process, however that ends.
class DirectoryLock {
public:
    /// Throws EnvironmentError when another live job holds it.
    explicit DirectoryLock(const std::filesystem::path& directory);
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock();

private:
    std::filesystem::path path_;
    int fd_;
};

/// The output directory of a job, locked; for rank 0.
class OutputDirectory {
public:
    enum class State {
        fresh,      ///< nothing there yet
        unfinished, ///< this very job, without its index
        finished,   ///< this very job, with its index
    };

    /// Makes and locks the directory and compares the job that is there with `job`; when there is none,
    /// writes job.json. With `restart`, what another run left is removed first. Throws InputError when
    /// another job is there (naming what differs) or the directory holds foreign files, and EnvironmentError
    /// when a live job holds the lock or the disk fails.
    OutputDirectory(std::filesystem::path path, const Job& job, bool restart);

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    void remove_outputs() const;
    std::filesystem::path path_;
    DirectoryLock lock_;
    State state_ = State::fresh;
};

/// What differs between two jobs, as `name: was X, now Y` separated by semicolons.
[[nodiscard]] std::string differences(const nlohmann::ordered_json& before,
                                      const nlohmann::ordered_json& now);

} // namespace ipscore::io
