#include "ipscore/io/input_paths.hpp"

#include "ipscore/core/error.hpp"

#include <algorithm>
#include <glob.h>
#include <new>
#include <string>
#include <system_error>

namespace ipscore::io {

namespace {

using Paths = std::vector<std::filesystem::path>;

bool is_passed_over(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return name.starts_with('.') || name.starts_with('_');
}

void sort_by_bytes(Paths& paths) {
    std::ranges::sort(paths, {}, [](const auto& path) -> const std::string& { return path.native(); });
}

/// Nothing where it has none.
Paths files_below(const std::filesystem::path& folder) {
    Paths paths;
    try {
        std::filesystem::recursive_directory_iterator entries(folder);
        for (auto entry = begin(entries); entry != end(entries); ++entry) {
            if (is_passed_over(entry->path())) {
                entry.disable_recursion_pending();
            } else if (entry->is_regular_file()) {
                paths.push_back(entry->path());
            }
        }
    } catch (const std::filesystem::filesystem_error& error) {
        throw InputError(system_message("cannot read", folder.string(), error.code().value()));
    }
    sort_by_bytes(paths);
    return paths;
}

class Matches {
public:
    explicit Matches(const std::string& pattern) {
        if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found_) == GLOB_NOSPACE) throw std::bad_alloc();
    }
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
    ~Matches() { ::globfree(&found_); }
    [[nodiscard]] Paths paths() const {
        Paths paths(found_.gl_pathv, found_.gl_pathv + found_.gl_pathc);
        sort_by_bytes(paths);
        return paths;
    }

private:
    ::glob_t found_{};
};

} // namespace

Paths input_paths(const std::filesystem::path& word) {
    std::error_code error;
    if (std::filesystem::is_directory(word, error)) {
        Paths paths = files_below(word);
        if (paths.empty()) throw InputError(word.string() + ": there are no files in this folder");
        return paths;
    }
    const bool is_pattern = word.native().find_first_of("*?[") != std::string::npos;
    if (!is_pattern || std::filesystem::exists(word, error)) return {word};
    Paths paths;
    for (const std::filesystem::path& match : Matches(word.native()).paths()) {
        if (std::filesystem::is_directory(match, error)) {
            const Paths below = files_below(match);
            paths.insert(paths.end(), below.begin(), below.end());
        } else {
            paths.push_back(match);
        }
    }
    if (paths.empty()) throw InputError(word.string() + ": there are no files of this pattern");
    return paths;
}

} // namespace ipscore::io
