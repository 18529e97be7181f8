"""The log records of a run, as logfmt or JSON lines, and as the text that people see."""

import json
import re

FIELDS = ["time", "level", "verb", "rank", "host", "phase", "msg"]
PAIR = re.compile(r'([a-z]+)=("(?:[^"\\]|\\["\\])*"|[^" =\\]+)(?: |\Z)')
TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


def parse_logfmt(line):
    """The fields of a line; fails when it is none."""
    fields, place = {}, 0
    while place < len(line):
        pair = PAIR.match(line, place)
        assert pair, f"no logfmt from character {place} on: {line!r}"
        name, value = pair.groups()
        assert name not in fields, f"{name} twice: {line!r}"
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        fields[name] = int(value) if name in ("rank", "count") else value
        place = pair.end()
    return check(fields, line)


def parse_json(line):
    return check(json.loads(line), line)


def check(fields, line):
    """The same fields everywhere, in the same order."""
    expected = FIELDS + (["count"] if fields.get("level") == "warning" else [])
    assert list(fields) == expected, f"has the fields {list(fields)}: {line!r}"
    assert TIME.match(fields["time"]), line
    assert fields["level"] in ("info", "warning", "error"), line
    assert isinstance(fields["rank"], int) and fields["rank"] >= 0, line
    return fields


def split_log(stderr):
    """The warnings, as records, and the rest as text: what a terminal would show. Lines that are no records stay as they are."""
    warnings, lines = [], []
    for line in stderr.split("\n"):
        if not line.startswith("time="):
            lines.append(line)
            continue
        record = parse_logfmt(line)
        if record["level"] == "warning":
            warnings.append(record)
        else:
            lines.append(text_of(record))
    return warnings, "\n".join(lines)


def text_of(record):
    if record["level"] == "info":
        return record["msg"]
    rank = f"rank {record['rank']}: " if record["rank"] > 0 else ""
    return f"ipscore {record['verb']}: {rank}{record['msg']}"
