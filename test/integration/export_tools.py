"""Exports models through acc-opt; what the tests of the exporter share."""

import subprocess

import onnx
import onnxruntime as ort


def acc_opt(*arguments):
    subprocess.run(["acc-opt", *map(str, arguments)], check=True)


def export_float(model, folder, optimize, name="float", shapes=()):
    """`model` through nn, fused if `optimize`, to ONNX; returns the path."""
    source, target = f"{folder}/{name}.mlir", f"{folder}/{name}.onnx"
    acc_opt(model, "--emit=nn", *shapes, "-o", source)
    if optimize:
        fused = f"{folder}/{name}-fused.mlir"
        acc_opt(source, "--nn-optimize", "--mlir-print-debuginfo", "-o", fused)
        source = fused
    acc_opt(source, "--emit=onnx", "-o", target)
    return target


def check(path):
    """ONNX's checker, with shapes where ONNX's own are right: with ceil_mode it
    counts windows that begin behind the input."""
    model = onnx.load(path)
    rounds_up = any(a.name == "ceil_mode" and a.i for n in model.graph.node for a in n.attribute)
    onnx.checker.check_model(model, full_check=not rounds_up)


def expect_fixpoint(path, folder, optimize):
    """What is exported again has the same bytes."""
    again = export_float(path, folder, optimize, name="again")
    with open(path, "rb") as first, open(again, "rb") as second:
        if first.read() != second.read():
            raise SystemExit(f"{path}: FAIL: exporting again changes the file")


def session(path, optimize=True):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
