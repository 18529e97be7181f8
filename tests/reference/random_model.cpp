#include "random_model.hpp"

#include "random_text.hpp"

#include <algorithm>

namespace ipscore::reference {

namespace {

std::string half_life(Random& random) {
    // 1, 5 and 7 meet ages of exactly 17 half-lives, where the decay is rounded up to 1 from exactly a half.
    return random.word(
        {"30.0", "7.0", "1", "5", "7", "2.5", "0.9", "0.05", "0.001", "1e-9", "365", "1_000_000"});
}

std::string half_saturation(Random& random) {
    return random.word({"50.0", "20", "500.0", "1", "0.5", "3.3333333", "0.000001", "1e6", "5e9", "1e13"});
}

void choose_as_of(Random& random, RandomModel& model) {
    model.as_of =
        *parse_date(random.word({"2026-11-22", "2026-11-22", "2024-02-29", "2024-03-01", "2025-01-01",
                                 "2000-01-01", "2000-01-20", "2099-12-31", "2099-12-30"}));
    const bool in_model = random.chance(80);
    const bool on_command_line = !in_model || random.chance(20);
    if (on_command_line) model.command_line_as_of = format_day(model.as_of);
    if (!in_model) return;
    // Where the command line overrides it, the model's own day must not matter.
    const std::string text = on_command_line ? "2031-05-06" : format_day(model.as_of);
    model.lines.push_back("as_of = " + text + random.word({"", "  # the last day"}));
}

void choose_values(Random& random, RandomModel& model) {
    const auto line = [&](const std::string& text) { model.lines.push_back(text); };
    model.lookback_days = random.pick({2, 3, 8, 30, 90, 90, 128, static_cast<int>(random.between(2, 128))});
    model.recent_days = random.pick({1, model.lookback_days - 1, std::min(7, model.lookback_days - 1),
                                     static_cast<int>(random.between(1, model.lookback_days - 1))});
    // A value may be left out only where it is the default.
    if (model.lookback_days != 90 || random.chance(50)) {
        line("lookback_days = " + std::to_string(model.lookback_days));
    }
    if (model.recent_days != 7 || random.chance(50))
        line("recent_days = " + std::to_string(model.recent_days));
    if (random.chance(75)) line("half_life_days = " + half_life(random));
    if (random.chance(75)) line("half_saturation = " + half_saturation(random));
    if (random.chance(60)) line("company_half_saturation = " + half_saturation(random));
    if (random.chance(60)) {
        line("exclude_types = " + random.word({"[]", "[\"hosting\", \"vpn\"]", "['vpn']", "[\"isp\"]",
                                               "[\"hosting\", \"hosting\", \"no such type\"]",
                                               "[\n  \"business\",\n  \"mobile\",\n]"}));
    }
}

std::vector<std::string> random_overrides(Random& random, RandomModel& model) {
    std::vector<std::string> overrides;
    if (random.chance(50)) {
        const int shortest = model.recent_days + 1;
        const int lookback_days = random.pick(
            {model.lookback_days, shortest, static_cast<int>(random.between(shortest, model.lookback_days))});
        overrides.push_back("lookback_days = " + std::to_string(lookback_days));
        model.tag_lookbacks.push_back(lookback_days);
    }
    if (random.chance(50)) overrides.push_back("half_life_days = " + half_life(random));
    if (random.chance(50)) overrides.push_back("half_saturation = " + half_saturation(random));
    random.shuffle(overrides);
    return overrides;
}

void choose_tags(Random& random, RandomModel& model, std::size_t most_tags) {
    std::vector<std::string> names = {"security",
                                      "cyber security",
                                      "cloud",
                                      "Cloud",
                                      "a",
                                      "a,b",
                                      "say \"hi\"",
                                      "two\nlines",
                                      "données",
                                      "日本",
                                      "a ",
                                      " a",
                                      "tab\t",
                                      "ÿ",
                                      "zz-top",
                                      "A",
                                      "0",
                                      "back\\slash",
                                      std::string(128, 't'),
                                      std::string("nul\0tag", 7),
                                      "a.b",
                                      "'"};
    random.shuffle(names);
    names.resize(1 + random.below(std::min(most_tags, names.size())));
    model.tags = names;

    enum class Form { tables, inline_tables, dotted };
    const Form form = random.pick({Form::tables, Form::inline_tables, Form::dotted});
    names.push_back("a tag of no key");
    for (const std::string& tag : names) {
        if (!random.chance(40)) continue;
        const std::vector<std::string> overrides = random_overrides(random, model);
        if (form == Form::dotted) {
            for (const std::string& one : overrides)
                model.lines.push_back("tags." + toml_string(tag) + '.' + one);
        } else if (form == Form::tables) {
            model.tag_tables += "[tags." + toml_string(tag) + "]\n";
            for (const std::string& one : overrides) model.tag_tables += one + '\n';
        } else {
            if (model.tag_tables.empty()) model.tag_tables = "[tags]\n";
            model.tag_tables += toml_string(tag) + " = {";
            for (std::size_t i = 0; i < overrides.size(); ++i) {
                model.tag_tables += (i > 0 ? ", " : " ") + overrides[i];
            }
            model.tag_tables += " }\n";
        }
    }
}

} // namespace

std::string RandomModel::toml(const std::string& min_score_line, const std::string& confident_table) const {
    std::string text = min_score_line;
    for (const std::string& line : lines) text += line + '\n';
    return text + '\n' + confident_table + tag_tables;
}

RandomModel random_model(Random& random, std::size_t most_tags) {
    RandomModel model;
    choose_as_of(random, model);
    choose_values(random, model);
    random.shuffle(model.lines);
    choose_tags(random, model, most_tags);
    return model;
}

} // namespace ipscore::reference
