#include "random_case.hpp"

#include "random_model.hpp"
#include "random_text.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace ipscore::reference {

namespace {

using std::chrono::days;

class CaseMaker {
public:
    CaseMaker(std::uint64_t seed, Size size)
        : random_(seed * 2 + (size == Size::tiny ? 0 : 1)), size_(size) {}

    Inputs make() {
        model_ = random_model(random_, size_ == Size::tiny ? 6 : 25);
        choose_networks();
        choose_addresses();
        choose_keys();
        Inputs inputs;
        inputs.companies_csv = companies_csv();
        inputs.classification_csv = classification_csv();
        inputs.observations_csv = observations_csv();
        inputs.as_of = model_.command_line_as_of;
        inputs.model_toml = model_.toml("", "");
        const std::vector<std::string> scores = scores_of(inputs);
        const std::string min_score = min_score_line(scores);
        inputs.model_toml = model_.toml(min_score, confident_table(scores));
        return inputs;
    }

private:
    void choose_networks() {
        std::vector<std::string> texts = {"0.0.0.0/0",
                                          "::/0",
                                          "0.0.0.0/1",
                                          "128.0.0.0/1",
                                          "10.0.0.0/8",
                                          "10.0.0.0/9",
                                          "10.128.0.0/9",
                                          "10.0.0.0/24",
                                          "10.0.1.0/24",
                                          "10.0.0.128/25",
                                          "10.0.0.0/31",
                                          "10.0.0.0/32",
                                          "10.0.0.255/32",
                                          "10.0.1.0/32",
                                          "255.255.255.255/32",
                                          "0.0.0.0/32",
                                          "2001:db8::/32",
                                          "2001:db8::/33",
                                          "2001:db8:8000::/33",
                                          "2001:db8::/48",
                                          "2001:db8::/64",
                                          "::fffe:0:0/95",
                                          "2001:db8::/127",
                                          "2001:db8::1/128",
                                          "2001:db8:0:1::/64",
                                          "::/1",
                                          "8000::/1",
                                          "::/128",
                                          "::1/128",
                                          "::/96",
                                          "::/80",
                                          "64:ff9b::/96",
                                          "::1:0:0:0/96",
                                          "ffff::/16",
                                          "2001:0:0:1::/64"};
        random_.shuffle(texts);
        texts.resize(random_.below(size_ == Size::tiny ? 9 : texts.size()));
        std::set<Network> chosen;
        for (const std::string& text : texts) chosen.insert(*parse_network(text));
        const std::size_t more = random_.below(size_ == Size::tiny ? 3 : 40);
        for (std::size_t i = 0; i < more; ++i) {
            Address address = *parse_address(random_.word({"10.0.0.0", "10.0.0.0", "2001:db8::"}));
            for (std::size_t byte = 13; byte < 16; ++byte)
                address[byte] = static_cast<std::uint8_t>(random_.next());
            chosen.insert(masked(address, static_cast<int>(random_.between(100, 128))));
        }
        networks_.assign(chosen.begin(), chosen.end());
        random_.shuffle(networks_);
    }

    static Network masked(Address address, int prefix_bits) {
        for (int bit = prefix_bits; bit < 128; ++bit) set_bit(address, bit, false);
        return {address, prefix_bits};
    }

    static void set_bit(Address& address, int bit, bool on) {
        const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
        std::uint8_t& byte = address[static_cast<std::size_t>(bit / 8)];
        byte = static_cast<std::uint8_t>(on ? byte | mask : byte & ~mask);
    }

    /// The next address up or down, around the ends.
    static Address neighbour(Address address, bool up) {
        for (std::size_t i = 16; i-- > 0;) {
            address[i] = static_cast<std::uint8_t>(address[i] + (up ? 1 : 255));
            if (address[i] != (up ? 0 : 255)) break;
        }
        return address;
    }

    void choose_addresses() {
        const bool single = random_.chance(10);
        const std::size_t count = single ? 1 : 1 + random_.below(size_ == Size::tiny ? 12 : 200);
        for (std::size_t i = 0; i < count; ++i) {
            if (networks_.empty() || random_.chance(25)) {
                addresses_.push_back(*parse_address(random_.word(
                    {"0.0.0.0", "255.255.255.255", "::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                     "::fffe:ffff:ffff", "::1:0:0:0", "::102:304", "1.2.3.4", "192.0.2.7",
                     "2001:db8::1:0:0:1", "2001:0:0:1:0:0:0:1", "2001:db8:1:1:0:1:1:1", "1:2:3:4:5:6:7:0",
                     "0:2:3:4:5:6:7:8", "fe80::1", "64:ff9b::1.2.3.4", "::fffe:1.2.3.4",
                     "2001:db8:a:0:b:0:c:d"})));
                continue;
            }
            const Network& network = random_.pick(networks_);
            Address last = network.first, inside = network.first;
            for (int bit = network.prefix_bits; bit < 128; ++bit) {
                set_bit(last, bit, true);
                set_bit(inside, bit, random_.chance(50));
            }
            addresses_.push_back(random_.pick({network.first, last, inside, inside,
                                               neighbour(network.first, false), neighbour(last, true)}));
        }
    }

    void choose_keys() {
        std::set<std::string> chosen;
        const std::size_t count = 1 + random_.below(size_ == Size::tiny ? 12 : 150);
        for (std::size_t i = 0; i < count; ++i) chosen.insert(random_key(random_));
        keys_.assign(chosen.begin(), chosen.end());
    }

    std::uint32_t millionths() {
        return static_cast<std::uint32_t>(
            random_.pick({std::int64_t{1}, std::int64_t{1'000'000}, std::int64_t{999'999},
                          std::int64_t{500'000}, std::int64_t{333'333}, random_.between(1, 1'000'000)}));
    }

    std::string companies_csv() {
        const std::vector<std::string> names = {
            "ACME",       "acme", "ACME, Inc.", "Ümlaut GmbH",         "The \"Quoted\" Co",
            "Two\nLines", "AC",   "Zeta",       "\xEE\x80\x80 private"};
        const bool with_type = random_.chance(85);
        std::vector<RandomRow> rows;
        for (const Network& network : networks_) {
            RandomRow row{{random_network_text(random_, network), random_.pick(names),
                           random_decimal_text(random_, millionths())}};
            if (with_type) {
                row.fields.push_back(random_.word({"business", "business", "isp", "hosting", "vpn", "mobile",
                                                   "Hosting", "vpn ", "", "a,b"}));
            }
            rows.push_back(row);
        }
        std::vector<std::string> columns = {"network", "company", "confidence"};
        if (with_type) columns.push_back("type");
        return random_csv(random_, columns, rows);
    }

    std::string classification_csv() {
        std::vector<std::tuple<std::string, std::string, std::uint32_t>> entries;
        const int tagged_percent = random_.pick({0, 70, 70, 70, 70, 70, 70, 100, 100, 100, 100});
        for (const std::string& key : keys_) {
            if (!random_.chance(tagged_percent)) continue;
            std::vector<std::string> tags = model_.tags;
            random_.shuffle(tags);
            tags.resize(1 + random_.below(std::min<std::size_t>(tags.size(), 4)));
            for (const std::string& tag : tags) entries.emplace_back(key, tag, millionths());
        }
        if (random_.chance(50)) {
            const std::string& tag = random_.pick(model_.tags);
            entries.emplace_back("a key that nobody saw", tag, millionths());
        }
        if (random_.chance(30)) {
            entries.emplace_back("a key that nobody saw", "a tag of unseen keys", millionths());
        }
        const std::size_t repeats = entries.empty() ? 0 : random_.below(4);
        for (std::size_t i = 0; i < repeats; ++i) {
            const auto again = random_.pick(entries);
            entries.push_back(again);
        }
        std::vector<RandomRow> rows;
        for (const auto& [key, tag, weight] : entries) {
            rows.push_back({{key, tag, random_decimal_text(random_, weight)}});
        }
        random_.shuffle(rows);
        return random_csv(random_, {"key", "tag", "weight"}, rows);
    }

    Day random_day() {
        const int lookback = model_.tag_lookbacks.empty() || random_.chance(60)
                                 ? model_.lookback_days
                                 : random_.pick(model_.tag_lookbacks);
        const auto age = random_.pick({std::int64_t{0}, std::int64_t{1}, std::int64_t{model_.recent_days - 1},
                                       std::int64_t{model_.recent_days}, std::int64_t{lookback - 1},
                                       std::int64_t{lookback}, std::int64_t{-1}, std::int64_t{17},
                                       random_.between(-40, 400), random_.between(0, lookback - 1),
                                       random_.between(0, lookback - 1), random_.between(0, lookback - 1)});
        return std::clamp(model_.as_of - days{age}, *parse_date("2000-01-01"), *parse_date("2099-12-31"));
    }

    std::string random_hits() {
        const std::int64_t largest = 4294967295;
        return std::to_string(
            random_.chance(huge_hits_percent_)
                ? random_.pick({largest, largest, largest - 1, random_.between(1, largest)})
                : random_.pick({std::int64_t{1}, random_.between(1, 9), random_.between(1, 5000)}));
    }

    /// Turns a good row (ip, day, key and perhaps hits) into a bad one.
    void spoil(RandomRow& row) {
        const auto what = random_.below(8);
        if (what == 0) {
            row.fields[0] =
                random_.word({"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "fe80::1%eth0", " 1.2.3.4",
                              "1::2::3", "::ffff:1.2.3", "12345::", "1.2.3.4/32", "host", ":::"});
        } else if (what == 1) {
            row.fields[1] = random_.word({"",
                                          "1999-12-31",
                                          "2100-01-01",
                                          "2023-02-29",
                                          "2024-13-01",
                                          "2024-00-10",
                                          "2024-1-1",
                                          "20240101",
                                          "2024-01-01T10:00:00",
                                          "2024-01-01T24:00:00Z",
                                          "2024-01-01T22:59:60Z",
                                          "2024-01-01T10:00:00+24:00",
                                          "2024-01-01T10:00Z",
                                          "2024-01-01T10:00:00.Z",
                                          "1999-12-31T23:59:59Z",
                                          "2000-01-01T00:30:00+01:00",
                                          "2099-12-31T23:30:00-01:00",
                                          "2024-01-01 ",
                                          "tomorrow",
                                          "2024-01-01T23:59:60+00:01"});
        } else if (what == 2) {
            row.fields[2] = random_.chance(50) ? "" : std::string(1025, 'k');
        } else if (what == 3 && row.fields.size() > 3) {
            row.fields[3] = random_.word(
                {"", "0", "4294967296", "99999999999999999999999", "-1", "1.5", "1e3", " 1", "x"});
        } else {
            row.damage = random_.pick(
                {Damage::missing_field, Damage::extra_field, Damage::quote_inside, Damage::text_after_quote});
        }
    }

    std::vector<std::string> observations_csv() {
        huge_hits_percent_ = random_.pick({0, 3, 30, 100});
        auto rows_left = random_.chance(4)     ? 0
                         : size_ == Size::tiny ? random_.between(0, 60)
                                               : random_.between(61, 2000);
        const int files = static_cast<int>(random_.between(1, 4));
        std::vector<std::string> texts;
        std::vector<std::tuple<Address, Day, std::string>> seen;
        for (int file = files; file > 0; --file) {
            const bool with_hits = random_.chance(80);
            const auto here = file == 1 ? rows_left : random_.between(0, rows_left);
            rows_left -= here;
            std::vector<RandomRow> rows;
            for (std::int64_t i = 0; i < here; ++i) {
                if (seen.empty() || !random_.chance(20)) {
                    // One draw a statement: the order of evaluation in a call is the compiler's.
                    const Address& address = random_.pick(addresses_);
                    const Day day = random_day();
                    seen.emplace_back(address, day, random_.pick(keys_));
                } else {
                    seen.push_back(random_.pick(seen));
                }
                const auto& [address, day, key] = seen.back();
                rows.push_back({{random_address_text(random_, address), random_day_text(random_, day), key}});
                if (with_hits) rows.back().fields.push_back(random_hits());
            }
            if (random_.chance(15)) add_bad_rows(rows, with_hits);
            std::vector<std::string> columns = {"ip", "day", "key"};
            if (with_hits) columns.push_back("hits");
            texts.push_back(random_csv(random_, columns, rows));
            if (random_.chance(3))
                texts.back() += "\n\"never closed,1.2.3.4,2026-11-22,\n1.2.3.4,2026-11-22,1,1\n";
        }
        return texts;
    }

    void add_bad_rows(std::vector<RandomRow>& rows, bool with_hits) {
        const auto bad_rows = random_.pick({1, 2, 5, size_ == Size::tiny ? 3 : 90});
        for (int i = 0; i < bad_rows; ++i) {
            RandomRow row{{random_address_text(random_, random_.pick(addresses_)),
                           random_day_text(random_, random_day()), random_.pick(keys_)}};
            if (with_hits) row.fields.push_back(random_hits());
            spoil(row);
            rows.push_back(row);
        }
        random_.shuffle(rows);
    }

    static std::vector<std::string> scores_of(const Inputs& inputs) {
        std::vector<std::string> scores;
        for (const CsvRow& row : read_csv(score(inputs).scores_csv)) scores.push_back(row.fields[3]);
        scores.erase(scores.begin());
        return scores;
    }

    /// A threshold at or near a score that occurs: equal to it, or only once rounded to f32.
    std::string threshold(const std::vector<std::string>& scores) {
        if (scores.empty() || random_.chance(30))
            return random_.word({"0", "0.0", "1", "50.0", "60", "99.9", "100"});
        std::string text = random_.pick(scores);
        if (text.find('.') != std::string::npos && random_.chance(40)) text += "000000001";
        return text;
    }

    std::string min_score_line(const std::vector<std::string>& scores) {
        return random_.chance(50) ? "" : "min_score = " + threshold(scores) + '\n';
    }

    std::string confident_table(const std::vector<std::string>& scores) {
        if (random_.chance(30)) return "";
        std::string text = "[confident]\n";
        if (random_.chance(70)) text += "min_score = " + threshold(scores) + '\n';
        if (random_.chance(70)) text += "min_keys = " + std::to_string(random_.between(0, 4)) + '\n';
        if (random_.chance(70)) text += "min_days = " + std::to_string(random_.between(0, 4)) + '\n';
        return text;
    }

    Random random_;
    Size size_;
    RandomModel model_;
    int huge_hits_percent_ = 0;
    std::vector<Network> networks_;
    std::vector<Address> addresses_;
    std::vector<std::string> keys_;
};

} // namespace

Inputs random_case(std::uint64_t seed, Size size) { return CaseMaker(seed, size).make(); }

} // namespace ipscore::reference
