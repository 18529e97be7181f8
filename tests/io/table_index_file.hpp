// The index of a table, dictionary included, as one file.
#pragma once

#include "ipscore/io/table.hpp"

#include <filesystem>

namespace ipscore::io {

inline void write_table_index(const std::filesystem::path& path, TableIndex& index) {
    TableIndexWriter writer(path);
    for (std::size_t key = 0; key < index.dictionary.size(); ++key) writer.add_key(index.dictionary[key]);
    writer.finish(index);
}

} // namespace ipscore::io
