"""Runs the fuzzers one after the other and prints what each of them did.

    run.py --bin=build-fuzz/bin --seeds=FOLDER --runs=2000      # the test
    run.py --bin=build-fuzz/bin --seeds=FOLDER --seconds=600    # a search

FOLDER is what seeds.py wrote. Inputs that reach something new are kept in
FOLDER/found/TARGET and are where the next run begins; inputs that break something
go to FOLDER/crashes. Exits 1 if there are any, or if a fuzzer does not get as far
with its seeds as it should: then it would pass without having tested anything.
"""

import argparse
import os
import re
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


def command(options, target):
    seeds = options.seeds
    found = seeds / "found" / target
    for folder in (found, seeds / "crashes"):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = seeds / f"{target}.dict"
    limit = f"-max_total_time={options.seconds}" if options.seconds else f"-runs={options.runs}"
    return [
        options.bin / f"fuzz-{target}", f"-seed={options.seed}", limit, "-max_len=32768",
        "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-timeout=30", "-print_final_stats=1",
        f"-artifact_prefix={seeds}/crashes/{target}-",
        *([f"-dict={dictionary}"] if dictionary.exists() else []), found, seeds / target,
    ]


def number(pattern, text):
    """The last match of `pattern`'s group, or 0."""
    return int((re.findall(pattern, text) or ["0"])[-1])


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
    print(f"{target:10} {runs:10} {time.monotonic() - begin:8.0f} {seeds:7} {edges:7} "
          f"{total:7} {features:9} {memory:6}", flush=True)
    if process.returncode:
        return f"{target}: status {process.returncode}\n{text[-6000:]}"
    if seeds < TARGETS[target]:
        return f"{target}: expected {TARGETS[target]} edges from the seeds, got {seeds}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seconds", type=int, help="of each target, instead of --runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; default: all")
    options = parser.parse_args()
    print(f"seed {options.seed}\n{'target':10} {'executions':>10} {'seconds':>8} {'seeds':>7} "
          f"{'edges':>7} {'of':>7} {'features':>9} {'MiB':>6}")
    problems = [run(options, target) for target in options.targets or TARGETS]
    problems = [problem for problem in problems if problem]
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
