// Files by the word that names them.
#pragma once

#include <filesystem>
#include <vector>

namespace ipscore::io {

/// The files that `word` names, in the order of their bytes:
/// - what exists under that name, or where nothing does and it is no pattern, the word itself;
/// - of a folder its files and those of the folders in it, without names that begin with `.` or `_`, which
///   are hidden, temporary or, such as Spark's `_SUCCESS`, not data;
/// - of a pattern with `*`, `?` or `[…]` what matches, folders as above.
/// Throws InputError for a folder or a pattern without files, or a folder that cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> input_paths(const std::filesystem::path& word);

} // namespace ipscore::io
