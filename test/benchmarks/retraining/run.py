"""What retraining by the compiler's cost gains: the tables of docs/Retraining.md.

    .venv/bin/python test/benchmarks/retraining/run.py

trains the baselines, runs acc-tune for every method, budget and seed, and writes
the tables. Every run's report is kept under build/benchmarks/retraining by what
was run, so that the command can be interrupted and goes on; --fresh forgets them.
Accuracies are those of the compiled network on the held-out test part, which no
decision sees; cycles are what the simulator counted while it ran the binary.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tables

ROOT = Path(__file__).resolve().parents[3]
FIXED, MIXED = "systolic16x16", "systolic16x16-mixed"
METHODS = ("cost", "flops", "uniform", "random")
BUDGETS = (75, 50, 25)
BITS = (8, 4, 3, 2)


class Suite:
    """One data set with its baseline, its seeds and its recipe."""

    def __init__(self, name, model, data, seeds, recipe):
        self.name, self.model, self.data = name, model, data
        self.seeds, self.recipe = seeds, recipe


class Runner:
    """Runs acc-tune, several at a time, each on one core; keeps the reports."""

    def __init__(self, build, folder, jobs):
        self.tune = build / "bin" / "acc-tune"
        self.folder, self.jobs = folder, jobs
        self.done = 0
        self.start = time.monotonic()

    def run(self, suite, label, seed, target, steps, budget=None, objective="cycles"):
        """The report of one run, from the folder if it is there."""
        out = self.folder / suite.name / label / str(seed)
        report = out / "report.json"
        if not report.exists():
            command = [
                self.tune, suite.model, f"--data={suite.data}", f"--target={target}",
                f"--steps={steps}", f"--objective={objective}", f"--seed={seed}",
                f"--output-dir={out}", "--quiet", *suite.recipe,
            ]
            if budget is not None:
                command.append(f"--budget={budget}")
            shutil.rmtree(out, ignore_errors=True)
            started = time.monotonic()
            result = subprocess.run(command, capture_output=True, text=True, check=False,
                                    env=os.environ | {"OMP_NUM_THREADS": "1"})
            if result.returncode not in (0, 3):
                raise SystemExit(f"{' '.join(map(str, command))}\n{result.stderr}")
            print(f"[{time.monotonic() - self.start:6.0f}s] {suite.name} {label} seed {seed}: "
                  f"{time.monotonic() - started:.0f} s", flush=True)
            for name in ("journal.sqlite", "model.elf"):
                (out / name).unlink(missing_ok=True)
        self.done += 1
        return json.loads(report.read_text())

    def run_all(self, suite, rows):
        """`rows`: row -> (label, target, steps[, budget of a seed, objective]).
        Returns row -> the reports of all seeds."""
        with ThreadPoolExecutor(self.jobs) as pool:
            futures = {
                row: [
                    pool.submit(self.run, suite, label, seed, target, steps,
                                *(value(index) if callable(value) else value for value in rest))
                    for index, seed in enumerate(suite.seeds)
                ]
                for row, (label, target, steps, *rest) in rows.items()
            }
            return {row: [f.result() for f in found] for row, found in futures.items()}


def pruning(runner, suite):
    rows = {(100, "no pruning, same training"): ("finetune", FIXED, "finetune")}
    for budget in BUDGETS:
        for method in METHODS:
            rows[budget, method] = (f"prune-{method}-{budget}", FIXED,
                                    f"prune{{method={method}}}", f"{budget}%")
    return runner.run_all(suite, rows)


def bits(runner, suite):
    """Uniform bits before and after training; mixed bits at the energy of the uniform."""
    rows = {}
    for width in BITS:
        rows[width, "post-training"] = (f"ptq-{width}", MIXED, f"qat{{bits={width},epochs=0}}")
        rows[width, "QAT"] = (f"qat-{width}", MIXED, f"qat{{bits={width}}}")
    reports = runner.run_all(suite, rows)
    rows = {}
    for width in (3, 2):
        def energy(seed, uniform=reports[width, "QAT"]):
            return uniform[seed]["after"]["energy_pj"] * (1 + 1e-9)

        # Uniform bits leave eight to the first and the last layer; where two are the
        # least there is, only those can give something up.
        for method in ("cost", "random"):
            rows[width, f"mixed ({method}), QAT"] = (
                f"mixed-{method}-{width}", MIXED,
                f"mixed-precision{{method={method},edges=choose}},qat", energy, "energy")
    return reports | runner.run_all(suite, rows)


def together(runner, suite):
    """Pruning, then few bits."""
    rows = {
        (budget, width): (f"together-{budget}-{width}", MIXED,
                          f"prune{{budget={budget}%}},qat{{bits={width}}}")
        for budget, width in ((50, 8), (35, 8), (75, 4), (50, 4), (35, 4))
    }
    return runner.run_all(suite, rows)


def make(path, *command):
    """Runs a module of python/accopt that writes `path`, unless it is there."""
    if not path.exists():
        subprocess.run([sys.executable, "-m", *map(str, command)], check=True,
                       env=os.environ | {"PYTHONPATH": str(ROOT / "python")})


def prepare_digits(folder):
    data, model = folder / "digits.npz", folder / "digits-model" / "digits.onnx"
    make(data, "accopt.digits.data", data)
    make(model, "accopt.digits.train", "--width=48", f"--output-dir={model.parent}")
    return Suite("digits", model, data, range(5),
                 ["--epochs=12", "--learning-rate=3e-3", "--augment=shift=1"])


def prepare_shapes(folder):
    data, model = folder / "shapes.npz", folder / "shapes.onnx"
    make(data, "accopt.shapes.generate", data, "--difficulty=0.55")
    make(model, "accopt.shapes.baseline", data, model, "--epochs=24")
    return Suite("shapes", model, data, range(3),
                 ["--epochs=5", "--learning-rate=2e-3", "--augment=flip,shift=2"])


def quarter_width(folder):
    """One line: how much harder the shapes are for a quarter of the width."""
    kept = folder / "shapes-quarter.json"
    if not kept.exists():
        done = subprocess.run(
            [sys.executable, "-m", "accopt.shapes.baseline", folder / "shapes.npz",
             folder / "shapes-quarter.onnx", "--width=8", "--epochs=24"],
            check=True, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
        kept.write_text(json.dumps(done.stdout.splitlines()[-1]))
    return f"Of a quarter of the width, trained alike: {json.loads(kept.read_text())}.\n"


def step_times(arguments, folder):
    """Rows of step_time.py, measured once nothing else of this command runs."""
    kept = folder / "step-times.txt"
    if not kept.exists():
        done = subprocess.run(
            [sys.executable, Path(__file__).parent / "step_time.py",
             f"--build-dir={arguments.build_dir}"],
            check=True, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
        kept.write_text(done.stdout)
    return [line.split("  ") for line in kept.read_text().splitlines()]


SUITES = {"digits": prepare_digits, "shapes": prepare_shapes}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/Retraining.md")
    parser.add_argument("--suite", choices=tuple(SUITES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.build_dir / "benchmarks" / "retraining"
    if arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(arguments.build_dir, folder, arguments.jobs)
    results, notes = {}, {}
    for name, prepare in SUITES.items():
        if arguments.suite not in (None, name):
            continue
        suite = prepare(folder)
        results[name] = {
            "pruning": pruning(runner, suite),
            "bits": bits(runner, suite),
            "together": together(runner, suite),
        }
    if "shapes" in results:
        notes["shapes"] = quarter_width(folder)
    arguments.output.write_text(
        tables.render(results, notes, step_times(arguments, folder)))
    print(f"{runner.done} runs; wrote {arguments.output}")


if __name__ == "__main__":
    main()
