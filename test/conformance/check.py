"""Runs one case through import, float execution and the binary."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import onnx
from accopt.outcomes import CRASHED, FAILED, PASSED, REFUSED, prove, reason_of, run
from onnx.backend.test.runner import Runner
from onnx.reference import ReferenceEvaluator

from variants import FOLDED, beyond_float, kind_of_inputs, variants

# The inputs are doubles that no f32 holds, and f32 is what is computed in.
BEYOND = "beyond f32"
# The suite divides by sizes that are no integers; the operator's text and onnxruntime,
# which leaves these out as well, by those of the tensors.
DISPUTED = {"test_resize_downsample_scales_cubic_align_corners",
            "test_resize_downsample_scales_linear_align_corners"}
# Of the binary: whether it computes the integers that the JIT computes.
PROVEN, UNPROVEN = "proven", ""


@dataclasses.dataclass
class Outcome:
    group: str
    name: str
    op: str
    expanded: bool
    inputs: str  # float, tensor where some are not floats, or other (sequences, strings)
    status: str
    how: str = ""  # the variant that passed
    reason: str = ""  # of a refusal, or what is wrong
    binary: str = UNPROVEN
    binary_reason: str = ""


def in_double(model, inputs):
    """What ONNX's reference evaluator computes of the inputs in f64, in the suite's types. Where sums cancel
    to zero, the suite's own references in f32 have noise above its tolerance."""
    names = [value.name for value in model.graph.input]
    wide = [array.astype(np.float64) if array.dtype == np.float32 else array for array in map(np.asarray, inputs)]
    found = ReferenceEvaluator(model).run(None, dict(zip(names, wide, strict=True)))
    return [array.astype(np.float32) if array.dtype == np.float64 else array for array in found]


def compare(case, expected, actual):
    """What is wrong by the rules of the suite's runner, or None. Ours are f32."""
    outputs = []
    for want, got in zip(expected, actual):
        want = np.asarray(want)
        if want.dtype.kind in "OSU":
            return f"expected {want.dtype}, got {got.dtype}"
        # An integer that came through a Cast to float is compared as one.
        exact = want.dtype.kind in "iub" and got.dtype.kind == "f"
        outputs.append((want.astype(np.float32) if exact else want, got if exact else got.astype(want.dtype)))
    try:
        with np.errstate(all="ignore"):
            Runner.assert_similar_outputs([w for w, _ in outputs], [g for _, g in outputs], case.rtol, case.atol)
    except AssertionError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "; ".join(lines[:6])[:300]
    return None


def run_float(case, variant, tools, folder, timeout):
    """(status, complaint) of import and float execution."""
    model, inputs, outputs = (folder / name for name in ("model.onnx", "in.npz", "out.npz"))
    onnx.save(variant.model, model)
    np.savez(inputs, **variant.feeds)
    outputs.unlink(missing_ok=True)
    status, _, complaint = run([*tools.run.split(), model, f"--input={inputs}", f"--output={outputs}"], timeout)
    if status != PASSED:
        return status, complaint
    with np.load(outputs) as archive:
        actual = [archive[name] for name in variant.outputs]
    problem = compare(case, variant.expected, actual)
    return (FAILED, problem) if problem else (PASSED, "")


def run_binary(variant, tools, folder, timeout):
    """(status, reason): simulator against the JIT of the integer network, bit for bit."""
    model = folder / "model.onnx"
    onnx.save(variant.model, model)
    shapes = {name: value.shape for name, value in variant.feeds.items()}
    status, reason = prove(tools.prove, model, shapes, timeout)
    return (PROVEN, "") if status == PASSED else (status, reason)


def check_binary(case, inputs, expected, first, tools, folder, timeout):
    """The binary of the variant `first`, or of the next easier one that is not refused:
    (status, reason). The array wants constant weights, which the suite feeds."""
    answer = None
    for variant in variants(case, inputs, expected):
        if variant.kind == FOLDED or not variant.feeds:
            break
        if answer is None and variant.signature() != first.signature():
            continue
        if answer is not None:
            status, complaint = run_float(case, variant, tools, folder, timeout)
            if status != PASSED:
                return (status, complaint) if status != REFUSED else answer
        answer = run_binary(variant, tools, folder, timeout)
        if answer[0] != REFUSED:
            break
    return answer or (UNPROVEN, "")


def check(case, tools, timeout, binary=True):
    """The Outcome of a case: that of the first of its variants which is not refused."""
    outcome = Outcome(case.group, case.name, case.op, case.expanded, kind_of_inputs(case), PASSED)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for inputs, expected in case.data:
            if beyond_float(inputs):
                outcome.status = BEYOND
                return outcome
            if case.name in DISPUTED:
                outcome.status, outcome.reason = REFUSED, "disputed: left out"
                return outcome
            if case.op == "DFT":
                expected = in_double(case.model, inputs)
            for variant in variants(case, inputs, expected):
                status, complaint = run_float(case, variant, tools, folder, timeout)
                if status != REFUSED:
                    break
                # That a folded case is refused as well says little.
                if variant.kind != FOLDED or not outcome.reason:
                    outcome.reason = reason_of(complaint)
            outcome.status, outcome.how = status, variant.kind if status != REFUSED else ""
            if status in (FAILED, CRASHED):
                outcome.reason = complaint
            if status != PASSED:
                return outcome
        outcome.reason = ""
        if binary:
            outcome.binary, outcome.binary_reason = check_binary(
                case, inputs, expected, variant, tools, folder, timeout)
    return outcome
