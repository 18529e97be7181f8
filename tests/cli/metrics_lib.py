"""The text format of Prometheus, version 0.0.4."""

import re

SAMPLE = re.compile(r'\A([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,|(?=\})))*)\} (-?[0-9.e+-]+)\Z')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')


def parse_metrics(text):
    """(name, sorted labels) -> value; fails when it is not well-formed."""
    assert text.endswith("\n"), "the last line has no end"
    samples, described, current = {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in described, f"{current} is described twice"
            described.add(current)
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {current} gauge", line
        else:
            sample = SAMPLE.match(line)
            assert sample, f"no sample: {line!r}"
            name, labels, value = sample.groups()
            assert name == current, f"{line!r} comes under {current}"
            key = (name, tuple(sorted((label, re.sub(r"\\(.)", r"\1", text)) for label, text in LABEL.findall(labels))))
            assert key not in samples, f"twice: {line!r}"
            samples[key] = float(value)
    return samples


def value_of(samples, name, **labels):
    """The only sample of that name with these labels."""
    found = [value for (sample, sample_labels), value in samples.items()
             if sample == name and set(labels.items()) <= set(sample_labels)]
    assert len(found) == 1, f"{len(found)} samples of {name} {labels}"
    return found[0]
