// observations.csv of `generate`, a block of rows at a time.
#pragma once

#include "generate_content.hpp"
#include "generate_population.hpp"
#include "generate_random.hpp"

#include "ipscore/core/day.hpp"
#include "ipscore/stages/generate.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace ipscore::stages::generating {

inline constexpr std::uint64_t block_rows = 4'096;
inline constexpr std::size_t timestamp_bytes_max = date_text_bytes + sizeof("T00:00:00.000+00:00") - 1;
inline constexpr std::size_t row_bytes_max =
    address_text_bytes_max + timestamp_bytes_max + key_field_bytes_max + 10 + sizeof(",,,\n") - 1;

/// Makes blocks of rows, each a pure function of the arguments and the number of the block. Refers to what it
/// is made of, all of whose numbers must be filled in.
class RowMaker {
public:
    RowMaker(const GenerateArgs& args, const Population& population, const Content& content);

    /// Writes block_rows lines, fewer in the last block, and returns the end of the text; `out` has room for
    /// block_rows * row_bytes_max. Safe to call from several threads.
    char* make_block(std::uint64_t block, char* out) const;

private:
    struct Visit {
        std::uint64_t address = 0;
        std::uint64_t key = 0;
        std::uint32_t day = 0; ///< counted from the first one
    };

    Visit draw_visit(Random& random, bool of_gateway) const;
    char* put_row(char* out, const Visit& visit, Random& random) const;
    char* put_timestamp(char* out, Day utc_day, Random& random) const;

    const GenerateArgs& args_;
    const Population& population_;
    const Content& content_;
    Day first_day_;
    std::uint64_t gateway_below_; ///< of 2^32
    std::vector<std::array<char, date_text_bytes>> day_texts_;
    std::vector<std::uint32_t> day_draws_; ///< each day as often as it weighs
};

} // namespace ipscore::stages::generating
