// The options of a verb, declared once: for reading its words and for its --help.
#pragma once

#include "ipscore/core/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipscore::cli {

/// What stands behind the verb on the command line.
using Words = std::vector<std::string>;

/// Bad usage (exit code 2). `what()` says what is wrong, and which help to read.
struct UsageError : InputError {
    using InputError::InputError;
};

/// Takes the value of an option into Args. Returns nothing when it could, and otherwise what it expected,
/// such as "a day (YYYY-MM-DD)".
using Reader = std::function<std::optional<std::string>(const std::string& value)>;

/// A verb's options and plain words, with the fields of Args that their values go to. A value is the next
/// word or follows `=`; `--` ends the options; names are never abbreviated.
class Arguments {
public:
    /// `about` is one paragraph of lines of at most 110 characters.
    Arguments(std::string verb, std::string about) : verb_(std::move(verb)), about_(std::move(about)) {}

    Arguments& required(std::string name, std::string value_name, const std::string& help, Reader reader);
    /// `default_text` is what the help calls the default.
    Arguments& optional(std::string name, std::string value_name, std::string default_text, std::string help,
                        Reader reader);
    /// May come any number of times.
    Arguments& repeated(std::string name, std::string value_name, const std::string& help, Reader reader,
                        const std::string& default_text = "all");
    /// Takes the words behind it too, up to the next option, and may come any number of times: what a shell
    /// makes of a pattern.
    Arguments& several(std::string name, std::string value_name, std::string help, std::string default_text,
                       Reader reader);
    Arguments& flag(std::string name, std::string help, bool& field);
    /// The one plain word, which must be there.
    Arguments& word(std::string value_name, std::string help, Reader reader);
    /// The plain words, of which there must be one at least.
    Arguments& words(std::string value_name, std::string help, Reader reader);
    /// The same where the verb takes so many of them as `value_name` names.
    Arguments& named_words(std::string value_name, std::string help, Reader reader);
    /// Lines for the help: commands to copy.
    Arguments& example(std::string lines);
    /// The help tells of exit code 1, which is the verb's for two things that differ.
    Arguments& compares() {
        compares_ = true;
        return *this;
    }
    /// What the help says about exit code 75; without it the verb has no such code.
    Arguments& when_stopped(std::string text);

    /// Reads all words into Args. Throws UsageError.
    void parse(const Words& words) const;
    /// The text of --help, with lines of at most 110 characters.
    [[nodiscard]] std::string help() const;

private:
    enum class Occurs { once, at_most_once, any_number };
    struct Option {
        std::string name;
        std::string value_name; ///< empty: a flag
        std::string help;
        Occurs occurs = Occurs::at_most_once;
        Reader reader;
        bool several = false; ///< words behind its value are more of them
    };
    struct Plain {
        std::string value_name;
        std::string help;
        bool many = false;
        bool any_number = false; ///< of many
        Reader reader;
    };
    struct Given; // a word of the command line that has been understood

    [[nodiscard]] std::vector<Given> given(const Words& words) const;
    [[nodiscard]] const Option* find(std::string_view name) const;
    void read(const Reader& reader, const std::string& name, const std::string& value) const;
    [[nodiscard]] std::string usage() const;
    [[noreturn]] void fail(const std::string& reason) const;
    [[noreturn]] void fail_unknown(const std::string& option) const;

    std::string verb_;
    std::string about_;
    std::string example_;
    std::string when_stopped_;
    bool compares_ = false;
    std::vector<Option> options_;
    std::optional<Plain> plain_;
};

/// True when `words` ask for help, whatever else they hold.
[[nodiscard]] bool asks_for_help(const Words& words);

/// The candidate that a mistyped or shortened `word` most likely means, if any comes close.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, const Words& candidates);

/// `'value'` for a message: on one line, and not too long for it.
[[nodiscard]] std::string in_quotes(std::string_view value);

} // namespace ipscore::cli
