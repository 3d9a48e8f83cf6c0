"""Random layers that move or resample images, between two convolutions.

Each network is conv - layer - conv with random shapes and attributes: transposed
convolutions (with a normalization and an activation), Resize in all modes,
DepthToSpace, recurrent layers. Compiled for a random machine, every integer of the
simulator must be MLIR's JIT's and the costs of analysis and simulator equal
(accopt-prove), and the binary must be near onnxruntime on the float model. The seed is
printed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

TARGETS = ("systolic8x8", "systolic16x16", "systolic32x32")


class Network:
    def __init__(self, rng):
        self.rng, self.nodes, self.constants = rng, [], []

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def constant(self, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def weights(self, *shape):
        fan_in = max(1, int(np.prod(shape[1:])))
        return self.constant((self.rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32))

    def node(self, op, *inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [f"v{len(self.nodes)}"],
                                           name=f"{op}{len(self.nodes)}", **attributes))
        return self.nodes[-1].output[0]

    def conv(self, x, inputs, outputs):
        return self.node("Conv", x, self.weights(outputs, inputs, 3, 3), self.weights(outputs),
                         pads=[1] * 4)


def conv_transpose(n, x, channels):
    groups = int(n.pick(1, 1, 1, 2, channels))
    per_group = 1 if groups == channels else int(n.rng.integers(1, 7))
    kernel = [int(n.rng.integers(1, 6)) for _ in range(2)]
    strides = [int(n.rng.integers(1, 4)) for _ in range(2)]
    extra = [int(n.rng.integers(0, s)) for s in strides]
    dilations = [int(n.pick(1, 1, 2)) for _ in range(2)]
    pads = [int(n.rng.integers(0, min(3, k))) for k in kernel * 2]
    outputs = groups * per_group
    x = n.node("ConvTranspose", x, n.weights(channels, per_group, *kernel), n.weights(outputs),
               strides=strides, pads=pads, dilations=dilations, output_padding=extra, group=groups)
    if n.rng.integers(2):
        x = n.node("BatchNormalization", x, n.constant(np.full(outputs, 1.5, np.float32)),
                   n.weights(outputs), n.weights(outputs),
                   n.constant(n.rng.uniform(0.5, 2, outputs).astype(np.float32)))
    return n.node(n.pick("Relu", "Sigmoid", "LeakyRelu"), x), outputs


def resize(n, x, channels):
    mode = n.pick("nearest", "nearest", "linear", "linear", "cubic")
    coordinates = n.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    scales = [1.0, 1.0, float(n.pick(1, 2, 2, 3, 4, 0.5, 1.5)), float(n.pick(1, 2, 2, 3, 4, 0.5, 1.5))]
    attributes = {"nearest_mode": n.pick("floor", "round_prefer_floor", "ceil")} if mode == "nearest" else {}
    return n.node("Resize", x, "", n.constant(np.array(scales, np.float32)), mode=mode,
                  coordinate_transformation_mode=coordinates, **attributes), channels


def depth_to_space(n, x, channels):
    block = int(n.pick(2, 3))
    outputs = int(n.rng.integers(1, 6))
    x = n.conv(x, channels, outputs * block * block)
    x = n.node("DepthToSpace", x, blocksize=block, mode=n.pick("DCR", "CRD"))
    return n.node(n.pick("Relu", "Sigmoid"), x), outputs


def space_to_depth(n, x, channels):
    return n.node("SpaceToDepth", x, blocksize=2), 4 * channels


LAYERS = [conv_transpose, conv_transpose, conv_transpose, resize, resize, resize, depth_to_space,
          space_to_depth]


def make(rng):
    n = Network(rng)
    channels = int(n.pick(4, 8, 12))
    shape = (1, 3, 2 * int(rng.integers(2, 6)), 2 * int(rng.integers(2, 6)))
    x = n.node("Relu", n.conv("x", 3, channels))
    layer = n.pick(*LAYERS)
    x, channels = layer(n, x, channels)
    x = n.conv(x, channels, 4)
    graph = helper.make_graph(n.nodes, "layers",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)], n.constants)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    return onnx.shape_inference.infer_shapes(model), shape, layer.__name__


def check(model, shape, target, rng, folder):
    path = folder / "layers.onnx"
    onnx.save(model, path)
    data = rng.standard_normal((4, *shape[1:])).astype(np.float32)
    expected = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": data[:1]})[0]
    np.savez(folder / "data.npz", x=data)
    np.savez(folder / "x.npz", x=data[:1])
    flags = [f"--target={target}", f"--calibration-data={folder / 'data.npz'}"]
    for command in (["accopt-prove", path, *flags],
                    ["acc-opt", path, *flags, "--quiet", "-o", folder / "m.elf"],
                    ["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}"]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{command[0]}: {done.stderr.strip()[:300]}"
    arrays = np.load(folder / "y.npz")
    got = arrays[arrays.files[0]].reshape(expected.shape)
    noise = np.mean((expected - got) ** 2)
    signal = np.mean((expected - expected.mean()) ** 2)
    ratio = 10 * np.log10(max(signal, 1e-12) / max(noise, 1e-12))
    return "" if ratio > 18 else f"{ratio:.1f} dB, expected 18"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", type=int, default=40)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}", flush=True)
    ort.set_default_logger_severity(4)
    done = wrong = number = 0
    with tempfile.TemporaryDirectory() as folder:
        while done < args.cases:
            rng = np.random.default_rng([seed, number])
            number += 1
            try:
                model, shape, layer = make(rng)
                target = TARGETS[rng.integers(len(TARGETS))]
                problem = check(model, shape, target, rng, Path(folder))
            except Exception as error:  # attributes that onnxruntime refuses
                if "onnxruntime" not in type(error).__module__ and "onnx" not in type(error).__module__:
                    raise
                continue
            done += 1
            if problem:
                wrong += 1
                text = [f"{a.name}={helper.get_attribute_value(a)}" for n in model.graph.node[2:4]
                        for a in n.attribute]
                print(f"case {number - 1} {layer} {shape} {target} {text}: {problem}", flush=True)
    print(f"{done} networks, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
