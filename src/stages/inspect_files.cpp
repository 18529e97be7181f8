#include "inspect_files.hpp"

#include "ipscore/io/durable_file.hpp"
#include "ipscore/io/format.hpp"
#include "ipscore/io/h5.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace ipscore::stages::inspecting {

namespace fs = std::filesystem;

namespace {

/// Calls `use` for every file below a directory. What goes meanwhile is not there.
template <class Use>
void for_each_file(const fs::path& directory, Use use) {
    std::error_code gone;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator at(directory, options, gone), end; !gone && at != end;
         at.increment(gone)) {
        std::error_code none;
        if (at->is_regular_file(none)) use(at->path());
    }
}

/// A row for each column, but one for all checksums.
std::string row_name(const std::string& dataset) {
    constexpr std::string_view checksums = "checksums/";
    return dataset.starts_with(checksums) ? std::string(checksums) + '*' : dataset;
}

} // namespace

std::uint64_t size_of(const fs::path& file) {
    std::error_code gone;
    const auto bytes = fs::file_size(file, gone);
    return gone ? 0 : bytes;
}

std::uint64_t size_of_all(const std::vector<fs::path>& files) {
    std::uint64_t bytes = 0;
    for (const fs::path& file : files) bytes += size_of(file);
    return bytes;
}

FileSizes sizes_below(const fs::path& path) {
    if (!fs::is_directory(path)) return {1, size_of(path)};
    FileSizes sizes;
    for_each_file(path, [&](const fs::path& file) {
        ++sizes.files;
        sizes.bytes += size_of(file);
    });
    return sizes;
}

std::vector<ColumnFigures> columns_of(const std::vector<fs::path>& files) {
    std::map<std::tuple<std::string, std::string, std::string>, ColumnFigures> columns;
    std::map<std::string, std::size_t> last_file; // that has a row
    for (std::size_t file = 0; file < files.size(); ++file) {
        for (const io::DatasetFigures& dataset : io::H5File::open(files[file]).datasets()) {
            const std::string name = row_name(dataset.name);
            ColumnFigures& column = columns[{name, dataset.type, dataset.filters}];
            if (column.files == 0) {
                column.name = name;
                column.type = dataset.type;
                column.filters = dataset.filters;
            }
            std::size_t& last = last_file[name];
            if (last != file + 1) ++column.files;
            last = file + 1;
            column.values += dataset.values;
            column.chunks += dataset.chunks;
            column.stored_bytes += dataset.stored_bytes;
            column.decoded_bytes += dataset.decoded_bytes;
        }
    }
    std::vector<ColumnFigures> list;
    list.reserve(columns.size());
    for (auto& [key, column] : columns) list.push_back(std::move(column));
    std::ranges::stable_sort(
        list, [](const ColumnFigures& a, const ColumnFigures& b) { return a.stored_bytes > b.stored_bytes; });
    return list;
}

OutputFiles output_files(const fs::path& directory) {
    OutputFiles found;
    for_each_file(directory, [&](const fs::path& file) {
        const std::string name = file.filename().string();
        const bool is_h5 = file.extension() == ".h5";
        if (io::is_temporary_name(file)) {
            found.temporary.push_back(file);
        } else if (is_h5 && file.parent_path().filename() == io::format::runs_name) {
            found.runs.push_back(file);
        } else if (is_h5 && name.starts_with("part-")) {
            found.parts.push_back(file);
        }
    });
    std::ranges::sort(found.parts);
    std::ranges::sort(found.runs);
    return found;
}

} // namespace ipscore::stages::inspecting
