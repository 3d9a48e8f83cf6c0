"""Holds a line of --explain to reports: explain.py BEFORE.json AFTER.json EXPLANATION."""

import json
import re
import sys

before, after = (json.load(open(path)) for path in sys.argv[1:3])
text = open(sys.argv[3]).read()
line = next(line for line in text.splitlines() if "twice the bandwidth" in line)
shown = [float(number) for number in re.findall(r"([+-][0-9.]+) %", line)]
ops = [next(op for op in report["ops"] if op["name"] == "linear") for report in (before, after)]
expected = []
for old, new in ((ops[0], ops[1]), (before["total"], after["total"])):
    for field in ("cycles", "energy_pj"):
        expected.append(100 * (new[field] - old[field]) / old[field])
if any(abs(a - b) > 0.06 for a, b in zip(shown, expected, strict=True)):
    sys.exit(f"expected {expected}, got {shown}")
