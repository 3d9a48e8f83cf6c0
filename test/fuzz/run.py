"""Runs the fuzzers one after the other and prints what each of them did.

    run.py --bin=build-fuzz/bin --seeds=FOLDER --runs=2000      # the test
    run.py --bin=build-fuzz/bin --seeds=FOLDER --seconds=600    # a search
    run.py --bin=build-fuzz/bin --seeds=FOLDER --merge          # fewer inputs, same features

FOLDER is what seeds.py wrote. Inputs that reach something new are kept in
FOLDER/found/TARGET and are where the next run begins; --merge leaves of those and the
seeds the smallest that together reach as much. Inputs that break something go to
FOLDER/crashes. Exits 1 if there are any, or if a fuzzer does not get as far
with its seeds as it should: then it would pass without having tested anything.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

# Edges that the seeds alone reach at least; about two thirds of what they do.
TARGETS = {"binary": 1800, "dataflow": 500, "image": 150, "machine": 500, "numpy": 250,
           "onnx": 4500, "operands": 650, "quantization": 260, "report": 650, "topology": 250,
           "tune": 100}

# Vectors that LLVM's archives grow have no poisoned tails; and its allocators, compiled
# without the sanitizer, do not lift what their instrumented copies in ours poison.
SANITIZERS = {"ASAN_OPTIONS": "detect_container_overflow=0:allow_user_poisoning=0:malloc_context_size=5:"
                              "quarantine_size_mb=16"}


def limits(options, target):
    return ["-max_len=32768", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-timeout=30",
            f"-artifact_prefix={options.seeds}/crashes/{target}-"]


def command(options, target):
    seeds = options.seeds
    found = seeds / "found" / target
    for folder in (found, seeds / "crashes"):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = seeds / f"{target}.dict"
    limit = f"-max_total_time={options.seconds}" if options.seconds else f"-runs={options.runs}"
    return [
        options.bin / f"fuzz-{target}", f"-seed={options.seed}", limit, *limits(options, target),
        "-print_final_stats=1", *([f"-dict={dictionary}"] if dictionary.exists() else []), found, seeds / target,
    ]


def number(pattern, text):
    """The last match of `pattern`'s group, or 0."""
    return int((re.findall(pattern, text) or ["0"])[-1])


def merge(options, target):
    """Replaces what was found by the smallest of it and of the seeds that reach as much."""
    found, merged = options.seeds / "found" / target, options.seeds / "merged" / target
    for folder in (found, merged, options.seeds / "crashes"):
        folder.mkdir(parents=True, exist_ok=True)
    before = [file.stat().st_size for folder in (found, options.seeds / target) for file in folder.iterdir()]
    process = subprocess.run(
        [options.bin / f"fuzz-{target}", "-merge=1", *limits(options, target), merged, found,
         options.seeds / target],
        env=os.environ | SANITIZERS, capture_output=True, text=True, errors="replace")
    if process.returncode:
        return f"{target}: status {process.returncode}\n{process.stderr[-6000:]}"
    shutil.rmtree(found)
    merged.rename(found)
    after = [file.stat().st_size for file in found.iterdir()]
    print(f"{target:12} {len(before):6} inputs, {sum(before):8} bytes: {len(after):6} inputs, "
          f"{sum(after):8} bytes", flush=True)
    return None


def run(options, target):
    """Runs one fuzzer; answers what is wrong, or None."""
    begin = time.monotonic()
    process = subprocess.run(command(options, target), env=os.environ | SANITIZERS,
                             capture_output=True, text=True, errors="replace")
    text = process.stderr
    runs = number(r"stat::number_of_executed_units: *(\d+)", text)
    seeds = number(r"INITED cov: (\d+)", text)
    edges = number(r" cov: (\d+)", text)
    total = number(r"\((\d+) inline 8-bit counters\)", text)
    features = number(r" ft: (\d+)", text)
    memory = number(r"stat::peak_rss_mb: *(\d+)", text)
    print(f"{target:12} {runs:10} {time.monotonic() - begin:8.0f} {seeds:7} {edges:7} "
          f"{total:7} {features:9} {memory:6}", flush=True)
    if process.returncode:
        return f"{target}: status {process.returncode}\n{text[-6000:]}"
    if seeds < TARGETS[target]:
        return f"{target}: expected {TARGETS[target]} edges from the seeds, got {seeds}"
    return None


def report(problems):
    """Prints what is wrong, and ends."""
    problems = [problem for problem in problems if problem]
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seconds", type=int, help="of each target, instead of --runs")
    parser.add_argument("--merge", action="store_true", help="make what was found small; no search")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; default: all")
    options = parser.parse_args()
    if options.merge:
        report([merge(options, target) for target in options.targets or TARGETS])
    print(f"seed {options.seed}\n{'target':12} {'executions':>10} {'seconds':>8} {'seeds':>7} "
          f"{'edges':>7} {'of':>7} {'features':>9} {'MiB':>6}")
    report([run(options, target) for target in options.targets or TARGETS])


if __name__ == "__main__":
    main()
