"""Measures and writes docs/performance.md; see performance.sh."""

import argparse
import datetime
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

from runs import Run, machine, median, mpirun, phases_of, remove

AS_OF = "2026-11-22"
DAY_BEFORE = "2026-11-21"
LOOKBACK = 90

# What a current analytical SQL engine takes for the same scoring join on two cores, and the bare kernel on columns in memory
# there: (seconds of the engine, seconds of the kernel, threads of the kernel).
REFERENCE = {"S": (17.0, 0.42, 1), "L": (229.0, 5.8, 2)}
SIZES = {
    "S": ["--rows", "8.4M", "--addresses", "600k", "--keys", "200k", "--tags", "100"],
    "L": ["--rows", "100M", "--addresses", "5M", "--keys", "1M", "--tags", "300"],
}


def rows_of(name):
    return float(SIZES[name][1].removesuffix("M")) * 1e6


class Bench:
    def __init__(self, args):
        self.bin = args.bin
        self.dir = args.dir
        self.runs = args.runs
        self.cores = min(2, len(os.sched_getaffinity(0)))

    def runs_of(self, name):
        """L takes too long for as many."""
        return min(3, self.runs) if name == "L" else self.runs

    def ipscore(self, *words, ranks=0):
        return Run([*mpirun(ranks), self.bin / "ipscore", *words]).check()

    def data(self, name, *options):
        """Data, store and table of that name, made when they are missing."""
        base = self.dir / name
        if not (base / "table/index.h5").exists():
            remove(base)
            self.ipscore("generate", *options, "--output", base / "data")
            self.ipscore("ingest", "--store", base / "store", base / "data/observations.csv")
            self.ipscore(*self.prepare_words(base), "--output", base / "table")
        return base

    @staticmethod
    def prepare_words(base, as_of=AS_OF):
        return ["prepare", "--store", base / "store", "--as-of", as_of, "--lookback-days", LOOKBACK]

    def score_words(self, base, companies=None):
        data = base / "data"
        return ["score", "--table", base / "table", "--classification", data / "classification.csv", "--companies",
                companies or data / "companies.csv", "--model", data / "model.toml"]

    def once(self, words, output, ranks=0):
        """One run into a fresh output: seconds, peak MiB, and seconds per phase."""
        remove(output)
        seconds = self.ipscore(*words, "--output", output, ranks=ranks).seconds
        if not (output / "run.json").exists():
            return seconds, 0, {}
        record = json.loads((output / "run.json").read_text())
        return seconds, max(rank["peak_memory_bytes"] for rank in record["ranks"]) / 2**20, phases_of(output)

    def in_turn(self, jobs):
        """Median seconds of each of `jobs`, name: (words, output, ranks), each run once before any is run again, so that none has the better hours of
        the machine."""
        seconds = {name: [] for name in jobs}
        for _ in range(self.runs):
            for name, (words, output, ranks) in jobs.items():
                seconds[name].append(self.once(words, output, ranks)[0])
        return {name: median(values) for name, values in seconds.items()}

    def google(self, program, *words):
        """Results of a google-benchmark program, by name."""
        out = self.dir / "benchmark.json"
        subprocess.run([self.bin / program, *map(str, words), f"--benchmark_out={out}", "--benchmark_out_format=json"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results = {}
        for entry in json.loads(out.read_text())["benchmarks"]:
            if entry.get("run_type") == "iteration":
                results.setdefault(entry["run_name"], []).append(entry)
        return results


def launch_words(bench):
    """A score that is hardly more than its start: a table of a thousand rows."""
    base = bench.data("launch", "--rows", "1k", "--addresses", "100", "--keys", "100", "--tags", "10")
    return bench.score_words(base), base / "scores"


@functools.cache
def rounds_of(bench, name):
    """Rounds of measuring what belongs together: the whole process and its launch, by (threads, ranks); phases and peak memory of the process; and each
    of its steps alone. What is derived of them is derived of each round, for the machine is not the same from one minute to the next."""
    base = bench.data(name, *SIZES[name])
    words, output = bench.score_words(base), base / "scores"
    started_words, started_output = launch_words(bench)
    rounds = []
    for _ in range(bench.runs_of(name)):
        measured = {"whole": {}, "launch": {}}
        for ranks, threads in ((0, bench.cores), (1, 1), (2, 1)):
            seconds, peak, phases = bench.once([*words, "--threads", threads], output, ranks)
            measured["whole"][ranks] = seconds - phases.get("flush", 0)
            measured["launch"][ranks] = bench.once([*started_words, "--threads", threads], started_output, ranks)[0]
            if ranks == 0:
                measured["peak"], measured["phases"] = peak, phases
        steps = bench.google("score_bench", base)
        measured["steps"] = {(step.split("/")[0], int(step.split("threads:")[1].split("/")[0])): median([entry["real_time"] for entry in entries]) / 1e3
                             for step, entries in steps.items()}
        rounds.append(measured)
    return rounds


def score_section(bench, sizes):
    cores = bench.cores
    lines = ["## Score", "", "Whole process, all columns, company evidence included, beside its steps measured alone on the same cores "
             f"({cores} threads). Launch: the whole process on a table of a thousand rows. The rest of the process is reading "
             "classification, companies and model, adding up the companies, and writing the index.", ""]
    lines += ["| | " + " | ".join(sizes) + " |", "| --- |" + " ---: |" * len(sizes)]

    def row(title, text, value):
        lines.append(f"| {title} | " + " | ".join(text.format(median([value(measured, name) for measured in rounds_of(bench, name)])) for name in sizes) + " |")

    def alone(measured):
        return measured["launch"][0] + sum(measured["steps"][step, cores] for step in ("decode", "kernel", "encode"))

    def scaled(measured, name):
        engine, kernel, threads = REFERENCE[name]
        return engine * measured["steps"]["bare_kernel", threads] / kernel

    row("launch", "{:.2f} s", lambda measured, _: measured["launch"][0])
    for step in ("decode", "kernel", "encode"):
        row(step, "{:.2f} s", lambda measured, _, step=step: measured["steps"][step, cores])
    row("**sum of these**", "**{:.2f} s**", lambda measured, _: alone(measured))
    row("**whole process, without fsync**", "**{:.2f} s**", lambda measured, _: measured["whole"][0])
    row("whole process / sum", "{:.2f}", lambda measured, _: measured["whole"][0] / alone(measured))
    for phase in ("check", "score", "companies", "index"):
        row(f"of it {phase}", "{:.2f} s", lambda measured, _, phase=phase: measured["phases"].get(phase, 0))
    row("fsync of the parts", "{:.2f} s", lambda measured, _: measured["phases"].get("flush", 0))
    row("peak memory", "{:.0f} MiB", lambda measured, _: measured["peak"])
    row("kernel, 1 thread", "{:.2f} s", lambda measured, _: measured["steps"]["kernel", 1])
    row("bare kernel, 1 thread", "{:.2f} s", lambda measured, _: measured["steps"]["bare_kernel", 1])
    row(f"bare kernel, {cores} threads", "{:.2f} s", lambda measured, _: measured["steps"]["bare_kernel", cores])
    row("SQL engine, scaled to this machine by the bare kernel", "{:.0f} s", scaled)
    row("**times faster**", "**{:.0f}**", lambda measured, name: scaled(measured, name) / measured["whole"][0])
    lines += ["", "The bare kernel is the plainest loop over the same columns in memory, without companies (`tests/bench/score_bench.cpp`).", ""]
    return lines


def ingest_section(bench):
    base = bench.data("S", *SIZES["S"])
    text = (base / "data/observations.csv").stat().st_size / 1e6
    lines = ["## Ingest", "", f"{text:.0f} MB of CSV into one sorted segment, whole process, fsync included.", "",
             "| threads | seconds | MB/s | MB/s a core |", "| ---: | ---: | ---: | ---: |"]
    seconds = {threads: [] for threads in sorted({1, bench.cores})}
    for _ in range(bench.runs):
        for threads, values in seconds.items():
            remove(base / "again")
            values.append(bench.ipscore("ingest", "--store", base / "again", "--threads", threads, base / "data/observations.csv").seconds)
    remove(base / "again")
    for threads, values in seconds.items():
        lines.append(f"| {threads} | {median(values):.2f} | {text / median(values):.0f} | {text / median(values) / threads:.0f} |")
    parser = bench.google("parser_bench")
    speed = {name: median([entry["bytes_per_second"] for entry in entries]) / 1e6 for name, entries in parser.items()}
    lines += ["", f"Over the same kind of text, one core: memchr finds the lines at {speed['memchr_finds_lines']:.0f} MB/s, rows are split into fields at "
              f"{speed['csv_splits_rows']:.0f} MB/s, and observations are parsed, with their keys numbered, at "
              f"{speed['observations_are_parsed']:.0f} MB/s.", ""]
    return lines


def prepare_section(bench):
    merge = bench.google("merge_bench", f"--benchmark_repetitions={bench.runs}", "--benchmark_enable_random_interleaving=true")
    rows = {}
    for name, entries in merge.items():
        kind, fan_in = name.split("/fan_in:")
        rows.setdefault(int(fan_in), {})[kind] = median([entry["items_per_second"] for entry in entries]) / 1e6
    lines = ["## Prepare", "", "Segments merged into a part, file to file, beside a merge of the same rows from arrays in memory; one core, million rows a "
             "second.", "", "| segments | in memory | file to file | share |", "| ---: | ---: | ---: | ---: |"]
    for fan_in, speeds in sorted(rows.items()):
        memory, files = speeds["rows_in_memory"], speeds["segments_are_merged"]
        lines.append(f"| {fan_in} | {memory:.1f} | {files:.1f} | {files / memory:.2f} |")
    return [*lines, ""]


def heavy_section(bench):
    lines = ["## One address with 30 % of all observations", "", "The same number of rows with and without it, on 2 ranks of one thread.", "",
             "| | even | heavy | ratio |", "| --- | ---: | ---: | ---: |"]
    jobs = {}
    for name, options in (("S", SIZES["S"]), ("heavy", [*SIZES["S"], "--gateway-share", "0.3"])):
        base = bench.data(name, *options)
        jobs["prepare", name] = [*bench.prepare_words(base), "--threads", 1], base / "again", 2
        jobs["score", name] = [*bench.score_words(base), "--threads", 1], base / "scores", 2
    seconds = bench.in_turn(jobs)
    for verb in ("prepare", "score"):
        even, heavy = seconds[verb, "S"], seconds[verb, "heavy"]
        lines.append(f"| {verb} | {even:.2f} s | {heavy:.2f} s | {heavy / even:.2f} |")
    for name in ("S", "heavy"):
        remove(bench.dir / name / "again")
    return [*lines, ""]


def ranks_section(bench, sizes):
    lines = ["## Ranks", "", "Ranks of one thread, whole `mpirun`, without fsync; and without starting them as well, which is what the same number takes on a table of a "
             "thousand rows. The shares are those of the kernel's own speed-up from one thread to two.", "",
             "| | 1 rank | 2 ranks | speed-up | without starting | of the kernel alone | share | without starting |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]

    def whole(measured):
        return measured["whole"][1] / measured["whole"][2]

    def started(measured):
        return (measured["whole"][1] - measured["launch"][1]) / (measured["whole"][2] - measured["launch"][2])

    def kernel(measured):
        return measured["steps"]["kernel", 1] / measured["steps"]["kernel", 2]

    columns = [("{:.2f} s", lambda measured: measured["whole"][1]), ("{:.2f} s", lambda measured: measured["whole"][2]), ("{:.2f}", whole),
               ("{:.2f}", started), ("{:.2f}", kernel), ("{:.2f}", lambda measured: whole(measured) / kernel(measured)),
               ("{:.2f}", lambda measured: started(measured) / kernel(measured))]
    for name in sizes:
        cells = [text.format(median([value(measured) for measured in rounds_of(bench, name)])) for text, value in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def phases_section(bench, sizes):
    lines = ["## Phases", "", f"One process of {bench.cores} threads: seconds by phase, and nanoseconds for each observation.", "",
             "| | " + " | ".join(f"{name} | ns" for name in sizes) + " |", "| --- |" + " ---: | ---: |" * len(sizes)]
    seconds = {}
    for name in sizes:
        base = bench.data(name, *SIZES[name])
        prepared = [bench.once([*bench.prepare_words(base), "--threads", bench.cores], base / "again")[2] for _ in range(bench.runs_of(name))]
        remove(base / "again")
        for verb, runs in (("prepare", prepared), ("score", [measured["phases"] for measured in rounds_of(bench, name)])):
            for phase in runs[0]:
                seconds[f"{verb}: {phase}", name] = median([run.get(phase, 0) for run in runs])
    for title in dict.fromkeys(title for title, _ in seconds):
        cells = [f"{seconds[title, name]:.2f} | {seconds[title, name] / rows_of(name) * 1e9:.1f}" for name in sizes]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def start_section(bench):
    lines = ["## Starting ranks", "", "`mpirun -n N ipscore score` on a table of a thousand rows: starting and ending the ranks, all broadcasts, barriers and gathers.", "",
             "| ranks | seconds |", "| ---: | ---: |"]
    words, output = launch_words(bench)
    for ranks, seconds in bench.in_turn({ranks: (words, output, ranks) for ranks in (1, 2, 4, 8)}).items():
        lines.append(f"| {ranks} | {seconds:.2f} |")
    return [*lines, ""]


def claims_section(bench):
    lines = ["## Claims", "", "Parts are handed out by the main thread of rank 0. Here they are claims that cost nothing, asked for by one worker a rank as fast as it can; "
             "all ranks share these cores, so the claims a second are a lower bound. What one claim takes of rank 0's main thread is what bounds a larger job.", "",
             "| ranks | claims a second | µs of rank 0 a claim |", "| ---: | ---: | ---: |"]
    for ranks in (1, 2, 4, 8, 16, 32):
        runs = [json.loads(Run([*mpirun(ranks), bench.bin / "claims_bench"]).check().out) for _ in range(bench.runs)]
        speed = median([run["claims"] / run["seconds"] for run in runs])
        cost = median([run["root_main_thread_seconds"] / run["claims"] for run in runs]) * 1e6
        lines.append(f"| {ranks} | {speed:,.0f} | {cost:.2f} |".replace(",", " "))
    return [*lines, ""]


def sent_by_ranks(profiles):
    """(messages, bytes) of the program's own messages, and of those that its collectives are made of, over all ranks, from what
    Open MPI's monitoring wrote."""
    sent = {"E": [0, 0], "I": [0, 0]}
    for profile in profiles:
        for kind, size, messages in re.findall(r"^([EI])\t\d+\t\d+\t(\d+) bytes\t(\d+) msgs sent", profile.read_text(), re.M):
            sent[kind][0] += int(messages)
            sent[kind][1] += int(size)
    return sent["E"], sent["I"]


def sent(bench, base, companies, ranks):
    """sent_by_ranks() of a score of one worker a rank."""
    profiles = bench.dir / "profiles"
    remove(profiles)
    profiles.mkdir()
    remove(base / "scores")
    monitoring = ["--mca", "pml_monitoring_enable", 2, "--mca", "pml_monitoring_enable_output", 3, "--mca", "pml_monitoring_filename", profiles / "rank"]
    # The monitoring wraps the messaging that is chosen, and is not there when that is named.
    environment = {name: value for name, value in os.environ.items() if name != "OMPI_MCA_pml"}
    words = bench.score_words(base, companies)
    Run([*mpirun(ranks, *monitoring), bench.bin / "ipscore", *words, "--threads", 1, "--output", base / "scores"], env=environment).check()
    return sent_by_ranks(profiles.glob("*.prof"))


def messages_section(bench, sizes):
    lines = ["## Messages", "", "What `score` sends, counted by Open MPI's monitoring, over all ranks, one worker each: mail (claims, reports, the end), counted in a run without "
             "companies; company evidence on its way to the rank that adds it up, and what that makes of it to rank 0; and the messages that broadcasts, gathers and barriers "
             "are made of.", "",
             "| | parts | ranks | mail | bytes | evidence | MB | of collectives | MB |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name in sizes:
        base = bench.data(name, *SIZES[name])
        parts = len(list((base / "table").glob("part-*.h5")))
        no_companies = base / "no-companies.csv"
        no_companies.write_text((base / "data/companies.csv").open().readline())
        for ranks in (2, 4, 8):
            mail, _ = sent(bench, base, no_companies, ranks)
            messages, collective = sent(bench, base, base / "data/companies.csv", ranks)
            lines.append(f"| {name} | {parts} | {ranks} | {mail[0]} | {mail[1]} | {messages[0] - mail[0]} | {(messages[1] - mail[1]) / 1e6:.1f} | "
                         f"{collective[0]} | {collective[1] / 1e6:.1f} |")
    return [*lines, ""]


def split_by_day(path, directory):
    """The rows of a CSV of observations in a file for each day; returns them in order."""
    directory.mkdir(parents=True)
    files = {}
    with path.open() as text:
        header = text.readline()
        day_at = header.strip().split(",").index("day")
        for line in text:
            day = line.split(",", day_at + 1)[day_at][:10]
            if day not in files:
                files[day] = (directory / f"{day}.csv").open("w")
                files[day].write(header)
            files[day].write(line)
    for file in files.values():
        file.close()
    return [directory / f"{day}.csv" for day in sorted(files)]


def next_day_section(bench):
    base = bench.dir / "days"
    if not (base / "yesterday/index.h5").exists():
        remove(base)
        source = bench.data("S", *SIZES["S"])
        for file in split_by_day(source / "data/observations.csv", base / "files"):
            if file.stem <= DAY_BEFORE:
                bench.ipscore("ingest", "--store", base / "store", file)
        bench.ipscore(*bench.prepare_words(base, DAY_BEFORE), "--output", base / "yesterday")
        bench.ipscore("ingest", "--store", base / "store", base / f"files/{AS_OF}.csv")
        shutil.rmtree(base / "files")
    words = bench.prepare_words(base)
    seconds = bench.in_turn({"full": (words, base / "full", 0), "next": ([*words, "--previous", base / "yesterday"], base / "next", 0)})
    full, next_ = seconds["full"], seconds["next"]
    bench.ipscore("diff", base / "full", base / "next")
    return ["## The next day", "", f"A store with a segment for each of {LOOKBACK} days, 8.4 million observations: prepared in full in {full:.2f} s, with `--previous` "
            f"yesterday's table in {next_:.2f} s, **{full / next_:.1f} times** faster. `ipscore diff` finds both the same.", ""]


# Ranks as nodes: one of one core, one of two, and two of one.
NODES = {"one core": (1, 1), "two cores": (1, 2), "two nodes of one core": (2, 1)}
# What is measured, and what is planned for by it: as data grows, and with more for each address.
PLANNED = {
    "S": {"four times S": ("four", ["--rows", "33.6M", "--addresses", "2.4M", *SIZES["S"][4:]]),
          "three times S, of as many addresses": ("dense", ["--rows", "25M", *SIZES["S"][2:]])},
    "a quarter of L": {"L": ("L", SIZES["L"])},
}
QUARTER = ["--rows", "25M", "--addresses", "1.25M", *SIZES["L"][4:]]


def prepare_and_score(bench, base, nodes, threads):
    """Seconds of both on so many ranks, one after the other, and what their run.json say."""
    table, scores = base / "plan-table", base / "plan-scores"
    seconds, said = 0, []
    for words, output in ((bench.prepare_words(base), table), (bench.score_words(base), scores)):
        remove(output)
        seconds += bench.ipscore(*words, "--threads", threads, "--output", output, ranks=nodes).seconds
        said.append((output / "run.json").read_text())
        remove(output)
    return seconds, said


def segments(base):
    return len(list((base / "store/segments").glob("*.h5")))


def plan_section(bench, sizes):
    lines = ["## Plan", "", "`ipscore plan` by runs on one core and on two, beside what prepare and score of other data, with the same keys and tags, then took: "
             "whole `mpirun`, a rank a node, both nodes on this machine. All of them in turn, so that none has the better hours of the machine.", "",
             "| measured | segments | planned for | segments | planned | took | off by |", "| --- | ---: | --- | ---: | ---: | ---: | ---: |"]
    instances = bench.dir / "instances.toml"
    instances.write_text("".join(f"[instances.{name}]\ncores = {cores}\nmemory_gib = 1024\nprice_per_hour = 1\n"
                                 for name, cores in (("one", 1), ("two", 2))))
    for measured in PLANNED if "L" in sizes else ["S"]:
        base = bench.data("S", *SIZES["S"]) if measured == "S" else bench.data("quarter", *QUARTER)
        others = {title: bench.data(name, *options) for title, (name, options) in PLANNED[measured].items()}
        results = {}
        for _ in range(bench.runs if measured == "S" else bench.runs_of("L")):
            for threads in (1, 2):
                results.setdefault(threads, []).append(prepare_and_score(bench, base, 1, threads))
            for title, other in others.items():
                for layout, (nodes, threads) in NODES.items():
                    results.setdefault((title, layout), []).append(prepare_and_score(bench, other, nodes, threads))
        runs = []
        for threads in (1, 2):
            _, said = sorted(results[threads])[len(results[threads]) // 2]
            for verb, text in zip(("prepare", "score"), said):
                runs.append(base / f"{verb}-{threads}.json")
                runs[-1].write_text(text)
        for title, other in others.items():
            plan = json.loads(bench.ipscore("plan", "--table", other / "table", "--runs", *runs, "--instances", instances, "--max-nodes", 2,
                                            "--json").out)
            for layout, (nodes, threads) in NODES.items():
                planned = next(option["seconds"] for option in plan["options"] if option["nodes"] == nodes and option["cores"] == threads)
                took = median([seconds for seconds, _ in results[title, layout]])
                lines.append(f"| {measured} | {segments(base)} | {title}, {layout} | {segments(other)} | {planned:.2f} s | {took:.2f} s | {100 * (planned / took - 1):+.0f} % |")
    return [*lines, ""]


def codec_section(bench):
    results = bench.google("codec_bench")
    lines = ["## Codecs", "", "A chunk of 32768 values of so many random bits, one core; coded size as a share of the values.", "",
             "| | GB/s of values | coded share |", "| --- | ---: | ---: |"]
    for name, entries in results.items():
        lines.append(f"| `{name.replace('/', ', ')}` | {median([entry['bytes_per_second'] for entry in entries]) / 1e9:.2f} | "
                     f"{entries[0].get('coded_share', 1):.2f} |")
    return [*lines, ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    bench = Bench(args)
    sizes = ["S", "L"] if args.large else ["S"]
    lines = ["# Performance", "", "Measured and written by one command:", "", f"    tests/bench/performance.sh{' --large' if args.large else ''}", "",
             f"Medians of {args.runs} runs ({bench.runs_of('L')} for L), what is compared measured in turn, and ratios of the single rounds. S: 8.4 million observations of 600 thousand addresses, 200 thousand keys, 100 tags. L: 100 million, 5 million, "
             "1 million, 300. Everything lies in the page cache.", "",
             "| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in machine()),
             f"| date | {datetime.date.today().isoformat()} |", ""]
    lines += score_section(bench, sizes)
    lines += phases_section(bench, sizes)
    lines += ranks_section(bench, sizes)
    lines += start_section(bench)
    lines += claims_section(bench)
    lines += messages_section(bench, sizes)
    lines += heavy_section(bench)
    lines += ingest_section(bench)
    lines += prepare_section(bench)
    lines += next_day_section(bench)
    lines += plan_section(bench, sizes)
    lines += codec_section(bench)
    args.output.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
