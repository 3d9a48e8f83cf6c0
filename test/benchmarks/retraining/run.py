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
import shutil
import subprocess
import sys
import time
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
    def __init__(self, build, folder):
        self.tune = build / "bin" / "acc-tune"
        self.folder = folder
        self.done = 0
        self.start = time.monotonic()

    def run(self, suite, label, seed, target, steps, budget=None, objective="cycles"):
        """The report of one run of acc-tune, from the folder if it is there."""
        out = self.folder / suite.name / label / str(seed)
        report = out / "report.json"
        self.done += 1
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
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode not in (0, 3):
                sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")
            print(f"[{time.monotonic() - self.start:6.0f}s] {suite.name} {label} seed {seed}: "
                  f"{time.monotonic() - started:.0f} s", flush=True)
            for name in ("journal.sqlite", "model.elf"):
                (out / name).unlink(missing_ok=True)
        return json.loads(report.read_text())


def pruning(runner, suite):
    """Rows of (budget, method): reports, one for each seed."""
    return {
        (budget, method): [
            runner.run(suite, f"prune-{method}-{budget}", seed, FIXED,
                       f"prune{{method={method}}}", budget=f"{budget}%")
            for seed in suite.seeds
        ]
        for budget in BUDGETS
        for method in METHODS
    }


def bits(runner, suite):
    """Uniform bits after training and before; mixed bits at the same energy."""
    rows = {}
    for width in BITS:
        rows[width, "post-training"] = [
            runner.run(suite, f"ptq-{width}", seed, MIXED, f"qat{{bits={width},epochs=0}}")
            for seed in suite.seeds
        ]
        rows[width, "QAT"] = [
            runner.run(suite, f"qat-{width}", seed, MIXED, f"qat{{bits={width}}}")
            for seed in suite.seeds
        ]
    for width in (3, 2):
        for method in ("cost", "random"):
            rows[width, f"mixed ({method}), QAT"] = [
                runner.run(
                    suite, f"mixed-{method}-{width}", seed, MIXED,
                    f"mixed-precision{{method={method}}},qat",
                    budget=uniform["after"]["energy_pj"] * (1 + 1e-9),
                    objective="energy")
                for seed, uniform in zip(suite.seeds, rows[width, "QAT"])
            ]
    return rows


def together(runner, suite):
    """Pruning, then four bits."""
    return {
        budget: [
            runner.run(suite, f"together-{budget}", seed, MIXED,
                       f"prune{{budget={budget}%}},qat{{bits=4}}")
            for seed in suite.seeds
        ]
        for budget in (75, 60, 50)
    }


def prepare(folder, python):
    """The two suites; makes data and baselines where they are missing."""
    digits = folder / "digits.npz"
    if not digits.exists():
        subprocess.run([python, "-m", "accopt.digits.data", digits], check=True)
    shapes, baseline = folder / "shapes.npz", folder / "shapes.onnx"
    if not shapes.exists():
        subprocess.run([python, "-m", "accopt.shapes.generate", shapes], check=True)
    if not baseline.exists():
        subprocess.run([python, "-m", "accopt.shapes.baseline", shapes, baseline], check=True)
    return (
        Suite("digits", ROOT / "models/digits.onnx", digits, range(5),
              ["--epochs=30", "--learning-rate=2e-3", "--augment=shift=1"]),
        Suite("shapes", baseline, shapes, range(3),
              ["--epochs=8", "--learning-rate=1e-3", "--augment=flip,shift=2"]),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/Retraining.md")
    parser.add_argument("--suite", choices=("digits", "shapes"))
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.build_dir / "benchmarks" / "retraining"
    if arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(arguments.build_dir, folder)
    results = {}
    for suite in prepare(folder, sys.executable):
        if arguments.suite in (None, suite.name):
            results[suite.name] = {
                "pruning": pruning(runner, suite),
                "bits": bits(runner, suite),
                "together": together(runner, suite),
            }
    arguments.output.write_text(tables.render(results))
    print(f"{runner.done} runs; wrote {arguments.output}")


if __name__ == "__main__":
    main()
