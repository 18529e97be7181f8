// The packed file must hold just what index and parts hold, for readers that know nothing of ipscore.
#include "export_inputs.hpp"

#include "ipscore/core/error.hpp"
#include "ipscore/io/column.hpp"
#include "ipscore/io/strings.hpp"

#include <array>

namespace ipscore::stages {
namespace {

using io::H5File;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Pack : public ExportTest {
protected:
    Pack() {
        write_small_scores(directory / "scores");
        write_small_table(directory / "table");
    }
    [[nodiscard]] ExportArgs packing(const std::string& input) const {
        ExportArgs asked = args(input);
        asked.output = directory / "out.h5";
        return asked;
    }
};

template <class T>
void expect_parts_joined(const H5File& packed, const std::filesystem::path& input, std::size_t parts,
                         const char* name) {
    std::vector<T> joined;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto values = io::read_column<T>(H5File::open(input / io::format::part_name(part)), name);
        joined.insert(joined.end(), values.begin(), values.end());
    }
    EXPECT_EQ(io::read_column<T>(packed, name), joined) << name;
}

void expect_parts_joined(const H5File& packed, const std::filesystem::path& input, std::size_t parts,
                         const io::ColumnName& column) {
    switch (column.type) {
    case io::ElementType::u8:
        return expect_parts_joined<std::uint8_t>(packed, input, parts, column.name);
    case io::ElementType::u16:
        return expect_parts_joined<std::uint16_t>(packed, input, parts, column.name);
    case io::ElementType::u32:
        return expect_parts_joined<std::uint32_t>(packed, input, parts, column.name);
    case io::ElementType::u64:
        return expect_parts_joined<std::uint64_t>(packed, input, parts, column.name);
    case io::ElementType::i32:
        return expect_parts_joined<std::int32_t>(packed, input, parts, column.name);
    case io::ElementType::f32:
        return expect_parts_joined<float>(packed, input, parts, column.name);
    }
}

TEST_F(Pack, joins_the_columns_of_scores) {
    const ExportArgs asked = packing("scores");
    report = run(asked);
    EXPECT_EQ(report.rows, 4U);
    EXPECT_EQ(report.bytes, std::filesystem::file_size(asked.output));
    EXPECT_EQ(left_over(), std::vector<std::string>{"out.h5"});

    const H5File packed = H5File::open(asked.output);
    io::check_format(packed, io::format::packed_scores);
    for (const io::ColumnName& column : io::scores_columns) {
        if (std::string_view(column.name).starts_with("evidence/")) {
            EXPECT_FALSE(packed.has("evidence"));
            continue;
        }
        expect_parts_joined(packed, asked.input, 3, column);
        io::verify_column(packed, column.name, column.type);
    }
    const H5File index = H5File::open(asked.input / "index.h5");
    for (const auto* name : {io::format::tags, io::format::companies, io::format::network_types})
        EXPECT_EQ(io::read_strings(packed, name), io::read_strings(index, name)) << name;
    EXPECT_EQ(io::read_text(packed, io::format::description), io::read_text(index, io::format::description));
    using io::read_column;
    EXPECT_EQ(read_column<std::uint64_t>(packed, "networks/first_hi"),
              (std::vector<std::uint64_t>{0, 0x2001'0db8'0000'0000}));
    EXPECT_EQ(read_column<std::uint8_t>(packed, "networks/prefix_length"),
              (std::vector<std::uint8_t>{120, 32}));
    EXPECT_EQ(read_column<std::uint32_t>(packed, "networks/confidence_millionths"),
              (std::vector<std::uint32_t>{900'000, 1'000'000}));
    EXPECT_EQ(read_column<std::uint32_t>(packed, "company_rows/tag"), (std::vector<std::uint32_t>{0, 1, 1}));
    EXPECT_EQ(read_column<float>(packed, "company_rows/score"), (std::vector<float>{12.5F, 50.0F, 0.1F}));
    EXPECT_EQ(read_column<std::uint64_t>(packed, "company_rows/raw"),
              (std::vector<std::uint64_t>{6000, 18446744073709551615U, 1}));
}

TEST_F(Pack, joins_the_columns_of_a_table) {
    const ExportArgs asked = packing("table");
    EXPECT_EQ(run(asked).rows, 5U);
    const H5File packed = H5File::open(asked.output);
    io::check_format(packed, io::format::packed_table);
    for (const io::ColumnName& column : io::table_columns)
        expect_parts_joined(packed, asked.input, 2, column);
    const H5File index = H5File::open(asked.input / "index.h5");
    EXPECT_EQ(io::read_strings(packed, "dictionary"), io::read_strings(index, "dictionary"));
    EXPECT_EQ(io::read_text(packed, "description"), io::read_text(index, "description"));
}

TEST_F(Pack, joins_parts_of_many_chunks) {
    io::TableIndex index;
    index.dictionary.push_back("key");
    std::vector<ObservedPart> parts(3);
    for (std::uint32_t i = 0; i < 100000; ++i)
        parts[i / 34000].push_back({to_string(address_of_ipv4(i)), {{"2026-11-05", 0, i + 1}}});
    write_table(directory / "many", index, parts);
    const ExportArgs asked = packing("many");
    EXPECT_EQ(run(asked).rows, 100000U);
    const H5File packed = H5File::open(asked.output);
    for (const io::ColumnName& column : io::table_columns)
        expect_parts_joined(packed, asked.input, 3, column);
}

TEST_F(Pack, packs_what_is_empty) {
    io::ScoresIndex scores;
    write_scores(directory / "no scores", scores, {});
    EXPECT_EQ(run(packing("no scores")).rows, 0U);
    EXPECT_TRUE(io::read_column<float>(H5File::open(directory / "out.h5"), "rows/score").empty());
    io::TableIndex table;
    write_table(directory / "no table", table, {{}});
    EXPECT_EQ(run(packing("no table")).rows, 0U);
    EXPECT_TRUE(io::read_column<std::uint32_t>(H5File::open(directory / "out.h5"), "rows/key").empty());
}

TEST_F(Pack, can_be_read_with_plain_h5py) {
    if (std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) GTEST_SKIP() << "no h5py";
    run(packing("scores"));
    std::ofstream(directory / "read.py") << R"(
import h5py, sys
with h5py.File(sys.argv[1], "r") as file:
    print(file.attrs["format"].decode() if isinstance(file.attrs["format"], bytes) else file.attrs["format"])
    strings = lambda name: [bytes(file[name + "/bytes"][a:b]).decode()
                            for a, b in zip(file[name + "/offsets"][:-1], file[name + "/offsets"][1:])]
    tags, companies = strings("tags"), strings("companies")
    row = 0
    for hi, lo, company, rows in zip(*(file["addresses/" + name][:] for name in ("hi", "lo", "company", "rows"))):
        for row in range(row, row + int(rows)):
            values = [file["rows/" + name][row] for name in ("score", "surge", "confident", "hits", "keys", "days",
                                                             "first_day", "last_day", "raw")]
            print(hex(int(hi)), hex(int(lo)), companies[company] if company != 2**32 - 1 else "-",
                  tags[file["rows/tag"][row]], *values, sep="|")
        row += 1
)";
    EXPECT_EQ(
        output_of("/usr/bin/python3 " + (directory / "read.py").string() + " " +
                  (directory / "out.h5").string()),
        "ipscore scores\n"
        "0x0|0xffff01020304|Acme, Inc.|a,b|12.5|0.25|0|7|2|3|20758|20766|6553600\n"
        "0x0|0xffff01020304|Acme, Inc.|plain|99.99999|inf|1|18446744073709551615|4294967295|128|20652|20779|"
        "18446744073709551615\n"
        "0x0|0xffff09090909|-|say \"hi\"|0.1|0.0|0|1|1|1|20758|20758|1\n"
        "0x20010db800000000|0x1|Beta|plain|60.0|1e-07|1|2|2|2|10957|47481|3\n");
}

TEST_F(Pack, takes_no_filters) {
    ExportArgs asked = packing("scores");
    asked.tags = {"plain"};
    EXPECT_EQ(refusal<InputError>(asked),
              "--tag does not fit: an .h5 file packs everything; export CSV to narrow it");
    asked = packing("scores");
    asked.companies = true;
    EXPECT_THAT(refusal<InputError>(asked), StartsWith("--companies does not fit: "));
    asked = packing("table");
    asked.networks = {network_of("1.0.0.0/8")};
    EXPECT_THAT(refusal<InputError>(asked), StartsWith("--ip does not fit: "));
}

TEST_F(Pack, never_touches_its_input) {
    ExportArgs asked = packing("scores");
    asked.output = directory / "scores" / "index.h5";
    EXPECT_THAT(refusal<InputError>(asked), HasSubstr("it lies in the directory that is exported"));
    asked.output = "/dev/null/../null.h5";
    EXPECT_THROW(run(asked), EnvironmentError);
}

TEST_F(Pack, leaves_nothing_behind_when_a_part_is_damaged_or_missing) {
    for (const std::string input : {"scores", "table"}) {
        const auto part = directory / input / "part-00000.h5";
        std::filesystem::resize_file(part, std::filesystem::file_size(part) - 100);
        EXPECT_THAT(refusal<InputError>(packing(input)), HasSubstr(part.string()));
        std::filesystem::remove(part);
        EXPECT_THAT(refusal<InputError>(packing(input)), HasSubstr(part.string()));
    }
}

} // namespace
} // namespace ipscore::stages
