"""Compiles a model of many weights and measures the memory that it takes.

    big.py [--megabytes=64] [--inline] [--gemm] [--keep=FILE.onnx]

The model is a chain of convolutions, or with --gemm of matrix products, with as many
megabytes of float weights as asked for: in a file of their own beside the model, or with
--inline in the model (below protobuf's limit of 2 GB). acc-opt must stay within the
weights in int8 plus 200 MB, and say what it is doing where that takes seconds. Then it
is interrupted at some moments, and must leave nothing behind.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

CHANNELS = 512  # of a convolution, 3 x 3: 9.4 MB of float weights
FEATURES = 2048  # of a matrix product: 16.8 MB
BESIDE = 200e6  # bytes beside the weights in int8
NOTED = 256 << 20  # bytes of weights from which on there are notes


class Model:
    """A chain of layers, whose weights go to a file as they are made."""

    def __init__(self, path, is_inline, seed):
        self.path, self.is_inline = path, is_inline
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.data = None if is_inline else open(path.with_suffix(".data"), "wb")
        self.value, self.bytes = "x", 0

    def add_weights(self, shape):
        name = f"w{len(self.weights)}"
        fan_in = int(np.prod(shape[1:]))
        values = self.random.standard_normal(shape, np.float32) * np.float32((2 / fan_in) ** 0.5)
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        if self.is_inline:
            tensor.raw_data = values.tobytes()
        else:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", self.path.with_suffix(".data").name),
                               ("offset", self.data.tell()), ("length", values.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            self.data.write(values.tobytes())
        self.weights.append(tensor)
        self.bytes += values.nbytes
        return name

    def add(self, op, weights, **attributes):
        result = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.value, weights], [result], result,
                                           **attributes))
        self.value = f"z{len(self.nodes)}"
        self.nodes.append(helper.make_node("Relu", [result], [self.value], self.value))

    def save(self, shape):
        def info(name):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(self.nodes, "big", [info("x")], [info(self.value)],
                                  self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                  ir_version=8)
        self.path.write_bytes(model.SerializeToString())
        if self.data:
            self.data.close()


def make(path, megabytes, is_inline, is_gemm, seed):
    """Writes the model; returns the bytes of its weights."""
    model = Model(path, is_inline, seed)
    while model.bytes < megabytes << 20:
        if is_gemm:
            model.add("Gemm", model.add_weights((FEATURES, FEATURES)), transB=1)
        else:
            model.add("Conv", model.add_weights((CHANNELS, CHANNELS, 3, 3)),
                      kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    model.save([1, FEATURES] if is_gemm else [1, CHANNELS, 7, 7])
    return model.bytes


MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""


def peak_memory(model, binary):
    """Bytes that acc-opt takes at most, and what it says. A child's peak begins with its
    parent's, so that a small process of its own starts it."""
    done = subprocess.run([sys.executable, "-c", MEASURE, "acc-opt", model, "-o", binary,
                           f"--report={binary.with_suffix('.json')}"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"FAIL: {done.stderr}")
    return int(done.stdout), done.stderr


def interrupt(model, folder, seconds):
    """Stops acc-opt after a while; returns the files that it leaves."""
    process = subprocess.Popen(["acc-opt", model, "--quiet", "-o", folder / "x.elf"],
                               stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    # It may have been done by then.
    is_done = process.wait() == 0
    return [] if is_done else [path.name for path in folder.iterdir()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--inline", action="store_true")
    parser.add_argument("--gemm", action="store_true")
    parser.add_argument("--keep", type=Path, help="write the model and stop")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.keep:
        make(options.keep, options.megabytes, options.inline, options.gemm, options.seed)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, binary = folder / "big.onnx", folder / "big.elf"
        weights = make(model, options.megabytes, options.inline, options.gemm, options.seed)
        start = time.perf_counter()
        peak, notes = peak_memory(model, binary)
        seconds = time.perf_counter() - start
        size = binary.stat().st_size
        print(f"{weights / 1e6:.0f} MB of weights, {size / 1e6:.0f} MB of binary, "
              f"{peak / 1e6:.0f} MB of memory, {seconds:.1f} s")
        if size < weights / 4:
            sys.exit("FAIL: the binary lacks weights")
        if peak > weights / 4 + BESIDE:
            sys.exit(f"FAIL: expected at most {(weights / 4 + BESIDE) / 1e6:.0f} MB")
        if (weights >= NOTED) != ("s left" in notes):
            sys.exit(f"FAIL: {'no' if weights >= NOTED else 'unexpected'} notes\n{notes}")
        empty = folder / "interrupted"
        empty.mkdir()
        for part in range(1, 10):
            left = interrupt(model, empty, seconds * part / 10)
            if left:
                sys.exit(f"FAIL: interrupted after {part} tenths, it left {left}")
            for path in empty.iterdir():
                path.unlink()
        print("nothing left behind")


if __name__ == "__main__":
    main()
