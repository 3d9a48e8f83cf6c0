"""Holds the cost report of acc-opt against that of acc-sim, field by field.

    python -m accopt.compare_reports ANALYSIS.json SIMULATOR.json
"""

import argparse
import json
import math
import sys
from pathlib import Path

# Picojoules: both add counts times prices, but in sums of another order.
ENERGY_TOLERANCE = 1e-9


def flatten(report):
    """Maps a path such as "ops/3 (conv)/cycles" to its value."""
    fields = {}

    def walk(path, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}/{key}" if path else key, inner)
        else:
            fields[path] = value

    for key in ("schema", "version", "target", "total"):
        walk(key, report[key])
    for index, op in enumerate(report["ops"]):
        walk(f"ops/{index} ({op['name']})", op)
    return fields


def is_same(path, left, right):
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=ENERGY_TOLERANCE, abs_tol=0)
    return left == right


def differences(analysis, simulator):
    """Returns a line for each field that differs; also checks the sums."""
    left, right = flatten(analysis), flatten(simulator)
    lines = [
        f"{path}: analysis {left.get(path)!r}, simulator {right.get(path)!r}"
        for path in sorted(left.keys() | right.keys())
        if path not in left or path not in right or not is_same(path, left[path], right[path])
    ]
    if (analysis["source"], simulator["source"]) != ("analysis", "simulator"):
        lines.append(f"sources: {analysis['source']!r} and {simulator['source']!r}")
    if not analysis["ops"]:
        lines.append("no ops")
    for report in (analysis, simulator):
        total = report["total"]
        for field in ("cycles", "macs", "dram_read_bytes", "dram_write_bytes"):
            added = sum(op[field] for op in report["ops"])
            if added != total[field]:
                lines.append(f"{report['source']}: {field} of ops add up to {added}, "
                             f"total {total[field]}")
        added = sum(op["energy_pj"] for op in report["ops"])
        if not math.isclose(added, total["energy_pj"], rel_tol=ENERGY_TOLERANCE):
            lines.append(f"{report['source']}: energies add up to {added}, "
                         f"total {total['energy_pj']}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("analysis", type=Path)
    parser.add_argument("simulator", type=Path)
    options = parser.parse_args()
    analysis = json.loads(options.analysis.read_text())
    lines = differences(analysis, json.loads(options.simulator.read_text()))
    print("\n".join(lines) or f"equal: {len(analysis['ops'])} ops")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
