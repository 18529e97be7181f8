#!/usr/bin/python3
"""docs/operating.md lists every message with which a run warns or ends: whatever is thrown or warned of in src is there."""

import os
import re
import unittest
from pathlib import Path

PROJECT = Path(os.environ.get("PROJECT_DIR", Path(__file__).resolve().parents[2]))
DOCUMENT = PROJECT / "docs" / "operating.md"

# What begins a message: a throw, a warning, or a function that throws one.
SITE = re.compile(r"(?:throw (?:\w+::)*(?:InputError|EnvironmentError|Interrupted|AgreedError|UsageError|BadManifest|Reserved)|"
                  r"return (?:InputError|EnvironmentError)|\bAgreedError|"
                  r"\bwarning|\bwarn_once|\bdamaged|\bfail|\bfail_unknown|\bbad|\bcannot_\w+|\bsystem_message|\bend)\(")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def arguments_from(source, place):
    """The text from an opening bracket to the one that closes it."""
    depth, in_string = 0, False
    for at in range(place, len(source)):
        character = source[at]
        if character == '"' and source[at - 1] != "\\":
            in_string = not in_string
        elif not in_string:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0:
                return source[place:at]
    return source[place:]


def phrases(text):
    """The pieces of its string literals between placeholders that are more than a word or two. Literals behind one another are one."""
    joined = re.sub(r'"\s*\n\s*"', "", text)
    for literal in LITERAL.findall(joined):
        for piece in re.split(r"\{[^{}]*\}", literal):
            piece = re.sub(r"\s+", " ", piece.replace('\\"', '"')).strip(" :;,()")
            if len(re.findall(r"[A-Za-z-]{2,}", piece)) >= 3:
                yield piece


def messages():
    """(file, line, phrase) of every site."""
    for path in sorted((PROJECT / "src").rglob("*.?pp")):
        source = path.read_text()
        for site in SITE.finditer(source):
            line = source.count("\n", 0, site.start()) + 1
            for phrase in phrases(arguments_from(source, site.end() - 1)):
                yield path.relative_to(PROJECT), line, phrase


class OperatingTest(unittest.TestCase):
    def test_every_message_is_listed(self):
        document = re.sub(r"\s+", " ", DOCUMENT.read_text().replace("\\|", "|"))
        found = list(messages())
        self.assertGreater(len(found), 100, "the search for messages finds too few")
        missing = [f"{path}:{line}: {phrase}" for path, line, phrase in found if phrase not in document]
        self.assertEqual(missing, [], "not in docs/operating.md:\n" + "\n".join(missing))


if __name__ == "__main__":
    unittest.main()
