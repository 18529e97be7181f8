// HDF5 files: checked calls, handles that close themselves, and errors that name file and reason.
//
// Every function here holds one process-wide lock while it is inside the HDF5 library, which works on one
// thread at a time; chunks are coded outside of it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ipscore::io {

/// How the chunks of a column are coded. All three are filters that every HDF5 library brings along.
enum class Codec {
    none,         ///< stored as they are
    scale_offset, ///< integers: min-max bit packing (H5Z_FILTER_SCALEOFFSET)
    deflate,      ///< bytes (H5Z_FILTER_DEFLATE)
};

/// What a new dataset is to hold in the end: one chunk that is full, or any number of chunks.
enum class Growth { any, one_chunk };

enum class ElementType { u8, u16, u32, u64, i32, f32 };

template <class T>
[[nodiscard]] constexpr ElementType element_type_of() noexcept {
    if constexpr (std::is_same_v<T, std::uint8_t>) return ElementType::u8;
    if constexpr (std::is_same_v<T, std::uint16_t>) return ElementType::u16;
    if constexpr (std::is_same_v<T, std::uint32_t>) return ElementType::u32;
    if constexpr (std::is_same_v<T, std::uint64_t>) return ElementType::u64;
    if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::i32;
    if constexpr (std::is_same_v<T, float>) return ElementType::f32;
}
[[nodiscard]] std::size_t bytes_of(ElementType type) noexcept;

/// A dataset as it lies in a file, whatever it holds.
struct DatasetFigures {
    std::string name;    ///< with its groups, such as rows/key
    std::string type;    ///< u8, u16, u32, u64, i32 or f32; "other" for what is none of these
    std::string filters; ///< scale-offset, deflate or none; others by their number
    std::uint64_t values = 0;
    std::uint64_t chunks = 0; ///< 0 where it is not chunked
    std::uint64_t stored_bytes = 0;
    std::uint64_t decoded_bytes = 0;
};

class H5File;

/// An open one-dimensional chunked dataset.
class H5Dataset {
public:
    H5Dataset(H5Dataset&& other) noexcept;
    H5Dataset& operator=(H5Dataset&&) = delete;
    ~H5Dataset();

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t chunk_values() const noexcept { return chunk_values_; }
    [[nodiscard]] std::uint64_t chunks() const noexcept;
    [[nodiscard]] Codec codec() const noexcept { return codec_; }
    [[nodiscard]] ElementType type() const noexcept { return type_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Appends one coded chunk that holds `values` values (fewer than chunk_values only for the last one,
    /// whose coded form is still a whole chunk). Throws EnvironmentError.
    void append_chunk(std::span<const std::byte> coded, std::size_t values);
    /// Reads chunk `chunk` as it is coded. Returns false when its filters were skipped, so that it holds
    /// plain values. Throws InputError when the file is damaged.
    bool read_chunk(std::uint64_t chunk, std::vector<std::byte>& coded) const;

private:
    friend class H5File;
    H5Dataset() = default;
    const H5File* file_ = nullptr;
    std::int64_t id_ = -1;
    std::string name_;
    std::uint64_t size_ = 0;
    std::size_t chunk_values_ = 0;
    Codec codec_ = Codec::none;
    ElementType type_ = ElementType::u8;
    Growth growth_ = Growth::any;
};

/// An HDF5 file, open for reading or newly made. Not to be used by two threads at once; different files may
/// be.
class H5File {
public:
    /// Makes a new file; one that exists is emptied. Throws EnvironmentError.
    [[nodiscard]] static H5File create(const std::filesystem::path& path);
    /// Opens for reading. Throws InputError when the file is missing, no HDF5 file, or truncated.
    [[nodiscard]] static H5File open(const std::filesystem::path& path);
    H5File(H5File&& other) noexcept;
    H5File&
    operator=(H5File&&) = delete; // datasets point to their file: move it before the first one is opened
    ~H5File();

    /// Flushes and closes a file that was made; throws EnvironmentError when the disk is full.
    void close();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    [[nodiscard]] H5Dataset create_dataset(const std::string& name, ElementType type, Codec codec,
                                           std::size_t chunk_values, Growth growth = Growth::any);
    /// Throws InputError when there is none of that name and type.
    [[nodiscard]] H5Dataset open_dataset(const std::string& name, ElementType type) const;
    [[nodiscard]] bool has(const std::string& name) const;
    /// All that there are, by name. Reads none of their values. Throws InputError when the file is damaged.
    [[nodiscard]] std::vector<DatasetFigures> datasets() const;

    /// Attributes of the object `object` ("/" or a dataset).
    void write_attribute(const std::string& object, const std::string& name, std::uint64_t value);
    void write_attribute(const std::string& object, const std::string& name, std::string_view text);
    [[nodiscard]] bool has_attribute(const std::string& object, const std::string& name) const;
    [[nodiscard]] std::uint64_t read_u64(const std::string& object, const std::string& name) const;
    [[nodiscard]] std::string read_text(const std::string& object, const std::string& name) const;

    /// Throws InputError: "<path>: damaged: <fault>".
    [[noreturn]] void damaged(const std::string& fault) const;

private:
    H5File(std::filesystem::path path, std::int64_t id, bool writing);
    std::filesystem::path path_;
    std::int64_t id_ = -1;
    bool writing_ = false;
};

/// To be called once, before any other thread: no error stacks on stderr, no work at exit (after a full disk
/// that would try for ever).
void prepare_hdf5_library();

} // namespace ipscore::io
