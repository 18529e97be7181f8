"""Whole pipelines for the tests of the real program: small inputs, the verbs in order, and the reference
(REFERENCE_BIN, an independent implementation of SPEC) to compare with."""

import os
import random
import re
import subprocess
from pathlib import Path

import h5py

from cli_test_lib import CliTest, ipscore, mpirun, run

AS_OF = "2026-11-22"

CLASSIFICATION = """\
key,tag,weight
shoes.example,shoes,1
shoes.example,fashion,0.25
news.example,"politics, local",.5
"""

COMPANIES = """\
network,company,confidence,type
192.0.2.0/24,"Example, Inc.",0.9,business
192.0.2.128/25,Host,1,hosting
2001:db8::/32,Six,0.5,business
"""

MODEL = """\
as_of = 2026-11-22
lookback_days = 90
half_life_days = 30
exclude_types = ["hosting"]
"""

OBSERVATIONS = """\
ip,day,key,hits
192.0.2.7,2026-11-20,shoes.example,3
192.0.2.7,2026-10-01,news.example,12
192.0.2.200,2026-11-20,shoes.example,5
203.0.113.9,2026-11-22,shoes.example,1
2001:db8::1,2026-11-22T23:59:59Z,news.example,100
"""


def reference_path():
    path = os.environ.get("REFERENCE_BIN")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError("set REFERENCE_BIN to the program reference_score, which the build makes")
    return path


class Inputs:
    """The four files that a pipeline begins with."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.observations = [self.directory / "observations.csv"]
        self.classification = self.directory / "classification.csv"
        self.companies = self.directory / "companies.csv"
        self.model = self.directory / "model.toml"

    def days(self):
        """The days that the model looks back on, as options of prepare."""
        model = self.model.read_text()
        as_of = re.search(r"(?m)^as_of *= *([0-9-]+)", model)
        lookback = re.search(r"(?m)^lookback_days *= *([0-9]+)", model)
        return ["--as-of", as_of.group(1) if as_of else AS_OF, "--lookback-days", lookback.group(1)]

    def write(self, observations=OBSERVATIONS, classification=CLASSIFICATION, companies=COMPANIES, model=MODEL):
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, text in ((self.observations[0], observations), (self.classification, classification),
                           (self.companies, companies), (self.model, model)):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self


def snapshot(directory):
    """What lies in a directory, hidden files too: path -> content; of directories only the path. Without what runs say of
    themselves."""
    directory = Path(directory)
    return {str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if (path.is_dir() or path.is_file()) and "status" not in (path.name, path.parent.name)}


def h5_values(path):
    """All that an HDF5 file says: every dataset with its type and bytes, and the attributes of the file."""
    values = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            values[name] = (item.dtype.str, item[:].tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(add)
        values.update((f"attribute {name}", repr(value)) for name, value in file.attrs.items())
    return values


class PipelineTest(CliTest):
    """Verbs that must succeed, by name. Paths are relative to self.dir; `ranks` runs a verb under mpirun."""

    @classmethod
    def make_origin(cls):
        """For setUpClass: what makes the things that all tests of the class begin with. They lie in cls.origin, which goes with
        the class."""
        maker = PipelineTest("run")
        maker.setUp()
        cls.addClassCleanup(maker.doCleanups)
        cls.origin = maker.dir
        return maker

    def verb(self, *words, ranks=None, **options):
        result = run(mpirun(ranks, *words) if ranks else ipscore(*words), **{"cwd": self.dir, **options})
        self.assert_done(result)
        return result

    def generate(self, name, rows, *options):
        self.verb("generate", "--rows", rows, "--output", name, *options)
        return Inputs(self.dir / name)

    def ingest(self, store, *files):
        return self.verb("ingest", "--store", store, *files)

    @staticmethod
    def prepare_words(store, table, *options):
        return ["prepare", "--store", store, "--output", table, *(options or ("--as-of", AS_OF))]

    def prepare(self, store, table, *options, ranks=None, **more):
        return self.verb(*self.prepare_words(store, table, *options), ranks=ranks, **more)

    @staticmethod
    def score_words(inputs, table, scores, *options):
        return ["score", "--table", table, "--classification", inputs.classification,
                "--companies", inputs.companies, "--model", inputs.model, "--output", scores, *options]

    def score(self, inputs, table, scores, *options, ranks=None, **more):
        return self.verb(*self.score_words(inputs, table, scores, *options), ranks=ranks, **more)

    def export(self, what, *options):
        """The text that export writes to standard output."""
        return self.verb("export", what, "--output", "-", *options).stdout

    def exports(self, table, scores):
        return {"scores": self.export(scores), "companies": self.export(scores, "--companies"),
                "observations": self.export(table)}

    def make_table(self, rows):
        """Made-up inputs, in store/ and in table/."""
        inputs = self.generate("demo", rows)
        self.ingest("store", *inputs.observations)
        self.prepare("store", "table", *inputs.days())
        return inputs

    def pipeline(self, inputs, name, *score_options, ranks=None):
        """Ingests, prepares and scores into directories that begin with `name`; returns what export writes."""
        self.ingest(f"{name}-store", *inputs.observations)
        self.prepare(f"{name}-store", f"{name}-table", *inputs.days(), ranks=ranks)
        self.score(inputs, f"{name}-table", f"{name}-scores", *score_options, ranks=ranks)
        return self.exports(f"{name}-table", f"{name}-scores")

    def reference(self, inputs, *options):
        """What the reference makes of the inputs, which it reads itself. It knows no compression."""
        out = {name: self.dir / f"reference-{name}.csv" for name in ("scores", "companies", "observations")}
        command = [reference_path(), "--classification", inputs.classification, "--companies", inputs.companies,
                   "--model", inputs.model, "--scores", out["scores"], "--companies-out", out["companies"],
                   "--observations-out", out["observations"], *options]
        for file in inputs.observations:
            command += ["--observations", file]
        done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, check=False, timeout=300)
        if done.returncode != 0:
            self.fail(f"the reference fails: {done.stderr.decode(errors='replace')}")
        return {name: path.read_bytes().decode(errors="surrogateescape") for name, path in out.items()}

    def assert_same_exports(self, ours, theirs, what):
        for name, text in theirs.items():
            self.assert_same_text(ours[name], text, f"{what}: {name}")

    def assert_same_text(self, ours, theirs, what):
        """As assertEqual, but names the first line that differs instead of printing all of them."""
        if ours == theirs:
            return
        our_lines, their_lines = ours.split("\n"), theirs.split("\n")
        for number, (our_line, their_line) in enumerate(zip(our_lines, their_lines), 1):
            if our_line != their_line:
                self.fail(f"{what} differs in line {number}:\n  is        {our_line!r}\n  should be {their_line!r}")
        self.fail(f"{what} has {len(our_lines)} lines and should have {len(their_lines)}")

    def assert_unchanged(self, directory, before):
        """The directory is as snapshot() found it; names what differs."""
        after = snapshot(self.dir / directory)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name, 0) != after.get(name, 0))
        self.assertEqual(changed, [], f"made, removed or changed in {directory}")

    def assert_no_litter(self, directory):
        """Neither temporary files nor a lock are left."""
        hidden = [path.name for path in (self.dir / directory).rglob(".*")]
        self.assertEqual(hidden, [], f"left behind in {directory}")


def write_nasty_inputs(directory, seed, rows=3000):
    """Small inputs with every feature of SPEC, some of it rare: IPv6 and mapped addresses, timestamps of other
    zones, keys of any bytes, equal observations, hits at their limit, nested and excluded networks, overrides."""
    random_ = random.Random(seed)

    def quoted(data):
        return b'"' + data.replace(b'"', b'""') + b'"' if any(c in data for c in b',"\r\n') else data

    def csv(header, lines):
        return header + b"\n" + b"".join(b",".join(map(quoted, line)) + b"\n" for line in lines)

    addresses = [f"192.0.2.{i}" for i in range(0, 256, 5)] + [f"10.{i}.0.1" for i in range(8)]
    addresses += [f"::ffff:192.0.2.{i}" for i in range(0, 256, 10)] + ["::ffff:c000:200", "0.0.0.0", "255.255.255.255"]
    addresses += [f"2001:db8::{i:x}" for i in range(40)] + ["2001:DB8:0:0:0:0:0:7", "::1", "::", "ffff::", "64:ff9b::1.2.3.4"]
    keys = [b"shoes.example", b"a,b", b'say "hi"', b"two\nlines", b" spaces ", "für.example/ü".encode(), b"\xff\xfe\x00\x01",
            b"x" * 1024, b"Shoes.example", b"\xee\x80\x80"] + [b"key%d" % i for i in range(30)]
    tags = [b"shoes", "männer".encode(), b"cyber security", b'a "tag", of all', b"\xf0\x9f\x98\x80", b"t" * 128, b"Shoes"]
    days = [f"2026-{month:02}-{day:02}" for month in (7, 8, 9, 10, 11, 12) for day in range(1, 29)]
    times = ["", "", "", "T00:30:00+01:00", "T23:30:00-01:00", "t12:00:00z", " 23:59:60Z", "T01:02:03.456789Z"]

    observations = []
    for _ in range(rows):
        day = random_.choice(days)
        hits = random_.choice(["1", "2", "7", "0100", "4294967295", str(random_.randrange(1, 10**6))])
        observations.append([random_.choice(addresses).encode(), (day + random_.choice(times)).encode(),
                             random_.choice(keys), hits.encode()])
    observations += random_.choices(observations, k=rows // 10)
    random_.shuffle(observations)

    weights = {(key, tag): f"{random_.randrange(1, 10**6 + 1) / 10**6:.6f}".encode()
               for key in random_.sample(keys, 30) for tag in random_.sample(tags, random_.randrange(1, 5))}
    classification = [[key, tag, weight] for (key, tag), weight in weights.items()]
    classification += random_.choices(classification, k=5)
    classification.append([b"a key that nobody saw", b"a tag of no observation", b"1.0000000"])

    networks = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.64/26", "192.0.2.128/25", "192.0.2.130/32", "10.0.0.0/8",
                "10.2.0.0/15", "2001:db8::/32", "2001:db8::/122", "::/128", "::ffff:10.3.0.0/112"]
    names = [b"Example, Inc.", b"ACME", b"acme", 'Grün & "Co"'.encode(), b"Zeta"]
    companies = [[network.encode(), random_.choice(names), random_.choice([b"1", b".333333", b"0.000001", b"0.75"]),
                  random_.choice([b"business", b"business", b"isp", b"hosting", b"vpn", b"VPN", b""])]
                 for network in random_.sample(networks, 8)]

    model = f"""\
as_of = 2026-11-{random_.randrange(1, 29):02}
lookback_days = {random_.choice([60, 90, 128])}
{random_.choice(["", "half_life_days = 30", "half_life_days = 0.5"])}
recent_days = {random_.choice([1, 7, 20])}
half_saturation = {random_.choice([0.001, 50, 1e9])}
company_half_saturation = {random_.choice([1, 500.5])}
min_score = {random_.choice([0, 0.5, 50])}
exclude_types = ["hosting", "vpn"]
[confident]
min_score = {random_.choice([0.25, 60])}
min_keys = {random_.choice([0, 1, 3])}
min_days = 2
[tags."cyber security"]
lookback_days = {random_.choice([21, 30])}
half_life_days = 7.5
[tags.shoes]
half_saturation = 1
[tags."\U0001f600"]
lookback_days = 60
half_life_days = 1000
half_saturation = 7
"""
    return Inputs(directory).write(csv(b"ip,day,key,hits", observations), csv(b"key,tag,weight", classification),
                                   csv(b"network,company,confidence,type", companies), model)
