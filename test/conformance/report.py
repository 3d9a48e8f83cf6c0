"""What a run of the suite found: the page docs/Conformance.md, and the list of misses."""

import collections
import re

import onnx

from accopt.outcomes import CRASHED, FAILED, PASSED, REFUSED
from check import BEYOND, PROVEN
from variants import BAKED, DIRECT, FOLDED

HEAD = """# Conformance

ONNX's own backend test suite, {count} cases as the package onnx {version} ships them, each
through import and float execution with the suite's references and tolerances (for DFT
with what ONNX's reference evaluator computes in f64: the suite's f32 has noise above its
own tolerance where sums are zero), and where that passes as a binary: its integers against
MLIR's JIT of the integer network, bit for bit, its cycles against the analysis. Written by

    PYTHONPATH=python .venv/bin/python test/conformance/conformance.py --page docs/Conformance.md

- **as it is**: passed with the suite's inputs as the graph's inputs. Integers and
  booleans that come out are read through a Cast to float, what a QuantizeLinear makes
  through the DequantizeLinear that undoes it.
- **baked in**: refused as it is; passed with parameters (shapes, axes, weights, ...) as
  initializers, as models have them. The suite makes graph inputs of them.
- **folded**: passed only with every input as an initializer: at compile time.
- **refused**: exit status 1 and one line with the node and the reason.
- **beyond f32**: the suite's inputs are doubles that no f32 holds. float16, bfloat16 and
  double are computed in f32 and compared in the case's own type.
- **failed**: other numbers than the reference. **crashed**: anything else, also a run of
  more than {timeout} s.
- **proven**: the binary computes the JIT's integers; the rest of what passed outside of
  folding was refused by the machine, with reasons below.
"""


def misses(outcomes, supported):
    """(case, reason) of operators listed as full: what is not passed, and float cases
    that pass in constant folding alone. Sequences and optionals are no tensors; what only
    a newer opset than the importer's can say is no operator of the table."""
    found = []
    for o in outcomes:
        if o.expanded or not supported.get(o.op, "").startswith("full") or o.inputs == "other":
            continue
        if "version converter cannot bring" in o.reason:
            continue
        if o.status not in (PASSED, BEYOND):
            found.append((o.name, o.reason))
        elif o.how == FOLDED and o.inputs == "float":
            found.append((o.name, "passes in constant folding alone"))
    return found


def table(header, rows):
    """Markdown; columns of numbers are set to the right."""
    right = ["---:" if all(isinstance(row[i], int) for row in rows) else "---" for i in range(len(header))]
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(right) + "|"]
    return lines + ["| " + " | ".join(str(cell or "") for cell in row) + " |" for row in rows]


COLUMNS = ("cases", "as it is", "baked in", "folded", "refused", "beyond f32", "failed", "crashed", "proven")


def counts(outcomes):
    """The numbers of COLUMNS."""
    status = collections.Counter(o.status for o in outcomes)
    how = collections.Counter(o.how for o in outcomes if o.status == PASSED)
    binary = collections.Counter(o.binary for o in outcomes)
    return [len(outcomes), how[DIRECT], how[BAKED], how[FOLDED], status[REFUSED], status[BEYOND],
            status[FAILED] + binary[FAILED], status[CRASHED] + binary[CRASHED], binary[PROVEN]]


def grouped(outcomes, key):
    groups = collections.defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome)].append(outcome)
    return groups


def general(reason):
    """A reason without what differs from case to case."""
    reason = re.sub(r"^(constant|input|output|tensor) '[^']*'", r"\1", reason)
    reason = re.sub(r"(from opset|but got) \d+", r"\1 N", reason)
    reason = re.sub(r"(Assertion|==>).*", "...", reason)
    reason = re.sub(r"tensor<[^>]*>", "a tensor", reason)
    reason = re.sub(r"(static shape|a float type|numeric element type|as quantized type), got .*", r"\1", reason)
    reason = re.sub(r"(got a cast to) \w+", r"\1 another", reason)
    reason = re.sub(r"--print-op-support\), got \S+", "--print-op-support)", reason)
    reason = re.sub(r"^\([\w.]+\): (?=expected (a supported operator|constant inputs))", "", reason)
    reason = re.sub(r"\b\d+( bytes of scratchpad)?.*free: ", "... bytes of scratchpad: ", reason)
    return reason.replace("|", "\\|")


def reasons(outcomes, reason):
    """Rows (reason, cases, an example), the frequent ones first."""
    groups = grouped(outcomes, lambda o: general(reason(o)))
    return [(text, len(members), f"`{members[0].name}`")
            for text, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))]


def operators(outcomes, supported):
    """Rows of operators that are supported or have a passed case."""
    rows = []
    for op, members in sorted(grouped([o for o in outcomes if o.op and not o.expanded], lambda o: o.op).items()):
        if op in supported or any(o.status == PASSED for o in members):
            rows.append([op, *counts(members)])
    return rows


def refused_operators(outcomes, supported):
    """(operator, cases) of the operators that are not in the table of import."""
    groups = grouped([o for o in outcomes if o.op and not o.expanded and o.op not in supported
                      and o.status == REFUSED], lambda o: o.op)
    return sorted(((op, len(members)) for op, members in groups.items()), key=lambda row: (-row[1], row[0]))


def page(outcomes, supported, timeout):
    lines = HEAD.format(count=len(outcomes), version=onnx.__version__, timeout=timeout).splitlines()
    groups = grouped(outcomes, lambda o: o.group + (" (function bodies)" if o.expanded else ""))
    rows = [[name, *counts(members)] for name, members in groups.items()]
    lines += ["", *table(("group", *COLUMNS), [*rows, ["all", *counts(outcomes)]])]

    wrong = [o for o in outcomes if {o.status, o.binary} & {FAILED, CRASHED}]
    lines += ["", "## Failed and crashed", ""]
    lines += [f"- `{o.name}`: {o.reason or o.binary_reason}" for o in wrong] or ["None."]
    lines += ["", "## Misses", "",
              "Cases of an operator that `acc-opt --print-op-support` calls full, on tensors of",
              "numbers, that are refused; or on floats, that pass in constant folding alone. Left out are",
              "cases that only an opset newer than the importer's can say, which ONNX's version converter",
              "refuses, and two of Resize in which the suite divides by sizes that are no integers",
              "(onnxruntime leaves them out as well); all of these count as refused.", ""]
    lines += [f"- `{name}`: {reason}" for name, reason in misses(outcomes, supported)] or ["None."]

    lines += ["", "## Operators", "", "Cases of one node, of operators that are taken.", ""]
    lines += table(("operator", *COLUMNS), operators(outcomes, supported))
    lines += ["", "## Operators that are not taken", "", "By their number of cases: "]
    lines[-1] += ", ".join(f"{op} {n}" for op, n in refused_operators(outcomes, supported)) + "."
    lines += ["", "## Why cases are refused", ""]
    lines += table(("reason", "cases", "such as"),
                   reasons([o for o in outcomes if o.status == REFUSED], lambda o: o.reason))
    lines += ["", "## Why binaries are refused", ""]
    lines += table(("reason", "cases", "such as"),
                   reasons([o for o in outcomes if o.binary == REFUSED], lambda o: o.binary_reason))
    return "\n".join(lines) + "\n"
