// The directory that a job writes: parts under their names when they are whole, job.json first and index.h5
// last.
#pragma once

#include <chrono>
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

/// A job that was killed may live on for a moment: Open MPI's ranks end a second after their mpirun was
/// killed, and mpirun gives its own 2 s when it was asked to stop. The command that follows waits for them.
inline constexpr std::chrono::milliseconds lock_patience{5000};

/// The right to write to a directory, which one job has. Rank 0 holds this, and each of its other ranks a
/// RankLock; both go with their process, however that ends.
class DirectoryLock {
public:
    /// Throws EnvironmentError when a rank of another job still lives after `patience`.
    explicit DirectoryLock(const std::filesystem::path& directory,
                           std::chrono::milliseconds patience = lock_patience);
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock();

private:
    std::filesystem::path path_;
    int fd_;
};

/// Keeps other jobs out for as long as this rank may write, even when rank 0 is no more. To be held before
/// rank 0 may let go of its lock.
class RankLock {
public:
    /// Throws EnvironmentError.
    explicit RankLock(const std::filesystem::path& directory);
    RankLock(const RankLock&) = delete;
    RankLock& operator=(const RankLock&) = delete;
    ~RankLock();

private:
    int fd_;
};

/// True while a rank of a job holds a lock on the directory. Changes nothing there.
[[nodiscard]] bool is_locked(const std::filesystem::path& directory);

/// What jobs that were killed left in an output directory: for who holds its lock. Throws EnvironmentError.
void remove_temporary_files(const std::filesystem::path& directory);

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
    /// when another job still lives there after `patience` or the disk fails.
    OutputDirectory(std::filesystem::path path, const Job& job, bool restart,
                    std::chrono::milliseconds patience = lock_patience);

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
