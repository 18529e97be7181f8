// What bit rot, torn pages and cut-off copies do to a file.
#pragma once

#include "ipscore/core/error.hpp"
#include "test_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace ipscore::io {

/// A file that is there already, to be damaged and mended in place.
class DamagedFile {
public:
    explicit DamagedFile(const std::filesystem::path& path)
        : good_(content_of(path)), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        if (fd_ < 0) throw std::runtime_error("cannot open " + path.string());
    }
    DamagedFile(const DamagedFile&) = delete;
    DamagedFile& operator=(const DamagedFile&) = delete;
    ~DamagedFile() { ::close(fd_); }

    /// Calls `check` (with what was done, for messages) for every kind of damage at a sample of places: about
    /// `samples` times.
    void try_all(std::size_t samples, const std::function<void(const std::string&)>& check) {
        std::mt19937_64 random(12);
        const std::size_t step = std::max<std::size_t>(1, good_.size() / samples);
        for (std::size_t at = random() % step; at < good_.size(); at += 1 + random() % (2 * step - 1)) {
            const auto flip = static_cast<unsigned char>(random() % 2 == 0 ? 1U << (random() % 8) : 0xffU);
            overwrite(at, std::string(1, static_cast<char>(static_cast<unsigned char>(good_[at]) ^ flip)));
            check("byte " + std::to_string(at) + " of " + std::to_string(good_.size()) + " flipped by " +
                  std::to_string(flip));
            mend(at, 1);
        }
        for (std::size_t i = 0; i < samples / 8; ++i) {
            const std::size_t at = random() % good_.size();
            const std::size_t bytes = std::min(good_.size() - at, std::size_t{1} << random() % 11);
            std::string wrong(bytes, '\0');
            const bool noise = random() % 2 == 0;
            for (char& c : wrong) c = noise ? static_cast<char>(random()) : '\0';
            overwrite(at, wrong);
            check(std::to_string(bytes) + (noise ? " bytes of noise at " : " zeros at ") +
                  std::to_string(at));
            mend(at, bytes);
        }
        for (std::size_t i = 0; i < samples / 8; ++i) {
            const std::size_t bytes = i < 16 ? good_.size() - 1 - i : random() % good_.size();
            if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0)
                throw std::runtime_error("ftruncate failed");
            check("cut to " + std::to_string(bytes) + " bytes");
            mend(bytes, good_.size() - bytes);
        }
        // A file system that lost the data, but knows the length.
        for (std::size_t i = 0; i < samples / 8; ++i) {
            const std::size_t at = random() % good_.size();
            overwrite(at, std::string(good_.size() - at, '\0'));
            check("zeros from " + std::to_string(at) + " on");
            mend(at, good_.size() - at);
        }
    }

private:
    void overwrite(std::size_t at, const std::string& bytes) const {
        if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
            static_cast<ssize_t>(bytes.size()))
            throw std::runtime_error("pwrite failed");
    }
    void mend(std::size_t at, std::size_t bytes) const { overwrite(at, good_.substr(at, bytes)); }

    std::string good_;
    int fd_;
};

/// Damages the file at `path` in about `samples` ways. `read` must find the same values, or throw an
/// InputError that names the file; both must come about.
inline void expect_same_or_noticed(const std::filesystem::path& path, std::size_t samples,
                                   const std::function<void(const std::string&)>& read) {
    std::size_t noticed = 0;
    std::size_t tries = 0;
    DamagedFile(path).try_all(samples, [&](const std::string& damage) {
        ++tries;
        try {
            read(damage);
        } catch (const InputError& error) {
            ++noticed;
            EXPECT_THAT(error.what(), ::testing::StartsWith(path.string() + ": ")) << damage;
        } catch (const std::exception& error) {
            ADD_FAILURE() << damage << ": " << error.what();
        }
    });
    EXPECT_GT(noticed, tries / 4);
    EXPECT_LT(noticed, tries);
}

} // namespace ipscore::io
