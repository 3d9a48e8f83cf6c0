"""Results of the zoo as lines of text and as a page."""

import statistics
from collections import Counter

from families import FAMILIES, SOURCES, family_of
from measure import CALIBRATION, TESTS
from packaged_models import PACKAGED

INTRODUCTION = """# Models

Real models by name, each exported or unpacked, compiled for the default machine, run by
the simulator on {tests} inputs and compared with onnxruntime. Written by

    PATH=$PWD/build/bin:$PATH .venv/bin/python test/zoo/zoo.py --page docs/Models.md

which takes some hours, most of them to install and run the exporters. `--only=REGEX` takes
a part, `--stale` runs again what an older compiler made, and `--none` writes the page from
what is stored. Each step may take 300 s of one processor and 16 GiB unless told otherwise.
Ranges are measured on {calibration} inputs that the tests are not among.

- **packaged** models are trained, by others; inputs suit them (rendered text, photographs,
  voiced sound, files). All others have weights drawn with a seed, with statistics of
  normalizations as photographs leave them: what their outputs say has no meaning, and the
  noise of int8 is larger than on trained networks. Letters of Thai, Khmer, Arabic and
  Hebrew and the features that wake words read are drawn, too.
- **float** is the signal over the difference between the imported network in float and
  onnxruntime: an import that is right has 80 dB or more. (QDQ models run in float there:
  onnxruntime's rounding of integers is the difference. RT-DETR sorts queries by drawn
  scores that lie as close as 4e-6: onnxruntime with and without its optimizations, too,
  agree to 31.5 dB; given the same indices of TopK its scores have 97 dB, its boxes 140.)
- **SQNR** is that of the binary's int8, of the worst output, where values below 1e-6 count
  as that much (at least); **decides** counts inputs (or
  places) at which the binary decides as onnxruntime does.
- **proven**: every layer's integers are those that MLIR's JIT computes from the same
  network; empty where that was left out for its time (`--prove-seconds=0`). That the
  simulator's cycles and energy are the analysis's, op by op, was seen for every row.
- Seconds are processor time of `acc-opt` with the page's calibration data; those of rows
  by an `older` compiler were read off the clock of two busy cores.
- **compiler** is the commit that made the row.
"""
HEAD = ("| model | nodes | compiled in | layers, on the host | cycles | over bound | float | SQNR | cosine "
        "| decides | proven | compiler |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---|")


def decibels(value):
    if value is None:
        return ""
    return "exact" if value >= 200 else f"{value:.1f} dB"


def cells(row):
    decided = row.get("decisions")
    return [row["name"], f"{row['nodes']}", f"{row['seconds']:.1f} s", f"{row['ops']}, {row['host']}",
            f"{row['cycles']:,}", f"{row['cycles'] / max(row['bound'], 1):.2f}", decibels(row.get("float")),
            decibels(row["sqnr"]), f"{row['cosine']:.4f}", f"{decided[0]} of {decided[1]}" if decided else "",
            {True: "yes", False: "took too long", None: ""}[row.get("proven")]]


def line(row):
    if row["outcome"] == "runs":
        return "  ".join(cells(row))
    if row["outcome"] == "imported":
        return f"{row['name']}  imported, {row['nodes']} nodes"
    return f"{row['name']}  {row['outcome'].upper()}: {row['reason']}"


def counts(rows):
    found = Counter(row["outcome"] for row in rows)
    return f"{len(rows)} models: " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(found.items()))


def summary(rows):
    """What became of each family."""
    lines = ["| family | tried | run | imported only | refused or not exported | least float | SQNR: least, median |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for family in FAMILIES:
        part = [row for row in rows if family_of(row["name"]) == family]
        if not part:
            continue
        good = [row for row in part if row["outcome"] == "runs"]
        taken = sum(row["outcome"] == "imported" for row in part)
        signal = sorted(row["sqnr"] for row in good)
        lines.append(f"| {family} | {len(part)} | {len(good)} | {taken or ''} | {len(part) - len(good) - taken or ''} | "
                     + (f"{decibels(min(row['float'] for row in good))} | {decibels(signal[0])}, "
                        f"{decibels(statistics.median(signal))} |" if good else " | |"))
    return [*lines, ""]


def section(kind, rows):
    """The tables of one source."""
    good = [row for row in rows if row["outcome"] == "runs"]
    lines = [f"## {kind}", "", SOURCES[kind], ""]
    if good:
        lines += [HEAD, *("| " + " | ".join(cells(row)) + f" | {row.get('compiler', 'older')} |" for row in good), ""]
    taken = [row for row in rows if row["outcome"] == "imported"]
    if taken:
        lines += ["Imported, but not yet run for the time that takes (nodes): "
                  + ", ".join(f"{row['name'].partition('/')[2]} ({row['nodes']})" for row in taken) + ".", ""]
    rest = [row for row in rows if row["outcome"] not in ("runs", "imported")]
    if rest:
        lines += ["| model | outcome | reason | compiler |", "|---|---|---|---|"]
        lines += [f"| {row['name']} | {row['outcome']} | {row['reason'].strip().replace('|', '/')} "
                  f"| {row.get('compiler', 'older' if row['outcome'] == 'refused' else '')} |" for row in rest]
        lines.append("")
    if kind == "packaged":
        lines += ["From: " + "; ".join(f"{name} ({model.does}): {model.package}"
                                       for name, model in PACKAGED.items() if f"packaged/{name}" in
                                       {row["name"] for row in rows}) + ".", ""]
    return lines


def write(names, stored, path):
    """The page of all models `names` that `stored` has a result for."""
    rows = [row for name in names if (row := stored(name))]
    absent = [name for name in names if not stored(name)]
    compiled = [row for row in rows if row["outcome"] in ("runs", "imported", "refused", "defect")]
    compilers = Counter(row.get("compiler", "older") for row in compiled)
    lines = [INTRODUCTION.format(tests=TESTS, calibration=CALIBRATION), counts(rows) + ".",
             "By compiler: " + ", ".join(f"{n} {commit}" for commit, n in compilers.most_common()) + ".", ""]
    if absent:
        lines += [f"{len(absent)} more are in the script's list and have no result yet: " + ", ".join(absent) + ".", ""]
    lines += ["## By family", "", *summary(rows)]
    for kind in dict.fromkeys(row["name"].partition("/")[0] for row in rows):
        lines += section(kind, [row for row in rows if row["name"].startswith(kind + "/")])
    used = Counter(op for row in rows for op in row.get("operators", {}))
    lines += ["## Operators", "", "By the number of models that have them: "
              + ", ".join(f"{op} {n}" for op, n in sorted(used.items(), key=lambda x: (-x[1], x[0]))) + ".", ""]
    path.write_text("\n".join(lines))
