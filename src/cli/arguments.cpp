#include "ipscore/cli/arguments.hpp"

#include "ipscore/core/control.hpp"

#include <algorithm>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <fmt/format.h>
#include <numeric>
#include <set>
#include <sstream>
#include <utility>

namespace ipscore::cli {

namespace {

namespace po = boost::program_options;

constexpr unsigned columns = 110;
constexpr int style = po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
                      po::command_line_style::long_allow_next;

/// An option's name for a message, from what Boost calls it.
std::string bare_name(std::string_view boost_name) {
    if (boost_name.starts_with("--")) boost_name.remove_prefix(2);
    return std::string(boost_name.substr(0, boost_name.find('=')));
}

/// Insertions, deletions and replacements that turn one text into the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

/// Appends `word` to the last line of `text`, or to a new one with `indent` spaces when it has no room.
void append_wrapped(std::string& text, const std::string& word, std::size_t indent) {
    const std::size_t line_begin = text.rfind('\n') + 1; // npos + 1 is 0
    if (text.size() - line_begin + 1 + word.size() > columns)
        text += '\n' + std::string(indent, ' ') + word;
    else
        text += ' ' + word;
}

} // namespace

struct Arguments::Given {
    const Option* option = nullptr; ///< nullptr: a plain word
    std::string value;
};

Arguments& Arguments::required(std::string name, std::string value_name, const std::string& help,
                               Reader reader) {
    options_.push_back(
        {std::move(name), std::move(value_name), help + " (required)", Occurs::once, std::move(reader)});
    return *this;
}

Arguments& Arguments::optional(std::string name, std::string value_name, std::string default_text,
                               std::string help, Reader reader) {
    options_.push_back({std::move(name), std::move(value_name),
                        fmt::format("{} (default: {})", help, default_text), Occurs::at_most_once,
                        std::move(reader)});
    return *this;
}

Arguments& Arguments::repeated(std::string name, std::string value_name, const std::string& help,
                               Reader reader, const std::string& default_text) {
    options_.push_back({std::move(name), std::move(value_name),
                        fmt::format("{}; may be repeated (default: {})", help, default_text),
                        Occurs::any_number, std::move(reader)});
    return *this;
}

Arguments& Arguments::several(std::string name, std::string value_name, std::string help,
                              std::string default_text, Reader reader) {
    options_.push_back({std::move(name), std::move(value_name) + "...",
                        fmt::format("{} (default: {})", help, default_text), Occurs::any_number,
                        std::move(reader), true});
    return *this;
}

Arguments& Arguments::flag(std::string name, std::string help, bool& field) {
    options_.push_back({std::move(name), "", std::move(help), Occurs::at_most_once, [&field](const auto&) {
                            field = true;
                            return std::nullopt;
                        }});
    return *this;
}

Arguments& Arguments::word(std::string value_name, std::string help, Reader reader) {
    plain_ = Plain{std::move(value_name), std::move(help), false, false, std::move(reader)};
    return *this;
}

Arguments& Arguments::words(std::string value_name, std::string help, Reader reader) {
    plain_ = Plain{std::move(value_name), std::move(help), true, true, std::move(reader)};
    return *this;
}

Arguments& Arguments::named_words(std::string value_name, std::string help, Reader reader) {
    plain_ = Plain{std::move(value_name), std::move(help), true, false, std::move(reader)};
    return *this;
}

Arguments& Arguments::example(std::string lines) {
    example_ = std::move(lines);
    return *this;
}

Arguments& Arguments::when_stopped(std::string text) {
    when_stopped_ = std::move(text);
    return *this;
}

void Arguments::fail(const std::string& reason) const {
    throw UsageError(
        fmt::format("{}{} see ipscore {} --help", reason, reason.ends_with('?') ? "" : ";", verb_));
}

void Arguments::fail_unknown(const std::string& option) const {
    Words names;
    for (const Option& known : options_) names.push_back(known.name);
    const auto meant = nearest(bare_name(option), names);
    fail(fmt::format("the option {} is unknown{}", option,
                     meant ? fmt::format("; did you mean --{}?", *meant) : ""));
}

const Arguments::Option* Arguments::find(std::string_view name) const {
    const auto found = std::ranges::find(options_, name, &Option::name);
    return found == options_.end() ? nullptr : &*found;
}

/// Boost splits the words into options, their values and plain words; its errors get our wording.
std::vector<Arguments::Given> Arguments::given(const Words& words) const {
    po::options_description known;
    for (const Option& option : options_) {
        if (option.value_name.empty())
            known.add_options()(option.name.c_str(), "");
        else
            known.add_options()(option.name.c_str(), po::value<std::string>(), "");
    }
    // Boost would not tell a file `-x` behind `--` from an option -x before it.
    const auto options_end = std::ranges::find(words, "--");
    // Boost would take `--=x` for the plain word x.
    const auto nameless =
        std::find_if(words.begin(), options_end, [](const auto& word) { return word.starts_with("--="); });
    if (nameless != options_end) fail_unknown(*nameless);

    std::vector<Given> result;
    try {
        const po::parsed_options parsed =
            po::command_line_parser(Words(words.begin(), options_end)).options(known).style(style).run();
        for (const po::option& option : parsed.options) {
            const std::string value = option.value.empty() ? "" : option.value.front();
            if (option.position_key >= 0) {
                if (value.size() > 1 && value.front() == '-') fail_unknown(value);
                const Option* before = result.empty() ? nullptr : result.back().option;
                result.push_back({before != nullptr && before->several ? before : nullptr, value});
                continue;
            }
            // `--table --model m`: the value was forgotten. One that does begin so is written --tag=--model.
            const bool is_next_word = option.original_tokens.size() > 1;
            if (is_next_word && value.starts_with("--"))
                fail(fmt::format("the option --{} needs a value", option.string_key));
            result.push_back({find(option.string_key), value});
        }
    } catch (const po::unknown_option& error) {
        fail_unknown("--" + bare_name(error.get_option_name()));
    } catch (const po::invalid_command_line_syntax& error) {
        const bool is_flag = error.kind() == po::invalid_command_line_syntax::extra_parameter;
        fail(fmt::format("the option --{} {}", bare_name(error.get_option_name()),
                         is_flag ? "takes no value" : "needs a value"));
    } catch (const po::error& error) {
        fail(fmt::format("these options cannot be read ({})", error.what()));
    }
    if (options_end != words.end())
        std::for_each(options_end + 1, words.end(), [&](const auto& word) {
            result.push_back({nullptr, word});
        });
    return result;
}

void Arguments::read(const Reader& reader, const std::string& name, const std::string& value) const {
    if (const auto expected = reader(value))
        fail(fmt::format("{} needs {}, not {}", name, *expected, in_quotes(value)));
}

void Arguments::parse(const Words& words) const {
    std::set<const Option*> seen;
    bool has_plain = false;
    for (const Given& given : given(words)) {
        if (given.option == nullptr) {
            if (!plain_ || (has_plain && !plain_->many))
                fail(fmt::format("the word {} is one too many", in_quotes(given.value)));
            has_plain = true;
            if (given.value.empty()) fail(fmt::format("{} must not be empty", plain_->value_name));
            read(plain_->reader, plain_->value_name, given.value);
            continue;
        }
        const Option& option = *given.option;
        if (!seen.insert(&option).second && option.occurs != Occurs::any_number)
            fail(fmt::format("the option --{} is given twice", option.name));
        if (!option.value_name.empty() && given.value.empty())
            fail(fmt::format("the option --{} needs a value", option.name));
        read(option.reader, "the option --" + option.name, given.value);
    }
    for (const Option& option : options_) {
        if (option.occurs == Occurs::once && !seen.contains(&option))
            fail(fmt::format("the option --{} is missing", option.name));
    }
    if (plain_ && !has_plain) fail(plain_->value_name + " is missing");
}

std::string Arguments::usage() const {
    std::string text = "usage: ipscore " + verb_;
    const std::size_t indent = text.size() + 1;
    for (const Option& option : options_) {
        if (option.occurs == Occurs::once)
            append_wrapped(text, fmt::format("--{} {}", option.name, option.value_name), indent);
    }
    append_wrapped(text, "[options]", indent);
    if (plain_) append_wrapped(text, plain_->value_name + (plain_->any_number ? "..." : ""), indent);
    return text + '\n';
}

std::string Arguments::help() const {
    po::options_description printed("options", columns, columns / 2);
    for (const Option& option : options_) {
        if (option.value_name.empty()) {
            printed.add_options()(option.name.c_str(), option.help.c_str());
        } else {
            printed.add_options()(option.name.c_str(),
                                  po::value<std::string>()->value_name(option.value_name),
                                  option.help.c_str());
        }
    }
    printed.add_options()("help", "print this text");

    std::ostringstream text;
    text << usage() << '\n' << about_ << '\n';
    if (plain_) text << '\n' << plain_->value_name << ": " << plain_->help << '\n';
    text << '\n' << printed << "\nexample:\n" << example_ << "\nexit codes:\n";
    text << (compares_ ? "  0   the same\n  1   different\n" : "  0   done\n");
    text << "  2   bad usage or bad input: running it again will not help\n"
            "  3   the machine failed: disk full, out of memory, a rank or a service lost\n";
    if (!when_stopped_.empty()) text << "  75  stopped on request; " << when_stopped_ << '\n';

    // Boost leaves a space where it breaks a line.
    std::string result = std::move(text).str();
    for (std::size_t at = 0; (at = result.find(" \n", at)) != std::string::npos;) result.erase(at, 1);
    return result;
}

bool asks_for_help(const Words& words) {
    const auto options_end = std::ranges::find(words, "--");
    return std::any_of(words.begin(), options_end,
                       [](const std::string& word) { return word == "--help" || word == "-h"; });
}

std::optional<std::string> nearest(std::string_view word, const Words& candidates) {
    constexpr std::size_t telling_bytes = 4; // a shorter word is close to too many
    std::optional<std::string> best;
    std::size_t best_distance = word.size() < telling_bytes ? 2 : 3;
    for (const std::string& candidate : candidates) {
        const bool shortened = word.size() >= telling_bytes && candidate.starts_with(word);
        const std::size_t distance = shortened ? 0 : edit_distance(word, candidate);
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidate;
    }
    return best;
}

std::string in_quotes(std::string_view value) {
    constexpr std::size_t bytes_max = 200;
    std::string text(value.substr(0, bytes_max));
    if (value.size() > bytes_max) {
        // Not in the middle of a UTF-8 character.
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) text.pop_back();
        if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0U) text.pop_back();
        text += "...";
    }
    std::ranges::replace_if(text, is_control, '?');
    return "'" + text + "'";
}

} // namespace ipscore::cli
