#pragma once

#include "random_source.hpp"
#include "reference_text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ipscore::reference {

/// What is wrong with the CSV form of a row whose values may be good.
enum class Damage { none, missing_field, extra_field, quote_inside, text_after_quote };

struct RandomRow {
    std::vector<std::string> fields;
    Damage damage = Damage::none;
};

/// Any of the texts that mean this address.
std::string random_address_text(Random& random, const Address& address);
std::string random_network_text(Random& random, const Network& network);
/// A date, or a timestamp whose UTC date is `day`.
std::string random_day_text(Random& random, Day day);
std::string random_decimal_text(Random& random, std::uint32_t millionths);
/// 1 to 1024 bytes, often awkward ones.
std::string random_key(Random& random);
/// A basic TOML string with its quotes.
std::string toml_string(const std::string& text);
/// A CSV file of the rows, with unknown columns among them, columns shuffled, and line ends, byte order mark,
/// blank lines and needless quotes as it likes.
std::string random_csv(Random& random, const std::vector<std::string>& columns,
                       const std::vector<RandomRow>& rows);

} // namespace ipscore::reference
