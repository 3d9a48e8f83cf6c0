"""Fourier transforms, places of maxima, transposed convolutions of volumes, recurrent
layers of computed lengths, pools with the channels last: against onnxruntime, or against
ONNX's reference evaluator where onnxruntime has no kernel.

    signal_ops.py [--cases N] [--seed S] [--only=DFT,STFT]
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

ELEMENTS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64,
            np.dtype(np.int32): TensorProto.INT32, np.dtype(np.uint8): TensorProto.UINT8,
            np.dtype(np.int8): TensorProto.INT8}


def tensor(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def dft(rng):
    """Both signatures: the axis is an attribute up to opset 19, an input then."""
    opset = int(rng.choice([17, 20]))
    kind = rng.choice(["real", "complex", "inverse", "onesided"] + ["back"] * (opset == 20))
    shape = [int(n) for n in rng.integers(1, 5, rng.integers(1, 3))]
    axis = int(rng.integers(0, len(shape) + 1))
    samples = int(rng.integers(2, 12))
    shape.insert(axis, samples)
    x = tensor(rng, *shape, 1 if kind in ("real", "onesided") else 2)
    inputs, constants = ["x"], {}
    if rng.random() < 0.5:
        inputs.append("length")
        constants["length"] = np.array(int(rng.integers(2, samples + 4)), np.int64)
    attributes = {"inverse": int(kind in ("inverse", "back")), "onesided": int(kind in ("onesided", "back"))}
    if rng.random() < 0.5:
        axis -= x.ndim
    if opset == 20:
        inputs += [""] * (2 - len(inputs)) + ["axis"]
        constants["axis"] = np.array(axis, np.int64)
    else:
        attributes["axis"] = axis % x.ndim
    # onnxruntime 1.31 has no inverse of one side.
    return [helper.make_node("DFT", inputs, ["y"], **attributes)], {"x": x}, constants, opset, kind == "back"


def stft(rng):
    frame, step = int(rng.integers(2, 20)), int(rng.integers(1, 9))
    samples = frame + int(rng.integers(0, 40))
    onesided = int(rng.random() < 0.6)
    parts = 1 if onesided or rng.random() < 0.5 else 2
    constants = {"step": np.array(step, np.int64)}
    window = rng.random() < 0.6
    if window:
        constants["window"] = rng.uniform(0, 1, frame).astype(np.float32)
    if not window or rng.random() < 0.5:
        constants["length"] = np.array(frame, np.int64)
    inputs = ["x", "step", "window" if window else "", "length" if "length" in constants else ""]
    node = helper.make_node("STFT", inputs, ["y"], onesided=onesided)
    return [node], {"x": tensor(rng, int(rng.integers(1, 3)), samples, parts)}, constants, 17, False


def mel(rng):
    """A spectrum through the filters, with a window that ONNX defines by others."""
    bins, length = int(rng.integers(1, 12)), int(rng.choice([16, 32, 50]))
    constants = {"bins": np.array(bins, np.int64), "length": np.array(length, np.int64),
                 "rate": np.array(8000, np.int64), "low": np.array(rng.uniform(0, 500), np.float32),
                 "high": np.array(rng.uniform(1000, 4000), np.float32), "size": np.array(length // 2 + 1, np.int64)}
    nodes = [helper.make_node("MelWeightMatrix", ["bins", "length", "rate", "low", "high"], ["filters"]),
             helper.make_node(str(rng.choice(["HannWindow", "HammingWindow", "BlackmanWindow"])), ["size"], ["window"]),
             helper.make_node("Mul", ["x", "window"], ["windowed"]),
             helper.make_node("MatMul", ["windowed", "filters"], ["y"])]
    return nodes, {"x": tensor(rng, 3, length // 2 + 1)}, constants, 17, False


def max_pool(rng):
    spatial = int(rng.integers(1, 4))
    size = [int(n) for n in rng.integers(5, 9, spatial)]
    kernel = [int(n) for n in rng.integers(1, 4, spatial)]
    attributes = {"kernel_shape": kernel, "strides": [int(n) for n in rng.integers(1, 4, spatial)],
                  "ceil_mode": int(rng.random() < 0.5), "storage_order": int(rng.random() < 0.3)}
    if rng.random() < 0.3:
        attributes["dilations"] = [int(n) if k > 1 else 1 for n, k in zip(rng.integers(1, 3, spatial), kernel)]
    if rng.random() < 0.5:
        attributes["pads"] = [int(rng.integers(0, k)) for k in kernel * 2]
    nodes = [helper.make_node("MaxPool", ["x"], ["y", "places"], **attributes)]
    return nodes, {"x": tensor(rng, 2, 3, *size)}, {}, 12, False


def unpool(rng):
    """Of a MaxPool whose windows do not overlap; kernel, stride and pads are its own."""
    spatial = int(rng.integers(1, 4))
    kernel = [int(n) for n in rng.integers(1, 4, spatial)]
    size = [k * int(rng.integers(1, 4)) for k in kernel]
    window = {"kernel_shape": kernel, "strides": kernel}
    nodes = [helper.make_node("MaxPool", ["x"], ["p", "places"], **window),
             helper.make_node("Tanh", ["p"], ["q"]),
             helper.make_node("MaxUnpool", ["q", "places"], ["y"], **window)]
    return nodes, {"x": tensor(rng, 2, 3, *size)}, {}, 12, False


def conv_transpose(rng):
    groups = int(rng.choice([1, 1, 2]))
    inputs, outputs = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel, strides = ([int(n) for n in rng.integers(1, 4, 3)] for _ in range(2))
    attributes = {"kernel_shape": kernel, "strides": strides, "group": groups,
                  "dilations": [int(n) for n in rng.choice([1, 1, 2], 3)]}
    reach = [(k - 1) * d for k, d in zip(kernel, attributes["dilations"])]
    attributes["pads"] = [int(rng.integers(0, r // 2 + 1)) for r in reach * 2]
    if rng.random() < 0.5:
        attributes["output_padding"] = [int(rng.integers(0, s)) for s in strides]
    constants = {"w": tensor(rng, inputs, outputs, *kernel)}
    names = ["x", "w"]
    if rng.random() < 0.5:
        names.append("b")
        constants["b"] = tensor(rng, groups * outputs)
    x = tensor(rng, int(rng.integers(1, 3)), inputs, *(int(n) for n in rng.integers(2, 5, 3)))
    return [helper.make_node("ConvTranspose", names, ["y"], **attributes)], {"x": x}, constants, 11, False


def recurrent(rng):
    kind = str(rng.choice(["LSTM", "GRU", "RNN"]))
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    batch, width, hidden = (int(n) for n in rng.integers(1, 5, 3))
    steps = int(rng.integers(2, 7))
    direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
    count = 2 if direction == "bidirectional" else 1
    constants = {"w": tensor(rng, count, gates * hidden, width), "r": tensor(rng, count, gates * hidden, hidden),
                 "b": tensor(rng, count, 2 * gates * hidden)}
    inputs = ["x", "w", "r", "b", "lengths"]
    feeds = {"x": tensor(rng, steps, batch, width), "lengths": rng.integers(1, steps + 1, batch).astype(np.int32)}
    if rng.random() < 0.5:
        inputs.append("h")
        feeds["h"] = tensor(rng, count, batch, hidden)
    node = helper.make_node(kind, inputs, ["y", "last"], hidden_size=hidden, direction=direction)
    return [node], feeds, constants, 14, False


def quantized_pool(rng):
    """Between a QuantizeLinear and a DequantizeLinear, as quantizers leave it."""
    spatial = [int(n) for n in rng.integers(4, 9, 2)]
    shape = [2, *spatial, 3] if rng.random() < 0.7 else [2, 3, *spatial]
    attributes = {"channels_last": int(shape[-1] == 3)}
    op = str(rng.choice(["QLinearAveragePool", "QLinearGlobalAveragePool"]))
    if op == "QLinearAveragePool":
        attributes["kernel_shape"] = [int(n) for n in rng.integers(1, 4, 2)]
        attributes["strides"] = [int(n) for n in rng.integers(1, 3, 2)]
        if rng.random() < 0.5:
            attributes["pads"] = [k // 2 for k in attributes["kernel_shape"] * 2]
            attributes["count_include_pad"] = int(rng.random() < 0.5)
    constants = {"s": np.array(0.03, np.float32), "z": np.array(120, np.uint8),
                 "t": np.array(0.02, np.float32), "u": np.array(130, np.uint8)}
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             helper.make_node(op, ["q", "s", "z", "t", "u"], ["p"], domain="com.microsoft", **attributes),
             helper.make_node("DequantizeLinear", ["p", "t", "u"], ["y"])]
    return nodes, {"x": tensor(rng, *shape)}, constants, 13, False


def col2im(rng):
    """Overlapping blocks of two or three dimensions, summed. Of three, padded or with strides,
    onnxruntime 1.31 gives other sums than the definition."""
    spatial = int(rng.integers(2, 4))
    image = [int(n) for n in rng.integers(4, 8, spatial)]
    block = [int(n) for n in rng.integers(1, 4, spatial)]
    strides, dilations = ([int(n) for n in rng.integers(1, 3, spatial)] for _ in range(2))
    dilations = [d if (b - 1) * d < n else 1 for d, b, n in zip(dilations, block, image)]
    pads = [int(n) for n in rng.integers(0, 3, 2 * spatial)]
    counts = [(n + pads[d] + pads[spatial + d] - (b - 1) * dilations[d] - 1) // strides[d] + 1
              for d, (n, b) in enumerate(zip(image, block))]
    x = tensor(rng, 2, 3 * int(np.prod(block)), int(np.prod(counts)))
    node = helper.make_node("Col2Im", ["x", "image", "block"], ["y"], strides=strides, dilations=dilations, pads=pads)
    return [node], {"x": x}, {"image": np.array(image), "block": np.array(block)}, 18, spatial == 3


CASES = {"Col2Im": col2im, "DFT": dft, "STFT": stft, "Mel": mel, "MaxPool": max_pool, "MaxUnpool": unpool,
         "ConvTranspose": conv_transpose, "recurrent": recurrent, "QLinearPool": quantized_pool}


def model_of(nodes, feeds, constants, opset):
    outputs = [name for node in nodes for name in node.output]
    read = {name for node in nodes for name in node.input}
    results = [name for name in outputs if name not in read]
    graph = helper.make_graph(
        nodes, "signal", [helper.make_tensor_value_info(n, ELEMENTS[a.dtype], a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info(n, TensorProto.INT64 if n == "places" else TensorProto.FLOAT, None) for n in results],
        [numpy_helper.from_array(a, n) for n, a in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])
    model.ir_version = 8
    return model


def reference(model, feeds, by_onnx):
    if by_onnx:
        session = ReferenceEvaluator(model)
        return dict(zip(session.output_names, session.run(None, feeds)))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {output.name: value for output, value in zip(session.get_outputs(), session.run(None, feeds))}


def check(folder, kind, rng):
    """"" or what is wrong; None where the reference refuses the case."""
    nodes, feeds, constants, opset, by_onnx = CASES[kind](rng)
    model = model_of(nodes, feeds, constants, opset)
    said = f"{nodes[0].op_type} {[(a.name, helper.get_attribute_value(a)) for a in nodes[0].attribute]} " \
           f"{ {n: a.shape for n, a in feeds.items()} }"
    try:
        expected = reference(model, feeds, by_onnx)
    except Exception:  # onnxruntime's own exceptions share no base but this
        return None
    path, given, computed = folder / "m.onnx", folder / "in.npz", folder / "out.npz"
    onnx.save(model, path)
    np.savez(given, **feeds)
    done = subprocess.run(["accopt-run", path, f"--input={given}", f"--output={computed}"], capture_output=True, text=True)
    if done.returncode:
        return f"{said}: {done.stderr.strip()}"
    with np.load(computed) as got:
        for name, want in expected.items():
            # A quantized average that lies between two integers may be either.
            step = 0.021 if kind == "QLinearPool" else 0
            if got[name].shape != want.shape or not np.allclose(got[name], want, rtol=2e-4, atol=2e-4 + step):
                return f"{said}: '{name}' differs: {got[name].shape} {want.shape}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default=",".join(CASES))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    kinds = arguments.only.split(",")
    passed = {kind: 0 for kind in kinds}
    failed = skipped = 0
    with tempfile.TemporaryDirectory() as temporary:
        for case in range(arguments.cases):
            kind = kinds[case % len(kinds)]
            verdict = check(Path(temporary), kind, np.random.default_rng([arguments.seed, case]))
            skipped += verdict is None
            passed[kind] += verdict == ""
            if verdict:
                failed += 1
                print(f"FAIL case {case}: {verdict}", flush=True)
    print(f"{failed} wrong, {skipped} skipped; passed {passed}")
    return 1 if failed or not all(passed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
