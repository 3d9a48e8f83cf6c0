"""The tables of docs/Retraining.md from the reports of acc-tune."""

from statistics import mean, stdev

GOAL_LATENCY, GOAL_EDP = 2.81, 3.30

INTRODUCTION = """# What retraining gains

Written by `test/benchmarks/retraining/run.py`, which one command repeats:

    .venv/bin/python test/benchmarks/retraining/run.py

Accuracies are those of the compiled binary's integers on the held-out test part, in
per cent: mean and standard deviation over the seeds. Every decision was made on the
training and validation parts. Cycles are what the simulator counted while it ran the
binary; energy is priced from what it counted. A seed changes every random choice of a
run: the order and augmentation of the data, and what the random controls draw; the
trained model that all runs start from is one. Points lost are counted from that float
model. As training goes on where its own ended, the row "no pruning, same training"
says how much of an accuracy is due to more training alone.
"""

DESCRIPTIONS = {
    "digits": """The 8x8 digits of scikit-learn and the network of
`python/accopt/digits`, 48 channels wide. Every training is 12 epochs of AdamW at 3e-3,
images shifted by up to one pixel, with distillation from the float model. The seed also
decides which 15 % of the training data are the validation part. One of the 540 test
images is 0.19 points.
""",
    "shapes": """32x32 images of ten classes from `python/accopt/shapes` (5000 to train on,
1000 to validate, 2000 to test; difficulty 0.55) and its residual network, 32 channels
wide, trained for 24 epochs. Every training is 5 epochs of AdamW at 2e-3, images mirrored
and shifted by up to two pixels, with distillation from the float model.
""",
}

PRUNING = """
Every method is searched to the largest exact cost within the budget, three rounds, and
trained alike. `uniform` keeps one share of every width: where all widths leave a column
or a row of the array at once, the cycles fall in one large step, and it cannot use what
the budget leaves. `flops` is the same knapsack on multiplications in place of cycles.
"""

BITS = """
Bits are those of weights and activations of every layer but the first and the last,
which keep eight. `mixed` may choose 2, 3, 4 or 8 for every layer, first and last too,
at no more energy than the uniform row of the same seed. An array that is twice or four
times as fast at four or two bits gains nothing from three, but in memory.
"""


def spread(values, digits=2):
    values = list(values)
    around = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):.{digits}f} ± {around:.{digits}f}"


def accuracy(reports, row="after"):
    return [100 * report[row]["test"]["accuracy"] for report in reports]


def share(reports, field):
    return [100 * report["after"][field] / report["before"][field] for report in reports]


def cycles(reports):
    """As simulated, in per cent of the int8 baseline."""
    return [
        100 * report["binary"]["simulated_cycles"] / report["before"]["cycles"]
        for report in reports
    ]


def edp(report, row):
    return report[row]["cycles"] * report[row]["energy_pj"]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def verdict(met):
    return "met" if met else "**missed**"


def baseline(reports):
    first = reports[0]
    return (f"Float {spread(accuracy(reports, 'float'))} %, int8 after calibration "
            f"{spread(accuracy(reports, 'before'))} %, {first['before']['cycles']:.0f} cycles, "
            f"{first['before']['energy_pj'] / 1e6:.3f} uJ, "
            f"{first['before']['weight_bytes'] / 1024:.1f} KiB of weights.\n")


def pruning(results):
    budgets = sorted({budget for budget, _ in results}, reverse=True)
    rows, dominated = [], True
    for budget in budgets:
        means = {"cost": 0.0}
        for (own, method), reports in results.items():
            if own != budget:
                continue
            means[method] = mean(accuracy(reports))
            rows.append([f"{budget} %", method, spread(accuracy(reports)),
                         spread(cycles(reports), 1), spread(share(reports, "energy_pj"), 1)])
        dominated &= budget == 100 or means["cost"] >= max(means.values())
    float_ = mean(accuracy(results[50, "cost"], "float"))
    loss = float_ - mean(accuracy(results[50, "cost"]))
    return (table(["budget", "method", "accuracy", "cycles, % of int8", "energy, %"], rows)
            + PRUNING
            + f"\nGoal: cost-driven is best at every budget: {verdict(dominated)}. "
            f"Goal: at 50 % it loses at most 0.5 points: {loss:.2f}, {verdict(loss <= 0.5)}.\n")


def bits(results):
    rows = []
    for (width, method), reports in results.items():
        rows.append([str(width), method, spread(accuracy(reports)), spread(cycles(reports), 1),
                     spread(share(reports, "energy_pj"), 1),
                     spread(share(reports, "weight_bytes"), 1)])
    float_ = mean(accuracy(results[4, "QAT"], "float"))
    loss = float_ - mean(accuracy(results[4, "QAT"]))
    better = all(mean(accuracy(results[width, "mixed (cost), QAT"]))
                 >= mean(accuracy(results[width, "QAT"])) for width in (3, 2))
    return (table(["bits", "method", "accuracy", "cycles, % of int8", "energy, %",
                   "weights, %"], rows)
            + BITS
            + f"\nGoal: QAT at four bits is within 0.5 points of float: {loss:.2f}, "
            f"{verdict(loss <= 0.5)}. Goal: mixed precision is at least as good as uniform "
            f"bits at equal energy, at 3 bits and below: {verdict(better)}.\n")


def together(results):
    rows, reached = [], False
    for (budget, width), reports in results.items():
        loss = mean(accuracy(reports, "float")) - mean(accuracy(reports))
        faster = [r["before"]["cycles"] / r["binary"]["simulated_cycles"] for r in reports]
        gain = [edp(r, "before") / edp(r, "after") for r in reports]
        reached |= loss <= 0.5 and mean(faster) >= GOAL_LATENCY and mean(gain) >= GOAL_EDP
        rows.append([f"prune to {budget} %, then QAT at {width} bits",
                     spread(accuracy(reports)), f"{loss:.2f}", f"{spread(faster)}x",
                     f"{spread(gain)}x"])
    return (table(["steps", "accuracy", "points lost", "fewer cycles",
                   "lower energy-delay"], rows)
            + f"\nGoal: at most 0.5 points for {GOAL_LATENCY}x fewer cycles and {GOAL_EDP}x "
            f"lower energy-delay product: {verdict(reached)}.\n")


def steps(rows):
    worst = max(float(row[3]) for row in rows if row[1] == "QAT")
    return ("\n## A step of training\n\nBatches of 64, the same number of threads, rounds that "
            "alternate (`test/benchmarks/retraining/step_time.py`). The plain step is PyTorch's, in "
            "float, with batch norms; QAT is at four bits, with batch norms folded.\n\n"
            + table(["network", "step", "median", "ratio"], rows)
            + f"\nGoal: QAT takes at most 1.3x: {worst:.2f}x, {verdict(worst <= 1.3)}.\n")


def render(results, notes, step_rows):
    parts = [INTRODUCTION]
    for name, result in results.items():
        anyone = result["pruning"][50, "cost"]
        parts += [
            f"\n## {name}: {len(anyone)} seeds\n\n" + DESCRIPTIONS[name],
            notes.get(name, "") + "\n" + baseline(anyone),
            "\n### Pruning on systolic16x16\n\n" + pruning(result["pruning"]),
            "\n### Bits on systolic16x16-mixed\n\n" + bits(result["bits"]),
            "\n### Both on systolic16x16-mixed\n\n" + together(result["together"]),
        ]
    return "".join(parts + [steps(step_rows)])
