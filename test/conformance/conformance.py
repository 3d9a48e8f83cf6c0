"""Runs ONNX's backend test suite through import, float execution and the binary.

    python conformance.py [--page docs/Conformance.md] [--json F] [--only REGEX] [--jobs N]

Every case ends as passed, refused (one line, exit status 1), failed (wrong numbers) or
crashed. Exit status 1 if any failed or crashed, in float or in the binary, or if an
operator that --print-op-support calls full has a case that is refused. With --fast every
twentieth case is run besides those of the supported operators, and no binary.
"""

import argparse
import collections
import dataclasses
import json
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cases
import report
from accopt.outcomes import CRASHED, FAILED
from check import check

Tools = collections.namedtuple("Tools", "run prove")
STATE = {}


def support():
    """Operators by name, with what --print-op-support says of each."""
    text = subprocess.run(["acc-opt", "--print-op-support"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(line.split(None, 1) for line in text.splitlines())


def start(all_cases, arguments):
    STATE.update(cases=all_cases, arguments=arguments)


def one(index):
    arguments = STATE["arguments"]
    return check(STATE["cases"][index], Tools(arguments.run, arguments.prove), arguments.timeout,
                 binary=not arguments.fast)


def choose(arguments, supported):
    chosen = []
    for index, case in enumerate(cases.load(arguments.groups.split(","))):
        if arguments.only and not re.search(arguments.only, case.name):
            continue
        if arguments.fast and (case.op not in supported or case.expanded) and index % 20:
            continue
        chosen.append(case)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="accopt-run")
    parser.add_argument("--prove", default="accopt-prove")
    parser.add_argument("--groups", default=",".join(cases.GROUPS))
    parser.add_argument("--only", help="names of cases, a regular expression")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=60, help="seconds for one run")
    parser.add_argument("--page", type=Path, help="Markdown to write")
    parser.add_argument("--json", type=Path, help="every case's outcome")
    arguments = parser.parse_args()
    supported = support()
    chosen = choose(arguments, supported)
    with ProcessPoolExecutor(arguments.jobs, initializer=start, initargs=(chosen, arguments)) as pool:
        outcomes = list(pool.map(one, range(len(chosen)), chunksize=4))

    bad = [o for o in outcomes if o.status in (FAILED, CRASHED) or o.binary in (FAILED, CRASHED)]
    for outcome in bad:
        where, reason = ("binary", outcome.binary_reason) if outcome.binary in (FAILED, CRASHED) else (
            outcome.how, outcome.reason)
        status = outcome.binary if where == "binary" else outcome.status
        print(f"{status.upper()} {outcome.name} ({where}): {reason}")
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(o) for o in outcomes], indent=1) + "\n")
    if arguments.page:
        arguments.page.write_text(report.page(outcomes, supported, arguments.timeout))
    misses = report.misses(outcomes, supported)
    for name, reason in misses:
        print(f"MISS {name}: {reason}")
    counts = collections.Counter(outcome.status for outcome in outcomes)
    proven = sum(outcome.binary == "proven" for outcome in outcomes)
    print(f"{len(outcomes)} cases: {dict(sorted(counts.items()))}; {proven} binaries proven; {len(misses)} misses")
    return 1 if bad or misses or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
