"""Checks a digits binary: its top-1 against the float model's, its cost report
against the one of the analysis."""

import json
import sys

from accopt.compare_reports import differences
from accopt.show_digits import compare

MAX_DROP = 0.5

elf, analysis = sys.argv[1:]
float_top1, binary_top1, count, report = compare("acc-sim", elf)
print(f"{count} images: float {float_top1:.2f} %, binary {binary_top1:.2f} %")
with open(analysis) as file:
    lines = differences(json.load(file), report)
if float_top1 < 98:
    lines.append(f"expected a float top-1 of at least 98 %, got {float_top1:.2f} %")
if float_top1 - binary_top1 > MAX_DROP:
    lines.append(f"binary loses {float_top1 - binary_top1:.2f} points, expected {MAX_DROP} at most")
print("\n".join(lines))
sys.exit(1 if lines else 0)
