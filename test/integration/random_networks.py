"""Random networks on random machines: the binary computes what MLIR's JIT computes.

    python random_networks.py [--cases N] [--seed S] [--bits] [--sixteen] [--strips] [--runner accopt-prove]

Each case is a graph of random ops, shapes, strides, pads, dilations and groups on a
machine with random sizes and bandwidths. accopt-prove compares every layer's integers
with the JIT and the analysis with the simulator; a case that does not fit its machine
may be refused, in one line. With --bits values have 2 to 8 bits at random, on machines
with random rates for 4 and 2 bits. With --sixteen all values, or those of random nodes, have
9 to 16 bits, on machines on which 1 to 4 processing elements join for them. With --strips networks are chains and blocks of windows
over images that are large for their machine, which run strip by strip.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Network:
    """A graph that grows by random ops; `values` are those that may be read."""

    def __init__(self, rng, wide=False, strips=False):
        self.rng = rng
        self.wide = wide  # channels in eights, windows only: tensors can be packed
        self.strips = strips  # windows only, mostly small, over large images
        self.weights = np.random.default_rng(rng.randrange(2**32))
        self.nodes, self.initializers = [], []
        shape = (rng.choice([1, 1, 1, 2]), rng.randint(1, 20), rng.randint(1, 18), rng.randint(1, 18))
        if wide:
            shape = (1, 8 * rng.randint(1, 3), rng.randint(12, 24), rng.randint(12, 24))
        if strips:
            channels = 8 * rng.randint(1, 2) if wide else rng.randint(1, 12)
            shape = (rng.choice([1, 1, 2]), channels, rng.randint(16, 48), rng.randint(8, 40))
        self.values = [("input", shape)]

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def normal(self, *shape):
        scale = 1 / np.sqrt(max(1, int(np.prod(shape[1:]))))
        return self.constant((self.weights.normal(size=shape) * scale).astype(np.float32))

    def add(self, op, inputs, shape, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{op}_{name}", **attributes))
        self.values.append((name, tuple(int(size) for size in shape)))

    def images(self):
        return [value for value in self.values if len(value[1]) == 4]

    def pick(self):
        """Mostly the newest image, sometimes an older one."""
        images = self.images()
        return images[-1] if self.rng.random() < 0.7 else self.rng.choice(images)

    def window(self, height, width):
        """Kernel, strides, pads, dilations and output size that fit, or None."""
        rng = self.rng
        kernel = [rng.randint(1, 5), rng.randint(1, 5)]
        strides = [rng.randint(1, 3), rng.randint(1, 3)]
        dilations = [rng.choice([1, 1, 2]), rng.choice([1, 1, 3])]
        if self.strips and rng.random() < 0.8:
            size = rng.choice([1, 3, 3, 5])
            kernel, strides, dilations = [size, size], [rng.choice([1, 1, 1, 2])] * 2, [1, 1]
            if rng.random() < 0.8:
                return dict(kernel_shape=kernel, strides=strides, pads=[size // 2] * 4), [
                    (length - 1) // strides[0] + 1 for length in (height, width)]
        pads = [rng.randint(0, kernel[i % 2] - 1) for i in range(4)]
        out = []
        for i, size in enumerate((height, width)):
            room = size + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1
            if room < 0:
                return None
            out.append(room // strides[i] + 1)
        return dict(kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations), out

    def conv(self):
        name, (n, c, h, w) = self.pick()
        window = self.window(h, w)
        if not window:
            return
        divisors = [d for d in range(1, c + 1) if c % d == 0]
        groups = self.rng.choice([1, 1, c, self.rng.choice(divisors)])
        m = groups * self.rng.randint(1, max(1, 40 // groups))
        if groups == c and self.rng.random() < 0.7:
            m = c
        if self.wide and groups != c:
            groups = self.rng.choice([g for g in (1, 2, 4) if c // g % 8 == 0])
            m = 8 * groups * self.rng.randint(1, 4)
        attributes, out = window
        inputs = [name, self.normal(m, c // groups, *attributes["kernel_shape"])]
        if self.rng.random() < 0.7:
            inputs.append(self.normal(m))
        self.add("Conv", inputs, (n, m, *out), group=groups, **attributes)

    def block(self):
        """Convolutions that keep the image's size, and its sum with what went in."""
        name, (n, c, h, w) = self.pick()
        value, channels = name, c
        for m in [self.rng.randint(1, 32) for _ in range(self.rng.randint(1, 3))] + [c]:
            size = self.rng.choice([1, 3])
            self.add("Conv", [value, self.normal(m, channels, size, size)], (n, m, h, w),
                     kernel_shape=[size, size], pads=[size // 2] * 4)
            value, channels = self.values[-1][0], m
        self.add("Add", [value, name], (n, c, h, w))

    def pool(self):
        name, (n, c, h, w) = self.pick()
        window = self.window(h, w)
        if not window:
            return
        attributes, out = window
        if self.rng.random() < 0.5:
            self.add("MaxPool", [name], (n, c, *out), **attributes)
        else:
            self.add("AveragePool", [name], (n, c, *out), **attributes,
                     count_include_pad=self.rng.randint(0, 1))

    def whole_pool(self):
        """A window over the whole image, which leaves room for few channels."""
        name, (n, c, h, w) = self.pick()
        op = self.rng.choice(["GlobalAveragePool", "GlobalMaxPool", "MaxPool"])
        if op == "MaxPool":
            self.add(op, [name], (n, c, 1, 1), kernel_shape=[h, w])
        else:
            self.add(op, [name], (n, c, 1, 1))

    def elementwise(self):
        name, shape = self.pick()
        op = self.rng.choice(["Add", "Sub", "Mul"])
        same = [value for value in self.images() if value[1] == shape]
        kind = self.rng.randrange(4)
        if kind == 0:
            other = self.normal(1, shape[1], 1, 1)
        elif kind == 1:
            other = self.constant(np.float32(self.rng.uniform(-2, 2)))
        elif kind == 2:
            gates = [v for v in self.images() if v[1][:2] == shape[:2] and v[1][2:] == (1, 1)]
            other = self.rng.choice(gates or same)[0]
        else:
            other = self.rng.choice(same)[0]
        self.add(op, [name, other] if self.rng.random() < 0.7 else [other, name], shape)

    def activation(self):
        name, shape = self.pick()
        op, attributes = self.rng.choice([
            ("Relu", {}), ("Sigmoid", {}), ("HardSwish", {}), ("LeakyRelu", dict(alpha=0.2)),
            ("HardSigmoid", dict(alpha=0.25, beta=0.4)), ("Relu", {}),
        ])
        self.add(op, [name], shape, **attributes)

    def concat(self):
        name, shape = self.pick()
        axis = self.rng.randrange(1, 4)
        fits = [v for v in self.images()
                if all(a == b for d, (a, b) in enumerate(zip(v[1], shape)) if d != axis)]
        parts = [self.rng.choice(fits) for _ in range(self.rng.randint(1, 2))] + [(name, shape)]
        out = list(shape)
        out[axis] = sum(part[1][axis] for part in parts)
        self.add("Concat", [part[0] for part in parts], out, axis=axis)

    def branches(self):
        """Convolutions of one image whose channels are concatenated, twice in a row at times."""
        for _ in range(self.rng.choice([1, 1, 2])):
            name, (n, c, h, w) = self.pick()
            parts = [(name, c)] if self.rng.random() < 0.4 else []
            for _ in range(self.rng.randint(1, 3)):
                m, size = self.rng.randint(1, 40), self.rng.choice([1, 3])
                self.add("Conv", [name, self.normal(m, c, size, size)], (n, m, h, w),
                         kernel_shape=[size, size], pads=[size // 2] * 4)
                parts.append((self.values[-1][0], m))
            self.rng.shuffle(parts)
            self.add("Concat", [part for part, _ in parts], (n, sum(m for _, m in parts), h, w), axis=1)

    def slice(self):
        name, shape = self.pick()
        axis = self.rng.randrange(1, 4)
        size = shape[axis]
        start = self.rng.randrange(size)
        step = self.rng.choice([1, 1, 2, -1])
        stop = size if step > 0 else -size - 1
        out = list(shape)
        out[axis] = len(range(size)[start::step])
        arrays = [np.array([value], np.int64) for value in (start, stop, axis, step)]
        self.add("Slice", [name] + [self.constant(a) for a in arrays], out)

    def pad(self):
        name, shape = self.pick()
        pads = [0, 0] + [self.rng.randint(0, 2) for _ in range(2)]
        pads += [0, self.rng.randint(0, 2)] + [self.rng.randint(0, 2) for _ in range(2)]
        out = [size + pads[d] + pads[d + 4] for d, size in enumerate(shape)]
        self.add("Pad", [name, self.constant(np.array(pads, np.int64)),
                         self.constant(np.float32(self.rng.choice([0, 0.5])))], out)

    def shuffle(self):
        name, (n, c, h, w) = self.pick()
        groups = self.rng.choice([d for d in range(1, c + 1) if c % d == 0])
        self.add("Reshape", [name, self.constant(np.array([n, groups, c // groups, h, w], np.int64))],
                 (n, groups, c // groups, h, w))
        self.add("Transpose", [self.values[-1][0]], (n, c // groups, groups, h, w), perm=[0, 2, 1, 3, 4])
        self.add("Reshape", [self.values[-1][0], self.constant(np.array([n, c, h, w], np.int64))],
                 (n, c, h, w))

    def silu(self):
        name, shape = self.pick()
        self.add("Sigmoid", [name], shape)
        self.add("Mul", [name, self.values[-1][0]], shape)

    def transpose(self):
        name, shape = self.pick()
        perm = [0] + self.rng.sample([1, 2, 3], 3)
        self.add("Transpose", [name], [shape[d] for d in perm], perm=perm)

    def gate(self):
        name, (n, c, h, w) = self.pick()
        self.add("GlobalAveragePool", [name], (n, c, 1, 1))
        self.add("Sigmoid", [self.values[-1][0]], (n, c, 1, 1))
        self.add("Mul", [name, self.values[-1][0]], (n, c, h, w))

    def head(self):
        name, shape = self.pick()
        features = int(np.prod(shape[1:]))
        self.add("Flatten", [name], (shape[0], features))
        out = self.rng.randint(1, 24)
        self.add("Gemm", [self.values[-1][0], self.normal(out, features), self.normal(out)],
                 (shape[0], out), transB=1)
        if self.rng.random() < 0.3:
            self.add("Softmax", [self.values[-1][0]], (shape[0], out), axis=1)

    def model(self):
        steps = [self.conv] * 6 + [self.pool] * 2 + [self.elementwise] * 3 + [self.activation] * 2 + [
            self.concat, self.branches, self.branches, self.slice, self.pad, self.shuffle, self.silu, self.transpose,
            self.gate]
        if self.wide:
            steps = [self.conv] * 5 + [self.pool, self.whole_pool]
        elif self.strips:
            steps = [self.conv] * 6 + [self.block] * 3 + [self.pool, self.branches]
        for _ in range(self.rng.randint(3 if self.strips else 1, 10)):
            self.rng.choice(steps)()
        if self.rng.random() < 0.5 or len(self.nodes) == 0:
            self.head()
        read = {name for node in self.nodes for name in node.input}
        outputs = [(name, shape) for name, shape in self.values[1:] if name not in read]
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, self.values[0][1])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
            self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        onnx.checker.check_model(model)
        return model


def machine(rng, bits, builtins, small=False, strips=False, sixteen=False):
    if not bits and not small and not strips and rng.random() < 0.3:
        return rng.choice(["systolic16x16", "systolic16x16-os", "systolic8x8"] if sixteen else builtins)
    rows, columns = rng.choice([4, 8, 12, 16, 32]), rng.choice([4, 8, 16, 24, 32])
    parameters = dict(
        rows=rows, columns=columns,
        scratchpad_bytes=1024 * rng.choice([6, 8, 16, 32, 64, 256]),
        accumulator_bytes=4 * columns * rng.choice([16, 37, 64, 256, 1024]),
        dram_bytes_per_cycle=rng.choice([1, 4, 8, 16, 64]),
        dram_latency=rng.choice([0, 1, 20, 100, 300]),
        issue_cycles=rng.choice([1, 4, 9]),
        lanes=rng.choice([4, 16, 48, 64]),
        vector_latency=rng.choice([1, 8, 12]),
        dataflow=rng.choice(["weight", "output", "input", "row", "weight-or-output"]) + "-stationary",
        stationary_registers=rng.choice([1, 2]),
        patch_segments=rng.choice([1, 2, 4, 16]),
        dram_burst_bytes=rng.choice([1, 64]),
        dram_outstanding=rng.choice([0, 0, 3, 16]),
        scratchpad_port_bytes=rng.choice([0, 0, 16, 128]),
        scratchpad_ports=rng.choice(["split", "shared"]))
    if sixteen:
        parameters.update(array_pes_16bit=rng.choice([1, 2, 2, 3, 4]))
    if bits:
        parameters.update(array_rate_4bit=rng.choice([1, 2, 3]), array_rate_2bit=rng.choice([1, 2, 4, 16]))
    if small:
        parameters.update(scratchpad_bytes=1024 * rng.choice([4, 5, 6, 8]), columns=rng.choice([8, 16, 32]))
        parameters.update(accumulator_bytes=4 * parameters["columns"] * 256)
    if strips:
        parameters.update(scratchpad_bytes=1024 * rng.choice([12, 16, 24, 32, 48]))
    text = ",".join(f"{key}={value}" for key, value in parameters.items())
    return "systolic16x16{" + text + "}"


def activation_bits(rng, path, folder):
    """For all values or for those of some nodes, by the names that calibration has for them."""
    if rng.random() < 0.4:
        return str(rng.choice([16, 16, rng.randint(9, 15)]))
    ranges = folder / "ranges.json"
    subprocess.run(["acc-opt", str(path), "--emit=nn-quantized", f"--save-calibration={ranges}", "-o", "-"],
                   stdout=subprocess.DEVNULL, check=True)
    names = [entry["name"] for entry in json.loads(ranges.read_text())["ranges"]]
    chosen = rng.sample(names, rng.randint(1, len(names)))
    return ",".join([rng.choice(["8", "8", "16"])] + [f"{name}={rng.choice([8, 9, 12, 16, 16, 16])}" for name in chosen])


REFUSED = re.compile(r"bytes of scratchpad")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--bits", action="store_true")
    parser.add_argument("--sixteen", action="store_true")
    parser.add_argument("--strips", action="store_true")
    parser.add_argument("--runner", default="accopt-prove")
    parser.add_argument("--keep", help="folder where failing models are written")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    passed = failed = refused = packed = strips = 0
    builtins = subprocess.run(["acc-opt", "--list-targets"], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.split()
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.onnx"
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed}:{case}")
            wide = arguments.bits and case % 3 == 2
            model = Network(rng, wide, arguments.strips).model()
            onnx.save(model, path)
            target = machine(rng, arguments.bits, builtins, wide, arguments.strips, arguments.sixteen)
            command = [arguments.runner, str(path), f"--target={target}", f"--seed={case}"]
            if arguments.bits:
                command.append(f"--narrow-seed={rng.randrange(2**32)}")
            if arguments.sixteen:
                command.append(f"--activation-bits={activation_bits(rng, path, Path(temporary))}")
            if arguments.sixteen and rng.random() < 0.5:
                command.append(f"--weight-bits={rng.randint(10, 16)}")
            run = subprocess.run(command, capture_output=True, text=True, timeout=300)
            lines = run.stderr.strip().splitlines()
            if run.returncode == 0:
                passed += 1
                counts = run.stdout.rsplit(";", 1)[1].split()
                packed += int(counts[0])
                strips += int(counts[2])
            elif run.returncode == 1 and len(lines) == 1 and REFUSED.search(lines[0]):
                refused += 1
            else:
                failed += 1
                print(f"FAIL case {case} target {target} {command[4:]}: status {run.returncode}")
                print("\n".join(lines[:6] or run.stdout.splitlines()[:6]), flush=True)
                if arguments.keep:
                    onnx.save(model, Path(arguments.keep) / f"case{case}.onnx")
    print(f"{passed} passed, {failed} failed, {refused} refused by their machine; {packed} packed tensors, "
          f"{strips} layers in strips")
    # A run in which machines refuse most networks would show nothing.
    return 1 if failed or passed < refused else 0


if __name__ == "__main__":
    sys.exit(main())
