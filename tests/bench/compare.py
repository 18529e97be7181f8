"""Runs the same jobs with two builds in alternation; see compare.sh."""

import argparse
import pathlib
import sys

from runs import Run, median, mpirun, remove

AS_OF = "2026-11-22"


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=pathlib.Path, required=True)
    parser.add_argument("--head", type=pathlib.Path, required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    return parser.parse_args()


def jobs(directory, ranks):
    """By name: what a run writes, and its words but for the program; what it reads is that of the head."""
    data = directory / "data"
    launch = mpirun(ranks)
    threads = ["--threads", 1] if ranks else []
    score = ["--classification", data / "classification.csv", "--companies", data / "companies.csv", "--model",
             data / "model.toml"]
    return {
        "ingest": ("store", [], ["ingest", data / "observations.csv", "--store"]),
        "prepare": ("table", launch, ["prepare", "--store", directory / "head/store", "--as-of", AS_OF, *threads, "--output"]),
        "score": ("scores", launch, ["score", "--table", directory / "head/table", *score, *threads, "--output"]),
        "export": ("scores.csv", [], ["export", directory / "head/scores", "--output"]),
        "diff": (None, [], ["diff", directory / "head/scores", directory / "base/scores"]),
    }


def main():
    args = parse()
    builds = {"base": args.base, "head": args.head}
    remove(args.dir)
    for name in builds:
        (args.dir / name).mkdir(parents=True)
    Run([args.head, "generate", "--rows", args.rows, "--output", args.dir / "data"]).check()
    print(f"{args.rows} observations, {args.runs} runs each in alternation; medians, and peak memory of the largest process")
    print(f"{'':10} {'base':>9} {'head':>9} {'ratio':>7}   {'base':>9} {'head':>9}   cpu ratio")
    same = True
    for name, (made, launch, words) in jobs(args.dir, args.ranks).items():
        runs = {"base": [], "head": []}
        for number in range(args.runs):
            for build in ("base", "head") if number % 2 == 0 else ("head", "base"):
                output = [args.dir / build / made] if made else []
                for path in output:
                    remove(path)
                run = Run([*launch, builds[build], *words, *output])
                if name == "diff" and run.code == 1:
                    same = False
                else:
                    run.check()
                runs[build].append(run)
        seconds = {build: median([run.seconds for run in runs[build]]) for build in runs}
        cpu = {build: median([run.cpu_seconds for run in runs[build]]) for build in runs}
        peak = {build: max(run.peak_bytes for run in runs[build]) / 2**20 for build in runs}
        print(f"{name:10} {seconds['base']:7.2f} s {seconds['head']:7.2f} s {seconds['head'] / seconds['base']:7.2f}   "
              f"{peak['base']:5.0f} MiB {peak['head']:5.0f} MiB   {cpu['head'] / cpu['base']:.2f}", flush=True)
    for made in ("table", "scores"):
        run = Run([args.head, "diff", args.dir / "base" / made, args.dir / "head" / made])
        print(f"{made}: {run.out.splitlines()[0] if run.out else run.err.strip()}")
        same = same and run.code == 0
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
