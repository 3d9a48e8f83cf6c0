"""Gradients and batch-norm statistics of the training executor against PyTorch's.

A network with random weights (--seed) is written as ONNX and in torch.nn.functional:
convolutions with uneven padding, groups and dilation, batch norms, several activations,
a residual sum, a concat, pooling, a transposed matrix and a scale per channel.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 8
BATCH = 5


def weights(seed):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return (rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32)

    def norm(name):
        return {f"{name}_scale": 1 + normal(CHANNELS) / 4, f"{name}_shift": normal(CHANNELS),
                f"{name}_mean": normal(CHANNELS),
                f"{name}_var": rng.uniform(0.5, 2, CHANNELS).astype(np.float32)}
    return {"w0": normal(CHANNELS, 3, 3, 3), **norm("n0"), "w1": normal(CHANNELS, 1, 3, 3),
            **norm("n1"), "w2": normal(CHANNELS, 4, 2, 2), "b2": normal(CHANNELS),
            "scale": 1 + normal(1, 2 * CHANNELS, 1, 1) / 4,
            "w3": normal(2 * CHANNELS, 10), "b3": normal(10)}


def onnx_model(constants):
    def norm(x, name, y):
        return helper.make_node("BatchNormalization", [
            x, *(f"{name}_{part}" for part in ("scale", "shift", "mean", "var"))], [y])
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["c0"], pads=[1, 0, 1, 2]),
        norm("c0", "n0", "a0"),
        helper.make_node("Relu", ["a0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1], group=CHANNELS),
        norm("c1", "n1", "a1"),
        helper.make_node("HardSwish", ["a1"], ["r1"]),
        helper.make_node("Add", ["r0", "r1"], ["sum"]),
        helper.make_node("Conv", ["sum", "w2", "b2"], ["c2"], dilations=[2, 2], group=2,
                         pads=[1, 1, 1, 1]),
        helper.make_node("LeakyRelu", ["c2"], ["r2"], alpha=0.1),
        helper.make_node("Concat", ["r2", "sum"], ["joined"], axis=1),
        helper.make_node("Mul", ["joined", "scale"], ["scaled"]),
        helper.make_node("MaxPool", ["scaled"], ["pooled"], kernel_shape=[3, 3],
                         strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["pooled"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "gradients", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 9, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def reference(t, x, training):
    """Output of torch on the tensors `t`; batch norms move their statistics."""
    def norm(x, name):
        return F.batch_norm(x, t[f"{name}_mean"], t[f"{name}_var"], t[f"{name}_scale"],
                            t[f"{name}_shift"], training)
    r0 = F.relu(norm(F.conv2d(F.pad(x, (0, 2, 1, 1)), t["w0"]), "n0"))
    r1 = F.hardswish(norm(F.conv2d(r0, t["w1"], padding=1, groups=CHANNELS), "n1"))
    total = r0 + r1
    r2 = F.leaky_relu(F.conv2d(total, t["w2"], t["b2"], padding=1, dilation=2, groups=2), 0.1)
    pooled = F.max_pool2d(torch.cat([r2, total], 1) * t["scale"], 3, 2, 1)
    return pooled.mean((2, 3)) @ t["w3"] + t["b3"]


def check(seed, training, folder):
    """Lines about what differs."""
    constants = weights(seed)
    onnx.save(onnx_model(constants), folder / "model.onnx")
    x = np.random.default_rng(seed + 1).standard_normal((BATCH, 3, 9, 8)).astype(np.float32)
    np.savez(folder / "in.npz", x=x)
    subprocess.run(["accopt-train-run", folder / "model.onnx", f"--input={folder}/in.npz",
                    f"--gradients={folder}/out.npz", "--batch",
                    *(["--training"] if training else [])], check=True)
    with np.load(folder / "out.npz") as archive:
        ours = dict(archive)

    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in constants.items()}
    for name, tensor in tensors.items():
        tensor.requires_grad_(not name.endswith(("_mean", "_var")))
    loss = reference(tensors, torch.tensor(x, dtype=torch.float64), training).square().sum() / 2
    loss.backward()

    problems, found = [], set()
    numbers = [key.removeprefix("before") for key in ours if key.startswith("before")]
    for number in numbers:
        before = ours[f"before{number}"]
        # Constants are found by their values, which are all different.
        name = next(n for n, v in constants.items() if np.array_equal(v, before))
        found.add(name)
        kind = "gradient" if tensors[name].requires_grad else "after"
        if f"{kind}{number}" not in ours:
            problems.append(f"{name}: no {kind}")
            continue
        want = tensors[name].grad if kind == "gradient" else tensors[name].detach()
        want, got = want.numpy(), ours[f"{kind}{number}"]
        error = float(np.abs(got - want).max() / np.abs(want).max())
        if got.shape != want.shape or not error < 1e-4:
            problems.append(f"{name}: relative error {error:.1e} of the {kind}")
    problems += [f"{name}: not among the parameters" for name in constants if name not in found]
    print(f"training={training}: {len(found)} constants, {len(problems)} wrong")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**31
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        problems = [p for training in (False, True) for p in check(seed, training, Path(folder))]
    print("\n".join(problems) or "gradients agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
