"""Runs the checks of utils/check.sh on a finished build and adds up the counts.

Three kinds: clang-format (one result for each file that differs, one pass when
none does), every lit test, and clang-tidy for each source file. clang-tidy takes
half a minute for a file that includes much of MLIR, so it gets a budget: results
are kept under the build folder by the hash of all that a file includes, what was
changed last comes first, and files that the budget does not reach are counted as
skipped. Three quarters of that time are parsing, and a precompiled header, which
clang-tidy reads whole, saves a tenth or nothing.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = time.monotonic()


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def step(text):
    print(f"[{time.monotonic() - START:4.0f}s] {text}", flush=True)


def tracked_files(*patterns):
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return sorted(name for name in out.stdout.split("\n") if name and (ROOT / name).exists())


def check_format(counts):
    step("clang-format")
    files = tracked_files("*.cpp", "*.h")
    run = subprocess.run(
        ["clang-format-22", "--dry-run", "--Werror", *files],
        cwd=ROOT, capture_output=True, text=True,
    )
    if run.returncode == 0:
        counts.passed += 1
        return
    names = sorted({line.split(":")[0] for line in run.stderr.split("\n") if " error: " in line})
    counts.failed += max(1, len(names))
    print("clang-format-22 -i would change:", *(names or [run.stderr]), sep="\n  ")


def run_lit(build, arguments, counts):
    step("lit")
    results = build / "lit-results.json"
    results.unlink(missing_ok=True)
    command = [
        ROOT / ".venv/bin/lit", "-sv", "--time-tests", "-j", str(os.cpu_count()),
        "--timeout", "900", "-o", results, *arguments,
        build / "test", build / "test/unit",
    ]
    subprocess.run(command, cwd=ROOT, check=False)
    if not results.exists():
        print("lit wrote no results")
        counts.failed += 1
        return
    for test in json.loads(results.read_text())["tests"]:
        if test["code"] in ("PASS", "XFAIL", "FLAKYPASS"):
            counts.passed += 1
        elif test["code"] in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
            counts.skipped += 1
        else:
            counts.failed += 1


def content_key(dependencies):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for name in dependencies:
        digest.update(name.encode())
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def own_dependencies(build):
    """Maps each object's source to the project's files that it includes."""
    out = subprocess.run(
        ["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True
    )
    result = {}
    for block in out.stdout.split("\n\n"):
        files = [(build / line.strip()).resolve() for line in block.split("\n")[1:]]
        own = [str(f.relative_to(ROOT)) for f in files if f.is_relative_to(ROOT) and f.exists()]
        if own:
            result[own[0]] = sorted(own)
    return result


def commits_ago():
    """Maps each file to how many commits came after the last one that changed it; what
    is changed and not committed has -1."""
    def lines(*command):
        return subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True,
                              text=True).stdout.split("\n")

    result = {name: -1 for name in lines("diff", "--name-only", "HEAD") if name}
    commit = -1
    for line in lines("log", "--first-parent", "-m", "--name-only", "--format=%x40"):
        commit += line == "@"
        if line not in ("", "@"):
            result.setdefault(line, commit)
    return result


def tidy_file(source, key, build, deadline):
    """Returns "passed", "skipped" or clang-tidy's findings."""
    stamp = build / "clang-tidy" / key
    if stamp.exists():
        return "passed"
    left = deadline - time.monotonic()
    if left <= 0:
        return "skipped"
    try:
        run = subprocess.run(
            ["clang-tidy-22", "--quiet", "-p", build, source],
            cwd=ROOT, capture_output=True, text=True, timeout=left,
        )
    except subprocess.TimeoutExpired:
        return "skipped"
    if run.returncode != 0:
        return run.stdout or run.stderr
    stamp.touch()
    return "passed"


def run_tidy(build, budget, counts):
    step(f"clang-tidy, at most {budget} s")
    (build / "clang-tidy").mkdir(exist_ok=True)
    deadline = time.monotonic() + budget
    dependencies = own_dependencies(build)
    sources = [s for s in tracked_files("lib/*.cpp", "dialects/*.cpp", "tools/*.cpp")
               if s in dependencies]
    # What was changed last first: what a slow machine skips is old, and had its turn when
    # it was new. Of those that changed together small ones first: that reaches more.
    ago = commits_ago()
    sources.sort(key=lambda s: (ago.get(s, -1), (ROOT / s).stat().st_size))

    def run(source):
        return tidy_file(source, content_key(dependencies[source]), build, deadline)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, result in zip(sources, pool.map(run, sources)):
            if result == "passed":
                counts.passed += 1
            elif result == "skipped":
                counts.skipped += 1
                print(f"clang-tidy skipped, no time left: {source}")
            else:
                counts.failed += 1
                print(f"clang-tidy: {source}\n{result}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--tidy-budget", type=float, default=480, metavar="SECONDS")
    parser.add_argument("--filter", help="run only the lit tests that match, and nothing else")
    options = parser.parse_args()
    build = options.build_dir.resolve()

    counts = Counts()
    if options.filter:
        run_lit(build, [f"--filter={options.filter}"], counts)
    else:
        check_format(counts)
        run_lit(build, [], counts)
        run_tidy(build, options.tidy_budget, counts)
    step("done")
    print(counts.line())
    sys.exit(1 if counts.failed else 0)


if __name__ == "__main__":
    main()
