// The index of a table, dictionary included, as one file.
#pragma once

#include "ipscore/io/table.hpp"

#include <filesystem>

namespace ipscore::io {

inline void write_table_index(const std::filesystem::path& path, TableIndex& index,
                              const ByteStrings& unseen_keys = {}) {
    TableIndexWriter writer(path, index.classification.has_value());
    for (std::size_t key = 0; key < index.dictionary.size(); ++key) writer.add_key(index.dictionary[key]);
    for (std::size_t key = 0; key < unseen_keys.size(); ++key) writer.add_unseen_key(unseen_keys[key]);
    writer.finish(index);
}

} // namespace ipscore::io
