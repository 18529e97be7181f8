// What datasets an HDF5 file has, and what each takes.
#include "ipscore/io/h5.hpp"

#include "h5_library.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace ipscore::io {

namespace {

/// Adds the names of datasets. Called by the library, through which no exception may pass.
herr_t add_name(hid_t /*object*/, const char* name, const H5O_info_t* info, void* out) noexcept {
    try {
        if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    } catch (...) {
        return -1;
    }
}

std::string type_name(hid_t type) {
    const std::size_t bits = 8 * H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i', bits);
    case H5T_FLOAT:
        return fmt::format("f{}", bits);
    default:
        return "other";
    }
}

std::string filter_names(hid_t properties) {
    std::string names;
    const int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters; ++i) {
        unsigned flags = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values,
                                                   nullptr, 0, nullptr, nullptr);
        if (!names.empty()) names += '+';
        if (filter == H5Z_FILTER_SCALEOFFSET) {
            names += "scale-offset";
        } else if (filter == H5Z_FILTER_DEFLATE) {
            names += "deflate";
        } else {
            names += fmt::format("filter {}", filter);
        }
    }
    return names.empty() ? "none" : names;
}

} // namespace

std::vector<DatasetFigures> H5File::datasets() const {
    std::vector<DatasetFigures> all;
    std::vector<std::string> names;
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    // In the file's own order: HDF5 1.10 crashes when it sorts the links of a group that is damaged.
    if (H5Ovisit2(id_, H5_INDEX_NAME, H5_ITER_NATIVE, &add_name, &names, H5O_INFO_BASIC) < 0)
        damaged("the names of its columns cannot be read");
    std::ranges::sort(names);
    for (const std::string& name : names) {
        const auto check = [&](auto result) {
            if (result < 0) damaged(fmt::format("column {} cannot be read", name));
            return result;
        };
        const Id dataset(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT)), H5Dclose);
        const Id type(check(H5Dget_type(dataset.get())), H5Tclose);
        const Id space(check(H5Dget_space(dataset.get())), H5Sclose);
        const Id properties(check(H5Dget_create_plist(dataset.get())), H5Pclose);
        DatasetFigures figures{.name = name,
                               .type = type_name(type.get()),
                               .filters = filter_names(properties.get()),
                               .stored_bytes = H5Dget_storage_size(dataset.get())};
        figures.values = static_cast<std::uint64_t>(check(H5Sget_simple_extent_npoints(space.get())));
        figures.decoded_bytes = figures.values * H5Tget_size(type.get());
        hsize_t chunk = 0;
        if (H5Pget_layout(properties.get()) == H5D_CHUNKED &&
            H5Pget_chunk(properties.get(), 1, &chunk) == 1 && chunk > 0) {
            figures.chunks = (figures.values + chunk - 1) / chunk;
        }
        all.push_back(std::move(figures));
    }
    H5Eclear2(H5E_DEFAULT);
    return all;
}

} // namespace ipscore::io
