#include "ipscore/io/h5.hpp"

#include "h5_driver.hpp"
#include "h5_library.hpp"
#include "ipscore/core/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ipscore::io {

std::mutex& library_mutex() {
    static std::mutex mutex;
    return mutex;
}

namespace {

/// The reason at the bottom of HDF5's error stack, which is where the failure began; the operating system's
/// own words where the stack holds them.
std::string library_reason() {
    std::string reason;
    const auto visit = [](unsigned, const H5E_error2_t* entry, void* out) -> herr_t {
        auto& text = *static_cast<std::string*>(out);
        if (text.empty() && entry->desc != nullptr) text = entry->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &reason);
    H5Eclear2(H5E_DEFAULT);
    constexpr std::string_view system_words = "error message = '";
    if (const auto at = reason.find(system_words); at != std::string::npos) {
        const auto begin = at + system_words.size();
        reason = reason.substr(begin, reason.find('\'', begin) - begin);
    }
    return reason.empty() ? "the HDF5 library gives no reason" : reason;
}

[[noreturn]] void cannot_write(const std::filesystem::path& path) {
    throw EnvironmentError(fmt::format("cannot write {}: {}", path.string(), library_reason()));
}

template <class Result>
Result check_write(Result result, const std::filesystem::path& path) {
    if (result < 0) cannot_write(path);
    return result;
}

template <class Result>
Result check_read(Result result, const H5File& file, std::string_view what) {
    if (result < 0) file.damaged(fmt::format("cannot read {}: {}", what, library_reason()));
    return result;
}

hid_t disk_type(ElementType type) {
    switch (type) {
    case ElementType::u8:
        return H5T_STD_U8LE;
    case ElementType::u16:
        return H5T_STD_U16LE;
    case ElementType::u32:
        return H5T_STD_U32LE;
    case ElementType::u64:
        return H5T_STD_U64LE;
    case ElementType::i32:
        return H5T_STD_I32LE;
    case ElementType::f32:
        return H5T_IEEE_F32LE;
    }
    return -1;
}

Id file_access() {
    Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    // Version 1.10 objects carry checksums of their own metadata, and 1.10 is what Debian 12 reads.
    H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
    // File locks fail on some Lustre and NFS mounts; files are written under a name of their own and renamed
    // instead.
    H5Pset_file_locking(access.get(), false, true);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    use_our_driver(access.get());
    return {access.release(), H5Pclose};
}

/// The codec that a dataset's filters stand for; nothing when we would not know how to read it.
std::optional<Codec> codec_of(hid_t properties) {
    const int filters = H5Pget_nfilters(properties);
    if (filters == 0) return Codec::none;
    if (filters != 1) return std::nullopt;
    unsigned flags = 0;
    std::size_t values = 0;
    switch (H5Pget_filter2(properties, 0, &flags, &values, nullptr, 0, nullptr, nullptr)) {
    case H5Z_FILTER_SCALEOFFSET:
        return Codec::scale_offset;
    case H5Z_FILTER_DEFLATE:
        return Codec::deflate;
    default:
        return std::nullopt;
    }
}

/// Links of a group stay in its header, up to more of them than we ever make: HDF5's other form, a heap and a
/// tree, takes longer to write than all the rest.
void keep_links_in_header(hid_t group_properties) {
    constexpr unsigned links_max = 256;
    H5Pset_link_phase_change(group_properties, links_max, 0);
}

/// Makes the groups that `name` lies in. HDF5 can do so itself, but then with the time of day in them.
void create_groups_above(hid_t file, const std::string& name, const std::filesystem::path& path) {
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        const std::string group = name.substr(0, slash);
        if (H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0) continue;
        const Id properties(check_write(H5Pcreate(H5P_GROUP_CREATE), path), H5Pclose);
        check_write(H5Pset_obj_track_times(properties.get(), false), path);
        keep_links_in_header(properties.get());
        const Id made(
            check_write(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), path),
            H5Gclose);
    }
}

constexpr unsigned deflate_level_in_header = 1; // informative: any level decodes alike

} // namespace

std::size_t bytes_of(ElementType type) noexcept {
    switch (type) {
    case ElementType::u8:
        return 1;
    case ElementType::u16:
        return 2;
    case ElementType::u64:
        return 8;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
        return 4;
    }
    return 0;
}

void prepare_hdf5_library() {
    const LibraryLock lock(library_mutex());
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

H5File::H5File(std::filesystem::path path, std::int64_t id, bool writing)
    : path_(std::move(path)), id_(id), writing_(writing) {}

H5File::H5File(H5File&& other) noexcept
    : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)), writing_(other.writing_) {}

H5File::~H5File() {
    if (id_ < 0) return;
    const LibraryLock lock(library_mutex());
    // The error stack is per thread, and a thread may end up here without having silenced its own.
    H5E_BEGIN_TRY { H5Fclose(id_); }
    H5E_END_TRY
}

H5File H5File::create(const std::filesystem::path& path) {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Id access = file_access();
    const Id creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation.get(), false); // the same values give the same bytes
    keep_links_in_header(creation.get());
    const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
    if (id < 0) cannot_write(path);
    return {path, id, true};
}

H5File H5File::open(const std::filesystem::path& path) {
    // HDF5's own words for a missing file are long; the system's say it better.
    if (::access(path.c_str(), R_OK) != 0) throw InputError(system_message("cannot read", path.string()));
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Id access = file_access();
    const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
    if (id < 0) {
        throw InputError(
            fmt::format("{}: damaged, truncated or no HDF5 file: {}", path.string(), library_reason()));
    }
    return {path, id, false};
}

void H5File::close() {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    if (writing_ && H5Fflush(id_, H5F_SCOPE_LOCAL) < 0) cannot_write(path_);
    if (H5Fclose(std::exchange(id_, -1)) < 0 && writing_) cannot_write(path_);
}

void H5File::damaged(const std::string& fault) const {
    throw InputError(fmt::format("{}: damaged: {}", path_.string(), fault));
}

H5Dataset H5File::create_dataset(const std::string& name, ElementType type, Codec codec,
                                 std::size_t chunk_values, Growth growth) {
    H5Dataset dataset; // before the lock, as in open_dataset
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const hsize_t chunk = chunk_values;
    // One chunk needs no index of chunks, which is worth having for the many short datasets.
    const hsize_t size = growth == Growth::one_chunk ? chunk : 0;
    const hsize_t size_max = growth == Growth::one_chunk ? chunk : H5S_UNLIMITED;
    const Id space(check_write(H5Screate_simple(1, &size, &size_max), path_), H5Sclose);
    const Id properties(check_write(H5Pcreate(H5P_DATASET_CREATE), path_), H5Pclose);
    check_write(H5Pset_obj_track_times(properties.get(), false), path_);
    check_write(H5Pset_chunk(properties.get(), 1, &chunk), path_);
    // Every chunk is written whole. An undefined fill value also keeps scale-offset's simple form.
    check_write(H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER), path_);
    check_write(H5Pset_fill_value(properties.get(), disk_type(type), nullptr), path_);
    if (codec == Codec::scale_offset) {
        check_write(H5Pset_scaleoffset(properties.get(), H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT), path_);
    } else if (codec == Codec::deflate) {
        check_write(H5Pset_deflate(properties.get(), deflate_level_in_header), path_);
    }
    create_groups_above(id_, name, path_);
    dataset.id_ = check_write(H5Dcreate2(id_, name.c_str(), disk_type(type), space.get(), H5P_DEFAULT,
                                         properties.get(), H5P_DEFAULT),
                              path_);
    dataset.file_ = this;
    dataset.name_ = name;
    dataset.chunk_values_ = chunk_values;
    dataset.codec_ = codec;
    dataset.type_ = type;
    dataset.growth_ = growth;
    return dataset;
}

H5Dataset H5File::open_dataset(const std::string& name, ElementType type) const {
    H5Dataset dataset; // before the lock, which it takes itself to close when something is wrong with it
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    dataset.id_ = check_read(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), *this, "column " + name);
    dataset.file_ = this;
    dataset.name_ = name;
    dataset.type_ = type;
    const Id stored_type(check_read(H5Dget_type(dataset.id_), *this, name), H5Tclose);
    if (H5Tequal(stored_type.get(), disk_type(type)) <= 0)
        damaged("column " + name + " has another type than expected");
    const Id space(check_read(H5Dget_space(dataset.id_), *this, name), H5Sclose);
    hsize_t size = 0;
    if (H5Sget_simple_extent_ndims(space.get()) != 1) damaged("column " + name + " is not one-dimensional");
    check_read(H5Sget_simple_extent_dims(space.get(), &size, nullptr), *this, name);
    const Id properties(check_read(H5Dget_create_plist(dataset.id_), *this, name), H5Pclose);
    hsize_t chunk = 0;
    if (H5Pget_chunk(properties.get(), 1, &chunk) != 1 || chunk == 0)
        damaged("column " + name + " is not chunked");
    const auto codec = codec_of(properties.get());
    if (!codec) damaged("column " + name + " is coded by filters that this version does not know");
    dataset.size_ = size;
    dataset.chunk_values_ = static_cast<std::size_t>(chunk);
    dataset.codec_ = *codec;
    return dataset;
}

bool H5File::has(const std::string& name) const {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const bool found = H5Lexists(id_, name.c_str(), H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return found;
}

bool H5File::has_attribute(const std::string& object, const std::string& name) const {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const bool found = H5Aexists_by_name(id_, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return found;
}

void H5File::write_attribute(const std::string& object, const std::string& name, std::uint64_t value) {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Id space(check_write(H5Screate(H5S_SCALAR), path_), H5Sclose);
    const Id attribute(check_write(H5Acreate_by_name(id_, object.c_str(), name.c_str(), H5T_STD_U64LE,
                                                     space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                   path_),
                       H5Aclose);
    check_write(H5Awrite(attribute.get(), H5T_NATIVE_UINT64, &value), path_);
}

void H5File::write_attribute(const std::string& object, const std::string& name, std::string_view text) {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Id space(check_write(H5Screate(H5S_SCALAR), path_), H5Sclose);
    const Id type(check_write(H5Tcopy(H5T_C_S1), path_), H5Tclose);
    const std::string value(text);
    check_write(H5Tset_size(type.get(), value.size() + 1), path_);
    check_write(H5Tset_cset(type.get(), H5T_CSET_UTF8), path_);
    const Id attribute(check_write(H5Acreate_by_name(id_, object.c_str(), name.c_str(), type.get(),
                                                     space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                   path_),
                       H5Aclose);
    check_write(H5Awrite(attribute.get(), type.get(), value.c_str()), path_);
}

std::uint64_t H5File::read_u64(const std::string& object, const std::string& name) const {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const std::string what = "attribute " + name + " of " + object;
    const Id attribute(
        check_read(H5Aopen_by_name(id_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), *this, what),
        H5Aclose);
    std::uint64_t value = 0;
    check_read(H5Aread(attribute.get(), H5T_NATIVE_UINT64, &value), *this, what);
    return value;
}

std::string H5File::read_text(const std::string& object, const std::string& name) const {
    const LibraryLock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const std::string what = "attribute " + name + " of " + object;
    const Id attribute(
        check_read(H5Aopen_by_name(id_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), *this, what),
        H5Aclose);
    const Id type(check_read(H5Aget_type(attribute.get()), *this, what), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0) {
        damaged(what + " is not a text of fixed length");
    }
    std::string text(H5Tget_size(type.get()), '\0');
    check_read(H5Aread(attribute.get(), type.get(), text.data()), *this, what);
    text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
    return text;
}

H5Dataset::H5Dataset(H5Dataset&& other) noexcept
    : file_(other.file_),
      id_(std::exchange(other.id_, -1)),
      name_(std::move(other.name_)),
      size_(other.size_),
      chunk_values_(other.chunk_values_),
      codec_(other.codec_),
      type_(other.type_),
      growth_(other.growth_) {}

H5Dataset::~H5Dataset() {
    if (id_ < 0) return;
    const LibraryLock lock(library_mutex());
    H5E_BEGIN_TRY { H5Dclose(id_); }
    H5E_END_TRY
}

std::uint64_t H5Dataset::chunks() const noexcept { return (size_ + chunk_values_ - 1) / chunk_values_; }

void H5Dataset::append_chunk(std::span<const std::byte> coded, std::size_t values) {
    const DeferredTransfer transfer(coded);
    const hsize_t offset = size_;
    const hsize_t size = size_ + values;
    {
        const LibraryLock lock(library_mutex());
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
        // Growing value by value, never shrinking: HDF5 rewrites the last chunk of a dataset that shrinks.
        if (growth_ == Growth::any) check_write(H5Dset_extent(id_, &size), file_->path());
        check_write(H5Dwrite_chunk(id_, H5P_DEFAULT, 0, &offset, coded.size(), coded.data()), file_->path());
    }
    if (const int error = transfer.move())
        throw EnvironmentError(system_message("cannot write", file_->path().string(), error));
    size_ = size;
}

bool H5Dataset::read_chunk(std::uint64_t chunk, std::vector<std::byte>& coded) const {
    const hsize_t offset = chunk * chunk_values_;
    const std::string_view what = name_;
    std::uint32_t skipped_filters = 0;
    std::unique_lock lock(library_mutex());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    hsize_t bytes = 0;
    check_read(H5Dget_chunk_storage_size(id_, &offset, &bytes), *file_, what);
    // A damaged size must not make us ask for all memory: no codec of ours makes a chunk much larger than its
    // values.
    constexpr std::size_t overhead_bytes_max = 4096;
    if (bytes == 0 || bytes > 2 * chunk_values_ * bytes_of(type_) + overhead_bytes_max) {
        file_->damaged(fmt::format("column {} has no valid chunk {}", name_, chunk));
    }
    coded.resize(bytes);
    const DeferredTransfer transfer{std::span(coded)};
    check_read(H5Dread_chunk(id_, H5P_DEFAULT, &offset, &skipped_filters, coded.data()), *file_, what);
    lock.unlock();
    if (const int error = transfer.move())
        file_->damaged(fmt::format("cannot read {}: {}", what, std::system_category().message(error)));
    return (skipped_filters & 1U) == 0;
}

} // namespace ipscore::io
