"""Results of the zoo as lines of text and as a page."""

from collections import Counter

INTRODUCTION = """# Models

Real models by name, each exported or unpacked, compiled for the default machine, run by
the simulator on {tests} inputs and compared with onnxruntime. Written by

    PYTHONPATH=python PATH=$PWD/build/bin:$PATH .venv/bin/python test/zoo/zoo.py --page docs/Models.md

which takes some hours, most of them to install and run the exporters; `--only=REGEX` takes
a part. Ranges are measured on {calibration} inputs that the tests are not among.

- **packaged** models are trained, by others; inputs suit them (rendered text, photographs,
  voiced sound, files). All others have weights drawn with a seed, with statistics of
  normalizations as photographs leave them: what their outputs say has no meaning, and the
  noise of int8 is larger than on trained networks.
- **float** is the signal over the difference between the imported network in float and
  onnxruntime: an import that is right has 80 dB or more. (QDQ models run in float there:
  onnxruntime's rounding of integers is the difference.)
- **SQNR** is that of the binary's int8, of the worst output; **decides** counts inputs (or
  places) at which the binary decides as onnxruntime does.
- **proven**: every layer's integers are those that MLIR's JIT computes from the same
  network, and the simulator's cycles are the analysis's; empty where that was left out
  for its time (--no-prove).
- Seconds are of `acc-opt`, on two cores that others kept busy: several times what it
  takes alone.
"""
HEAD = ("| model | nodes | compiled in | layers, on the host | cycles | over bound | float | SQNR | cosine "
        "| decides | proven |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|")


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


def write(names, stored, path):
    from measure import CALIBRATION, TESTS

    rows = [row for name in names if (row := stored(name))]
    absent = len(names) - len(rows)
    lines = [INTRODUCTION.format(tests=TESTS, calibration=CALIBRATION), counts(rows) + ".", ""]
    if absent:
        lines += [f"{absent} more are in the script's list and have not been exported yet.", ""]
    for kind in dict.fromkeys(row["name"].partition("/")[0] for row in rows):
        part = [row for row in rows if row["name"].startswith(kind + "/")]
        good = [row for row in part if row["outcome"] == "runs"]
        lines += [f"## {kind}", ""]
        if good:
            lines += [HEAD] + ["| " + " | ".join(cells(row)) + " |" for row in good] + [""]
        taken = [row for row in part if row["outcome"] == "imported"]
        if taken:
            lines += ["Imported, but not yet run for the time that takes (nodes): "
                      + ", ".join(f"{row['name'].partition('/')[2]} ({row['nodes']})" for row in taken) + ".", ""]
        rest = [row for row in part if row["outcome"] not in ("runs", "imported")]
        if rest:
            lines += ["| model | outcome | reason |", "|---|---|---|"]
            lines += [f"| {row['name']} | {row['outcome']} | {row['reason'].replace('|', '/')} |" for row in rest]
            lines.append("")
    used = Counter(op for row in rows for op in row.get("operators", {}))
    lines += ["## Operators", "", "By the number of models that have them: "
              + ", ".join(f"{op} {n}" for op, n in sorted(used.items(), key=lambda x: (-x[1], x[0]))) + ".", ""]
    path.write_text("\n".join(lines))
